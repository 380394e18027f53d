"""What becomes of a mail is known, however its server behaves; none is sent twice where it is."""

import threading
from email.header import decode_header, make_header
from typing import Any

import pytest

from notices.documents import Outcome
from notices.rendering.mail import Message
from notices.sending.mail import send_mail
from people import mail as backend
from tests.notices.sending.smtp import DIE, DRIP, HANG, Server, Word, taking_mail
from tests.workers import wait_until

MESSAGE = Message("Shop: a week", "text\n", "<p>html</p>\n")
END = "https://stats.example/notices/unsubscribe/" + "token" * 40


@pytest.fixture(autouse=True)
def smtp(settings: Any) -> None:
    settings.EMAIL_BACKEND = "people.mail.BoundedBackend"
    settings.EMAIL_HOST, settings.EMAIL_USE_TLS = "127.0.0.1", False
    settings.DEFAULT_FROM_EMAIL = "Analytics <service@stats.example>"


def send_to(server: Server, settings: Any, address: str = "who@example.com") -> Outcome:
    settings.EMAIL_PORT = server.port
    return send_mail(address, MESSAGE, "key-1", END)


def test_a_mail_that_is_taken_was_sent(settings: Any) -> None:
    with taking_mail() as server:
        assert send_to(server, settings) == {"result": "sent", "detail": ""}
        [mail] = server.taken
    assert (mail["To"], mail["From"]) == ("who@example.com", "Analytics <service@stats.example>")
    assert mail["Subject"] == "Shop: a week"
    assert mail["Message-ID"] == "<key-1@stats.example>"
    assert "".join(mail["List-Unsubscribe"].split()) == f"<{END}>"
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert mail["Auto-Submitted"] == "auto-generated"
    parts = [(part.get_content_type(), part.get_payload()) for part in mail.walk()]
    assert parts[1:] == [("text/plain", "text\r\n"), ("text/html", "<p>html</p>\r\n")]


@pytest.mark.parametrize(
    ("word", "answer", "result", "told"),
    [
        ("greeting", "421 its own words", "retry", "421"),
        ("greeting", "554 its own words", "retry", "554"),
        ("EHLO", "550 its own words", "retry", "550"),
        ("MAIL", "451 its own words", "retry", "451"),
        ("MAIL", "550 its own words", "retry", "550"),
        ("RCPT", "450 its own words", "retry", "450"),
        ("RCPT", "550 its own words", "failed", "550"),
        ("DATA", "451 its own words", "retry", "451"),
        ("DATA", "554 its own words", "failed", "554"),
        ("body", "452 its own words", "retry", "452"),
        ("body", "552 its own words", "failed", "552"),
    ],
)
def test_a_refusal_for_a_while_is_tried_again_and_one_for_good_is_not(
    settings: Any, word: Word, answer: str, result: str, told: str
) -> None:
    with taking_mail({word: answer}) as server:
        outcome = send_to(server, settings)
        assert (outcome["result"], server.taken) == (result, [])
    assert told in outcome["detail"]
    assert "its own words" not in outcome["detail"]


@pytest.mark.parametrize("word", ["greeting", "EHLO", "MAIL", "RCPT", "DATA", "body"])
def test_a_server_that_dies_before_it_took_the_mail_is_tried_again(
    settings: Any, word: Word
) -> None:
    with taking_mail({word: DIE}) as server:
        assert send_to(server, settings)["result"] == "retry"
        assert server.taken == []
    with taking_mail() as server:  # it comes back
        assert send_to(server, settings)["result"] == "sent"
        assert [mail["Message-ID"] for mail in server.taken] == ["<key-1@stats.example>"]


@pytest.mark.parametrize("answer", [DIE, "500 what", "421 bye"])
def test_once_it_took_the_mail_it_was_sent_whatever_follows(settings: Any, answer: str) -> None:
    with taking_mail({"QUIT": answer}) as server:
        assert send_to(server, settings)["result"] == "sent"
        assert len(server.taken) == 1


def give_little_time(monkeypatch: pytest.MonkeyPatch, server: Server, word: Word) -> None:
    """It begins when the server has come to the word: a machine that stalls before takes none."""

    class Late(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            wait_until(lambda: self.is_set() or word in server.heard, 60, f"{word} is heard")
            return super().wait(timeout)

    monkeypatch.setattr(backend, "Event", Late)
    monkeypatch.setattr(backend, "WHOLE_SECONDS", 0.4)


@pytest.mark.parametrize("word", ["greeting", "EHLO", "RCPT", "body"])
@pytest.mark.parametrize("way", [HANG, DRIP])
def test_a_slow_server_is_not_waited_for_however_it_is_slow(
    settings: Any, monkeypatch: pytest.MonkeyPatch, word: Word, way: str
) -> None:
    """Each byte of a drip comes in time; all of them do not."""
    with taking_mail({word: way}) as server:
        give_little_time(monkeypatch, server, word)
        assert send_to(server, settings)["result"] == "retry"
        assert (server.heard[-1], server.taken) == (word, [])


def test_a_slow_farewell_changes_nothing(settings: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with taking_mail({"QUIT": HANG}) as server:
        give_little_time(monkeypatch, server, "QUIT")
        assert send_to(server, settings)["result"] == "sent"
        assert len(server.taken) == 1


def test_nobody_there_is_tried_again(settings: Any) -> None:
    with taking_mail() as server:
        pass
    outcome = send_to(server, settings)
    assert outcome == {"result": "retry", "detail": "The mail server cannot be reached."}


def test_an_address_cannot_add_headers_or_recipients(settings: Any) -> None:
    for address in ("a@example.com\r\nBcc: b@example.com", "a@example.com\nX: y"):
        with taking_mail() as server:
            assert send_to(server, settings, address)["result"] == "failed"
            assert server.taken == []


def test_a_subject_in_any_script_arrives_as_one_line(settings: Any) -> None:
    subject = "Магазин, 店 and 🛒: " + "a long name of a project " * 4
    with taking_mail() as server:
        settings.EMAIL_PORT = server.port
        message = Message(subject.strip(), "text", "<p>html</p>")
        assert send_mail("who@example.com", message, "key-1", END)["result"] == "sent"
        [mail] = server.taken
    assert str(make_header(decode_header(mail["Subject"]))) == subject.strip()
