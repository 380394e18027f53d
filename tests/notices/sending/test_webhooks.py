"""A webhook is posted to, signed, within bounded time; what it answers gets no further."""

import base64
import hashlib
import hmac
import json
import os
import socket
import ssl
import time
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest

from notices.documents import Outcome
from notices.sending import connection, webhooks
from notices.sending.signing import make_secret
from notices.sending.webhooks import post
from tests.notices.sending.hooks import HOST, Answer, Hook, listening, make_certificate, say

OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BODY = json.dumps({"type": "report"}).encode()


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_certificate(tmp_path_factory.mktemp("certificate"))


class Resolver:
    """What the name leads to at each look-up; the last answer is given again."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    def __call__(self, host: str, port: int, **_: Any) -> list[Any]:
        self.asked.append(host)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in found]


class Connecting:
    """Real connections, and where they went; public addresses of tests lead to this machine."""

    def __init__(self) -> None:
        self.to: list[str] = []
        self._real = connection.open_socket

    def __call__(self, address: str, port: int, seconds: float) -> socket.socket:
        self.to.append(address)
        return self._real("127.0.0.1", port, seconds)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Resolver:
    resolver = Resolver(["127.0.0.1"])
    monkeypatch.setattr(socket, "getaddrinfo", resolver)
    return resolver


@pytest.fixture(autouse=True)
def here(
    settings: Any, monkeypatch: pytest.MonkeyPatch, resolver: Resolver, certificate: Path
) -> None:
    """The name leads to this machine, which is allowed, and whose certificate is trusted."""
    settings.WEBHOOK_ALLOWED_NETWORKS = [ip_network("127.0.0.0/8")]
    monkeypatch.setitem(os.environ, "SSL_CERT_FILE", str(certificate))


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    """An attempt of a test that waits for all of it."""
    monkeypatch.setattr(webhooks, "WHOLE_SECONDS", 0.5)


def answering(certificate: Path, answer: Answer | str) -> Any:
    return listening(certificate, say(answer) if isinstance(answer, str) else answer)


def test_it_is_posted_to_by_its_name_and_signed(certificate: Path) -> None:
    secret = make_secret()
    with answering(certificate, OK) as hook:
        assert post(hook.url + "?a=b", BODY, "notice-1", secret) == {"result": "sent", "detail": ""}
        assert hook.names == [HOST]
        [request] = hook.requests
    head, _, body = request.partition(b"\r\n\r\n")
    line, *fields = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (each.partition(": ") for each in fields)}
    assert line == "POST /in?a=b HTTP/1.1"
    assert headers["host"] == f"{HOST}:{hook.port}"
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "notice-1"
    assert abs(int(headers["webhook-timestamp"]) - time.time()) < 60
    assert body == BODY
    # As somebody checks it who knows the secret.
    signed = f"notice-1.{headers['webhook-timestamp']}.".encode() + body
    key = base64.b64decode(secret.removeprefix("whsec_"))
    digest = base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    assert headers["webhook-signature"] == f"v1,{digest}"


def test_without_a_secret_nothing_is_signed(certificate: Path) -> None:
    with answering(certificate, OK) as hook:
        assert post(hook.url, BODY, "notice-1", "")["result"] == "sent"
        assert b"webhook-signature" not in hook.requests[0]


@pytest.mark.parametrize("secret", ["secret", "whsec_", "whsec_\N{GREEK SMALL LETTER ALPHA}"])
def test_a_secret_that_is_none_sends_nothing(certificate: Path, secret: str) -> None:
    with answering(certificate, OK) as hook:
        assert post(hook.url, BODY, "notice-1", secret)["result"] == "failed"
        assert hook.connections == 0


@pytest.mark.parametrize(
    ("status", "result"),
    [
        (200, "sent"), (202, "sent"), (204, "sent"),
        (301, "failed"), (302, "failed"), (304, "failed"), (307, "failed"), (308, "failed"),
        (400, "failed"), (401, "failed"), (404, "failed"), (410, "failed"),
        (408, "retry"), (425, "retry"), (429, "retry"),
        (500, "retry"), (502, "retry"), (503, "retry"), (504, "retry"),
    ],
)  # fmt: skip
def test_the_status_says_what_becomes_of_it(certificate: Path, status: int, result: str) -> None:
    with answering(certificate, f"HTTP/1.1 {status} Whatever\r\nContent-Length: 0\r\n\r\n") as hook:
        outcome = post(hook.url, BODY, "n", "")
    assert outcome["result"] == result
    assert result == "sent" or str(status) in outcome["detail"]


@pytest.mark.parametrize(
    ("head", "seconds"),
    [
        ("Retry-After: 120\r\n", 120),
        ("retry-after:7\r\n", 7),
        ("Retry-After: 99999999\r\n", 86_400),
        ("Retry-After: Wed, 21 Oct 2015 07:28:00 GMT\r\n", None),
        ("Retry-After: -5\r\n", None),
        ("", None),
    ],
)
def test_it_may_ask_for_time_within_a_day(
    certificate: Path, head: str, seconds: int | None
) -> None:
    answer = f"HTTP/1.1 429 Slowly\r\n{head}Content-Length: 0\r\n\r\nRetry-After: 3\r\n"
    with answering(certificate, answer) as hook:
        assert post(hook.url, BODY, "n", "").get("retryAfterSeconds") == seconds


def test_a_redirect_to_this_machine_is_not_followed(certificate: Path) -> None:
    with (
        answering(certificate, OK) as inner,
        answering(
            certificate,
            f"HTTP/1.1 302 Found\r\nLocation: {inner.url}\r\nContent-Length: 0\r\n\r\n",
        ) as hook,
    ):
        outcome = post(hook.url, BODY, "n", "")
        assert (outcome["result"], inner.connections) == ("failed", 0)
        assert "redirect" in outcome["detail"]


# --- Where it is ---------------------------------------------------------------------------------


def test_what_is_not_public_is_not_connected_to(settings: Any, certificate: Path) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    with answering(certificate, OK) as hook:
        outcome = post(hook.url, BODY, "n", "")
        assert outcome == {"result": "failed", "detail": "Its address is not a public one."}
        for host in ("127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "localhost"):
            assert post(f"https://{host}:{hook.port}/", BODY, "n", "")["result"] == "failed"
        assert hook.connections == 0


def test_the_name_is_looked_up_once_and_that_address_connected_to(
    settings: Any, monkeypatch: pytest.MonkeyPatch, certificate: Path, resolver: Resolver
) -> None:
    """Whoever answers another address the second time is not asked a second time."""
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    resolver.answers = [["93.184.216.34"], ["127.0.0.1"]]
    connecting = Connecting()
    monkeypatch.setattr(connection, "open_socket", connecting)
    with answering(certificate, OK) as hook:
        assert post(hook.url, BODY, "n", "")["result"] == "sent"
        assert (resolver.asked, connecting.to) == ([HOST], ["93.184.216.34"])
        assert hook.names == [HOST]  # and the certificate was checked against it
        # At the next attempt it leads inside: then nothing is connected to.
        assert post(hook.url, BODY, "n", "")["result"] == "failed"
        assert connecting.to == ["93.184.216.34"]


@pytest.mark.parametrize(
    "answer",
    [
        ["93.184.216.34", "127.0.0.1"],
        ["93.184.216.34", "::ffff:127.0.0.1"],
        ["fe80::1%2"],
        ["169.254.169.254"],
        ["what is this"],
    ],
)
def test_a_name_that_also_leads_inside_is_not_connected_to(
    settings: Any, monkeypatch: pytest.MonkeyPatch, resolver: Resolver, answer: list[str]
) -> None:
    settings.WEBHOOK_ALLOWED_NETWORKS = []
    resolver.answers = [answer]
    connecting = Connecting()
    monkeypatch.setattr(connection, "open_socket", connecting)
    assert post(f"https://{HOST}/", BODY, "n", "")["result"] == "failed"
    assert connecting.to == []


def test_the_next_address_is_tried_where_one_does_not_answer(
    certificate: Path, resolver: Resolver
) -> None:
    resolver.answers = [["127.0.0.2", "127.0.0.1"]]
    with answering(certificate, OK) as hook:
        assert post(hook.url, BODY, "n", "")["result"] == "sent"


def test_nobody_at_the_address_is_tried_again(certificate: Path) -> None:
    with answering(certificate, OK) as hook:
        url = hook.url
    assert post(url, BODY, "n", "")["result"] == "retry"


def test_an_unknown_name_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "secret of the resolver")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    outcome = post(f"https://{HOST}/", BODY, "n", "")
    assert outcome == {"result": "retry", "detail": "Its name is not known."}


def test_a_resolver_that_never_answers_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer_late(*_: Any, **__: Any) -> list[Any]:
        time.sleep(5)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", answer_late)
    monkeypatch.setattr(connection, "RESOLVE_SECONDS", 0.2)
    outcome = post(f"https://{HOST}/", BODY, "n", "")
    assert outcome == {"result": "retry", "detail": "Its name was not found in time."}


def test_a_certificate_of_another_name_is_not_trusted(certificate: Path) -> None:
    with answering(certificate, OK) as hook:
        outcome = post(f"https://other.example:{hook.port}/", BODY, "n", "")
        assert outcome["result"] == "retry"
        assert "certificate" in outcome["detail"]
        assert hook.requests == []


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    monkeypatch: pytest.MonkeyPatch, certificate: Path
) -> None:
    monkeypatch.delitem(os.environ, "SSL_CERT_FILE")
    with answering(certificate, OK) as hook:
        assert "certificate" in post(hook.url, BODY, "n", "")["detail"]
        assert hook.requests == []


def test_what_does_not_speak_tls_is_tried_again() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.listen()
        url = f"https://{HOST}:{server.getsockname()[1]}/"
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(connection, "CONNECT_SECONDS", 0.3)
            outcome = post(url, BODY, "n", "")
    assert outcome == {"result": "retry", "detail": "It did not answer in time."}


# --- How it answers ------------------------------------------------------------------------------


def drip(head: bytes) -> Answer:
    """A byte now and then, for ever."""

    def answer(connection: ssl.SSLSocket, _: bytes) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"a")
            time.sleep(0.05)

    return answer


def flood(head: bytes) -> Answer:
    """As much as there is room for, for ever."""

    def answer(connection: ssl.SSLSocket, _: bytes) -> None:
        connection.sendall(head)
        while True:
            connection.sendall(b"x: " + b"y" * 8_000 + b"\r\n")

    return answer


def hang(connection: ssl.SSLSocket, _: bytes) -> None:
    time.sleep(3)


def interim(connection: ssl.SSLSocket, _: bytes) -> None:
    while True:
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")


def cut(connection: ssl.SSLSocket, _: bytes) -> None:
    connection.sendall(b"HTTP/1.1 200 ")


HOSTILE: dict[str, tuple[Answer, str]] = {
    "an endless head": (flood(b"HTTP/1.1 200 OK\r\n"), "not one of HTTP"),
    "interim answers for ever": (interim, "not one of HTTP"),
    "no HTTP": (say("SSH-2.0-OpenSSH_9.9\r\n\r\n"), "not one of HTTP"),
    "a status that is none": (say("HTTP/1.1 999 Ha\r\n\r\n"), "not one of HTTP"),
    "another HTTP": (say("HTTP/2 200\r\n\r\n"), "not one of HTTP"),
    "half of an answer": (cut, "broke the connection"),
    "the connection ends": (lambda connection, _: None, "broke the connection"),
}


@pytest.mark.parametrize("answer", [hang, drip(b""), drip(b"HTTP/1.1 200 OK\r\nX: ")])
def test_an_answer_that_does_not_come_is_not_waited_for(
    certificate: Path, short: None, answer: Answer
) -> None:
    with answering(certificate, answer) as hook:
        outcome = post(hook.url, BODY, "n", "")
    assert outcome == {"result": "retry", "detail": "It did not answer in time."}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_answer_is_bounded_and_tried_again(certificate: Path, name: str) -> None:
    answer, why = HOSTILE[name]
    with answering(certificate, answer) as hook:
        outcome = post(hook.url, BODY, "n", "")
    assert (outcome["result"], why in outcome["detail"]) == ("retry", True), outcome


@pytest.mark.parametrize("answer", [drip, flood])
def test_an_endless_body_is_left_and_the_notice_was_sent(
    certificate: Path, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    monkeypatch.setattr(webhooks, "DRAIN_SECONDS", 0.3)
    with answering(certificate, answer(b"HTTP/1.1 200 OK\r\n\r\n")) as hook:
        assert post(hook.url, BODY, "n", "")["result"] == "sent"


def test_one_that_does_not_read_is_left(
    certificate: Path, short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_nothing(_: Any) -> bytes:
        time.sleep(3)
        return b""

    monkeypatch.setattr("tests.notices.sending.hooks.read_request", read_nothing)
    with answering(certificate, OK) as hook:
        outcome = post(hook.url, b"x" * 20_000_000, "n", "")
    assert outcome == {"result": "retry", "detail": "It did not answer in time."}


def test_nothing_that_it_said_is_told(certificate: Path) -> None:
    """Whoever set it up could otherwise read what only this machine can."""
    secret = "AKIA-SECRET"
    for status in (200, 302, 404, 500):
        answer = f"HTTP/1.1 {status} {secret}\r\nX: {secret}\r\n\r\n{secret}"
        with answering(certificate, answer) as hook:
            assert secret not in str(post(hook.url, BODY, "n", ""))


def test_an_interim_answer_is_read_past(certificate: Path) -> None:
    with answering(certificate, "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + OK) as hook:
        assert post(hook.url, BODY, "n", "")["result"] == "sent"


def test_what_is_tried_again_has_the_same_id(certificate: Path) -> None:
    answers: Iterator[str] = iter(("HTTP/1.1 503 No\r\nContent-Length: 0\r\n\r\n", OK))
    outcomes: list[Outcome] = []
    with answering(certificate, lambda c, _: c.sendall(next(answers).encode())) as hook:
        for _ in range(2):
            outcomes.append(post(hook.url, BODY, "notice-1", make_secret()))
        ids = [request.count(b"webhook-id: notice-1\r\n") for request in hook.requests]
    assert ([each["result"] for each in outcomes], ids) == (["retry", "sent"], [1, 1])
    assert isinstance(hook, Hook)
