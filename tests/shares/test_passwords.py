"""A link with a password: asked for on a page, remembered by a cookie, and never in a frame."""

from typing import Any

import pytest
from django.test import Client

from dashboard.middleware import POLICY
from people.shares.models import ShareLink
from people.shares.passwords import set_password
from tests.conftest import TestProject
from tests.shares.conftest import Share, Visitor
from tests.shares.test_shared_page import PARTS

RIGHT = "open sesame"


@pytest.fixture
def locked(told: TestProject, share: Share) -> Visitor:
    return share(told, password=RIGHT, origins=["https://blog.example"])


def unlock(visitor: Visitor, password: str = RIGHT, **more: Any) -> Any:
    return visitor.client.post(visitor.home + "unlock", {"password": password}, **more)


def shows_numbers(visitor: Visitor, part: str = "?full=1") -> bool:
    text = visitor.client.get(visitor.home + part).content.decode()
    return "/docs" in text or "data-value" in text


@pytest.mark.parametrize("part", PARTS)
def test_nothing_is_shown_before_the_password(locked: Visitor, part: str) -> None:
    answer = locked.client.get(locked.home + part)

    assert not shows_numbers(locked, part)
    assert "This page has a password" in answer.content.decode()
    assert locked.link.name not in answer.content.decode()
    assert answer["Cache-Control"] == "private, no-store"
    assert answer["Content-Security-Policy"] == POLICY  # though it has origins
    again = locked.client.get(locked.home + part, headers={"HX-Request": "true"})
    assert (again.status_code, again.content) == (401, b"")


def test_who_knows_it_sees_the_page_until_it_changes(locked: Visitor) -> None:
    answer = unlock(locked)

    assert answer["Location"] == locked.home
    cookie = answer.cookies["opened"]
    assert (cookie["httponly"], cookie["samesite"]) == (True, "Lax")
    assert cookie["path"] == locked.home.rstrip("/")
    assert shows_numbers(locked)
    assert shows_numbers(locked, "list/path/csv")
    set_password(locked.link, RIGHT)  # the same, set anew
    locked.link.save()
    assert not shows_numbers(locked)
    assert unlock(locked).status_code == 302
    assert shows_numbers(locked)
    ShareLink.objects.filter(pk=locked.link.pk).update(password="")
    assert shows_numbers(Visitor(locked.link, locked.token, Client()))


def test_a_wrong_one_is_told_and_five_of_an_address_lock_the_link(locked: Visitor) -> None:
    answers = [unlock(locked, "wrong") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert "This is not the password." in answers[0].content.decode()
    assert int(answers[5]["Retry-After"]) > 0
    assert unlock(locked).status_code == 429  # the right one is not even looked at
    assert unlock(locked, REMOTE_ADDR="203.0.113.9").status_code == 302


def test_a_locked_link_locks_no_other(told: TestProject, share: Share, locked: Visitor) -> None:
    other = share(told, password=RIGHT)
    for _ in range(6):
        unlock(locked, "wrong")

    assert unlock(other).status_code == 302


def test_what_opens_one_link_opens_no_other(told: TestProject, share: Share) -> None:
    one, other = share(told, password=RIGHT), share(told, password=RIGHT)
    signed = unlock(one).cookies["opened"].value
    other.client.cookies["opened"] = signed
    assert not shows_numbers(other)
    one.client.cookies["opened"] = f"{signed}x"
    assert not shows_numbers(one)


def test_a_password_in_an_address_is_not_looked_at(locked: Visitor) -> None:
    answer = locked.get("", password=RIGHT)

    assert "This page has a password" in answer.content.decode()
    assert "sesame" not in answer.content.decode()
    assert locked.client.post(f"{locked.home}unlock?password={RIGHT}").status_code == 200
    assert locked.client.get(f"{locked.home}unlock").status_code == 405


@pytest.mark.parametrize("destination", ["iframe", "frame", "embed", "object"])
def test_in_a_frame_a_page_leads_out_of_it(locked: Visitor, destination: str) -> None:
    unlock(locked)  # even then
    answer = locked.client.get(locked.home, headers={"Sec-Fetch-Dest": destination})
    text = answer.content.decode()

    assert "Open in a new tab" in text
    assert f'href="{locked.home}" target="_blank"' in text
    assert "<form" not in text
    assert "/docs" not in text
    assert answer["Content-Security-Policy"].endswith("frame-ancestors *")
    assert "X-Frame-Options" not in answer
    assert answer["Referrer-Policy"] == "no-referrer"


def test_another_website_cannot_send_the_password(locked: Visitor) -> None:
    for site in ("cross-site", "same-site"):
        answer = unlock(locked, headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
    assert unlock(locked, headers={"Sec-Fetch-Site": "same-origin"}).status_code == 302


def test_a_password_is_kept_as_a_hash(locked: Visitor) -> None:
    stored = str(ShareLink.objects.filter(pk=locked.link.pk).values().get())

    assert RIGHT not in stored
    assert unlock(locked, "x" * 100_000).status_code == 200
