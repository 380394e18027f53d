"""Inviting in the settings, and accepting by the link."""

import re
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client
from pytest_django import Settings

from people.members.invitations import invite
from people.members.models import Invitation, Member, Role
from tests.conftest import TestProject
from tests.members import PASSWORD, let_in
from tests.people.conftest import make_user

ACCOUNT = {"username": "nina", "email": "", "password1": PASSWORD, "password2": PASSWORD}


def send(client: Client, project: TestProject, **fields: str) -> str:
    answer = client.post(
        f"/p/{project.row.pk}/settings", {"section": "invite", **fields}, follow=True
    )
    assert answer.status_code == 200
    return str(answer.content.decode())


def find_link(text: str) -> str:
    [link] = re.findall(r"http://testserver(/invitation/[\w-]{43})", text)
    return str(link)


def follow(link: str, client: Client | None = None) -> tuple[Client, Any]:
    client = client or Client()
    return client, client.get(link, follow=True)


@pytest.fixture
def link(owner: Client, project: TestProject) -> str:
    return find_link(send(owner, project, role="editor"))


def test_without_mail_the_link_is_shown_once_to_who_invites(
    owner: Client, link: str, project: TestProject
) -> None:
    page = owner.get(f"/p/{project.row.pk}/settings").content.decode()

    assert link not in page
    assert "Open invitations" in page


def test_with_mail_it_is_sent_and_not_shown(
    owner: Client, project: TestProject, settings: Settings
) -> None:
    settings.EMAIL_HOST, settings.DEFAULT_FROM_EMAIL = "mail.example", "a@example.com"
    project.row.name = "A <b>shop</b>"
    project.row.save()

    page = send(owner, project, role="viewer", email="nina@example.com")

    [sent] = mail.outbox
    assert (sent.to, sent.subject) == (["nina@example.com"], "Invitation to A <b>shop</b>")
    assert "/invitation/" not in page
    _, opened = follow(find_link(str(sent.body)))
    assert "nina@example.com" in opened.content.decode()


def test_mail_that_cannot_be_sent_is_told_and_the_link_shown(
    owner: Client, project: TestProject, settings: Settings
) -> None:
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_HOST, settings.EMAIL_PORT = "127.0.0.1", 1  # nobody listens there

    page = send(owner, project, role="viewer", email="nina@example.com")

    assert "The mail could not be sent" in page
    assert find_link(page)


def test_a_new_account_is_made_let_in_and_signed_in(link: str, project: TestProject) -> None:
    client, page = follow(link)
    assert "invites you to" in page.content.decode()
    assert project.row.name in page.content.decode()

    answer = client.post("/invitation", ACCOUNT)

    assert answer["Location"] == f"/p/{project.row.pk}/"
    assert client.get(answer["Location"]).status_code == 200
    nina = User.objects.get(username="nina")
    assert (nina.is_staff, nina.is_superuser) == (False, False)
    assert Member.objects.get(user=nina).role == Role.EDITOR
    assert client.get("/admin/").status_code == 302


def test_who_is_signed_in_joins_as_that(link: str, project: TestProject) -> None:
    bob = make_user("bob")
    client, page = follow(link, let_in(bob))
    assert "Accept as" in page.content.decode()

    assert client.post("/invitation")["Location"] == f"/p/{project.row.pk}/"

    assert Member.objects.get(user=bob).role == Role.EDITOR
    assert not Invitation.objects.exists()


def test_who_has_an_account_signs_in_without_the_token_in_any_address(link: str) -> None:
    make_user("bob")
    client, page = follow(link)
    assert "/signin?next=/invitation" in page.content.decode()

    answer = client.post(
        "/signin", {"username": "bob", "password": PASSWORD, "next": "/invitation"}, follow=True
    )

    assert "Accept as" in answer.content.decode()


def test_looking_at_an_invitation_uses_nothing_up(link: str) -> None:
    for _ in range(3):
        assert follow(link)[1].status_code == 200
    assert Invitation.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"username": "OLGA"}, "already exists"),
        ({"password2": "other"}, "match"),
        ({"password1": "short", "password2": "short"}, "too short"),
        ({"username": "a\x00b"}, "Null characters"),
        ({"email": "none"}, "valid email"),
    ],
)
def test_what_is_wrong_with_a_new_account_is_told_and_the_link_stays_good(
    link: str, fields: dict[str, str], told: str
) -> None:
    client, _ = follow(link)

    answer = client.post("/invitation", ACCOUNT | fields)

    assert answer.status_code == 200
    assert told in answer.content.decode()
    assert User.objects.count() == 1
    assert client.post("/invitation", ACCOUNT).status_code == 302


def test_a_withdrawn_invitation_lets_nobody_in(
    owner: Client, link: str, project: TestProject
) -> None:
    client, _ = follow(link)
    held = Invitation.objects.get()
    sent = {"section": "withdraw", "invitation": held.pk}
    assert owner.post(f"/p/{project.row.pk}/settings", sent).status_code == 302

    assert client.post("/invitation", ACCOUNT).status_code == 404
    assert not User.objects.filter(username="nina").exists()


def test_an_invitation_to_a_deleted_project_lets_nobody_in(link: str, project: TestProject) -> None:
    project.row.stop()

    assert follow(link)[1].status_code == 404


def test_invitations_of_a_project_are_bounded(
    owner: Client, olga: User, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("people.members.invitations.MAX_OPEN", 2)
    for _ in range(2):
        invite(project.row, Role.VIEWER, "", olga)

    assert "invitations are open" in send(owner, project, role="viewer")
    assert Invitation.objects.count() == 2


def test_the_last_owner_is_told_why_they_stay(owner: Client, project: TestProject) -> None:
    answer = owner.post(f"/p/{project.row.pk}/settings", {"section": "leave"}, follow=True)

    assert "A project keeps an owner" in answer.content.decode()
    assert Member.objects.count() == 1


def test_who_leaves_sees_the_project_no_more(owner: Client, project: TestProject) -> None:
    bob = make_user("bob")
    Member.objects.create(
        pk=f"{project.row.pk}:{bob.pk}", project=project.row, user=bob, role="viewer"
    )
    client = let_in(bob)

    answer = client.post(f"/p/{project.row.pk}/settings", {"section": "leave"})

    assert answer["Location"] == "/"
    assert client.get(f"/p/{project.row.pk}/").status_code == 404
