"""Sessions of the admin: who signs out, or is signed out, is out with every copy of the cookie."""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.sessions.backends.base import UpdateError
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import Client
from django.urls import reverse
from pymongo.collection import Collection
from pymongo.errors import ServerSelectionTimeoutError

from analytics.databases.mongo import ADMIN_SESSIONS, collection

PASSWORD = "correct horse battery"
INDEX, LOGIN, LOGOUT = (reverse(f"admin:{page}") for page in ("index", "login", "logout"))


@pytest.fixture
def alice(store: None) -> User:
    return User.objects.create_superuser("alice", password=PASSWORD)


def sign_in(name: str = "alice", password: str = PASSWORD, browser: Client | None = None) -> Client:
    browser = browser or Client()
    answer = browser.post(LOGIN, {"username": name, "password": password})
    assert answer.status_code == 302
    return browser


def copy_cookie(browser: Client) -> Client:
    copy = Client(raise_request_exception=False)
    copy.cookies["sessionid"] = browser.cookies["sessionid"].value
    return copy


def is_in(browser: Client) -> bool:
    return bool(browser.get(INDEX).status_code == 200)


def test_a_copied_cookie_is_worth_nothing_after_signing_out(alice: User) -> None:
    browser = sign_in()
    copy = copy_cookie(browser)
    assert is_in(copy)

    browser.post(LOGOUT)

    assert not is_in(copy)
    assert not is_in(browser)
    assert collection(ADMIN_SESSIONS).count_documents({}) == 0


def test_signing_out_ends_no_session_in_another_browser(alice: User) -> None:
    browser, other = sign_in(), sign_in()

    browser.post(LOGOUT)

    assert is_in(other)


def test_only_a_digest_of_a_session_is_kept_and_it_opens_nothing(alice: User) -> None:
    browser = sign_in()
    key = browser.cookies["sessionid"].value
    [kept] = collection(ADMIN_SESSIONS).find()

    assert key not in repr(kept)
    stolen = Client()
    for text in (kept["_id"].hex(), kept["_id"].hex()[:32], kept["data"]):
        stolen.cookies["sessionid"] = text
        assert not is_in(stolen)


def test_a_page_reads_the_session_once_and_writes_nothing(
    alice: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    browser = sign_in()
    [before] = collection(ADMIN_SESSIONS).find()
    asked: list[str] = []

    def note(name: str) -> Callable[..., Any]:
        method = getattr(Collection, name)

        def noted(self: Collection[Any], *args: Any, **kwargs: Any) -> Any:
            if self.name == ADMIN_SESSIONS:
                asked.append(name)
            return method(self, *args, **kwargs)

        return noted

    for name in ("find_one", "update_one", "insert_one", "delete_one", "delete_many"):
        monkeypatch.setattr(Collection, name, note(name))

    assert is_in(browser)

    assert asked == ["find_one"]
    assert list(collection(ADMIN_SESSIONS).find()) == [before]


def test_signing_in_gives_a_new_key_whatever_was_sent_before(alice: User) -> None:
    fixed = "a" * 32
    browser = Client()
    browser.cookies["sessionid"] = fixed
    sign_in(browser=browser)
    first = copy_cookie(browser)

    sign_in(browser=browser)

    assert browser.cookies["sessionid"].value not in (fixed, first.cookies["sessionid"].value)
    assert is_in(browser)
    assert not is_in(first)


def test_a_session_is_over_after_twelve_hours_whoever_removes_it(alice: User) -> None:
    browser = sign_in()
    [kept] = collection(ADMIN_SESSIONS).find()
    age = kept["expiresAt"] - kept["createdAt"]
    assert timedelta(hours=11, minutes=59) < age <= timedelta(hours=12)

    past = datetime.now(UTC) - timedelta(seconds=1)
    collection(ADMIN_SESSIONS).update_one({}, {"$set": {"expiresAt": past}})

    assert not is_in(browser)
    indexes = collection(ADMIN_SESSIONS).index_information()
    assert indexes["expiry"]["expireAfterSeconds"] == 0


def test_a_new_password_ends_all_other_sessions(alice: User) -> None:
    browser, other = sign_in(), sign_in()
    new = dict.fromkeys(("new_password1", "new_password2"), "another horse battery")
    before = copy_cookie(browser)

    fields = {"old_password": PASSWORD, **new}
    assert browser.post(reverse("admin:password_change"), fields).status_code == 302

    assert is_in(browser)
    assert not is_in(other)
    assert not is_in(before)
    assert collection(ADMIN_SESSIONS).count_documents({}) == 1


@pytest.mark.parametrize("field", ["is_active", "is_staff"])
def test_who_is_shut_out_stays_out_when_let_in_again(alice: User, field: str) -> None:
    browser = sign_in()
    for value in (False, True):
        setattr(alice, field, value)
        alice.save()

    assert not is_in(browser)


def test_a_removed_user_has_no_session_left(alice: User) -> None:
    sign_in()
    alice.delete()

    assert collection(ADMIN_SESSIONS).count_documents({}) == 0


def test_a_superuser_ends_all_sessions_of_a_user(alice: User) -> None:
    bob = User.objects.create_superuser("bob", password=PASSWORD)
    browser, others = sign_in(), [sign_in("bob"), sign_in("bob")]
    form = {"action": "end_all_sessions", "_selected_action": [str(bob.pk)]}

    page = browser.post(reverse("admin:auth_user_changelist"), form, follow=True)

    assert "2 sessions ended." in page.content.decode()
    assert [is_in(other) for other in others] == [False, False]
    assert is_in(browser)


def test_the_command_ends_those_of_a_user_or_all(alice: User) -> None:
    User.objects.create_superuser("bob", password=PASSWORD)
    browser, other = sign_in(), sign_in("bob")
    told = StringIO()

    call_command("end_sessions", "alice", stdout=told)
    assert (is_in(browser), is_in(other)) == (False, True)
    call_command("end_sessions", "--all", stdout=told)
    assert not is_in(other)

    assert told.getvalue() == "1 sessions ended\n1 sessions ended\n"
    for wrong in ([], ["alice", "--all"], ["nobody"]):
        with pytest.raises(CommandError):
            call_command("end_sessions", *wrong)


def test_a_session_that_was_ended_is_not_revived_by_a_page_that_saves_it(alice: User) -> None:
    browser = sign_in()
    session = browser.session
    session["seen"] = 1
    call_command("end_sessions", "--all", stdout=StringIO())

    with pytest.raises(UpdateError):
        session.save()

    assert collection(ADMIN_SESSIONS).count_documents({}) == 0


@pytest.mark.parametrize("method", ["find_one", "insert_one", "delete_one"])
def test_without_the_store_nobody_is_let_in_and_nothing_breaks(
    alice: User, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    browser = copy_cookie(sign_in())

    def fail(*args: Any, **kwargs: Any) -> None:
        raise ServerSelectionTimeoutError("gone")

    monkeypatch.setattr(Collection, method, fail)
    answers = [
        browser.get(INDEX),
        browser.post(LOGIN, {"username": "alice", "password": PASSWORD}),
        browser.post(LOGOUT),
    ]

    assert any(answer.status_code == 503 for answer in answers)
    for answer in answers:
        assert answer.status_code in (200, 302, 503)
        if answer.status_code == 503:
            assert answer.json()["code"] == "store_unavailable"


def test_cookies_are_for_this_site_alone_and_for_no_script(alice: User) -> None:
    cookie = sign_in().cookies["sessionid"]

    assert cookie["httponly"] and cookie["samesite"] == "Lax"
    assert re.fullmatch(r"[a-z0-9]{32}", cookie.value)
