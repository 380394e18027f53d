"""Members, invitations and share links by the admin API."""

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.contrib.auth.models import User
from django.core import mail
from django.test import Client

from analytics.databases.mongo import AUDIT, collection
from analytics.databases.transactions import transact_models
from people.members.changes import add_member
from people.members.models import Invitation, Member, Role
from people.shares.models import ShareLink
from tests.conftest import TestProject
from tests.members import PASSWORD
from tests.people.web.conftest import Script


def join(project: TestProject, name: str, role: Role) -> User:
    user = User.objects.create_user(name, password=PASSWORD)
    transact_models(lambda: add_member(project.row.pk, user, role))
    return user


def path_of(project: TestProject, rest: str) -> str:
    return f"/projects/{project.row.pk}/{rest}"


def list_acts() -> list[tuple[str, str]]:
    entries = collection(AUDIT).find({"act": {"$ne": "signin"}}, sort=[("at", 1), ("_id", 1)])
    return [(entry["act"], entry["actor"].split(" (")[0]) for entry in entries]


def test_roles_are_changed_and_members_removed_but_never_the_last_owner(
    project: TestProject, owner: Script
) -> None:
    alice, bob = join(project, "alice", Role.OWNER), join(project, "bob", Role.VIEWER)
    listed = owner.get(path_of(project, "members")).json()["members"]
    assert {(each["username"], each["role"]) for each in listed} == {
        ("alice", "owner"), ("bob", "viewer"),
    }  # fmt: skip

    of_alice, of_bob = (path_of(project, f"members/{user.pk}") for user in (alice, bob))
    for answer in (
        owner.ask("PATCH", of_alice, {"role": "editor"}),
        owner.ask("DELETE", of_alice),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "last_owner")
    assert owner.ask("PATCH", of_bob, {"role": "owner"}).json()["role"] == "owner"
    assert owner.ask("DELETE", of_alice).status_code == 204
    assert owner.ask("DELETE", of_alice).status_code == 404
    assert [member.user_id for member in Member.objects.all()] == [bob.pk]  # type: ignore[attr-defined]
    assert list_acts() == [("member.changed", "key admin"), ("member.removed", "key admin")]
    for role in ("king", 1, None):
        assert owner.ask("PATCH", of_bob, {"role": role}).status_code == 400


def test_a_key_of_the_service_lets_users_in_at_once(project: TestProject, service: Script) -> None:
    User.objects.create_user("alice")
    User.objects.create_user("gone", is_active=False)
    members = path_of(project, "members")

    statuses = [
        service.ask("POST", members, {"username": "alice", "role": role}).status_code
        for role in ("owner", "owner", "viewer")
    ]
    assert statuses == [201, 200, 409]
    for name in ("gone", "nobody", ""):
        answer = service.ask("POST", members, {"username": name, "role": "viewer"})
        assert (answer.status_code, answer.json()["code"]) == (400, "bad_value")


def test_an_invitation_is_in_the_name_of_an_owner_and_its_link_lets_in(
    project: TestProject, owner: Script
) -> None:
    invitations = path_of(project, "invitations")
    answer = owner.ask("POST", invitations, {"role": "editor"})
    assert (answer.status_code, answer.json()["code"]) == (409, "no_owner")
    join(project, "alice", Role.OWNER)
    once = {"Idempotency-Key": "hire bob"}

    made = owner.ask("POST", invitations, {"role": "editor", "by": "alice"}, **once)
    again = owner.ask("POST", invitations, {"role": "editor", "by": "alice"}, **once)

    assert (made.status_code, again.status_code) == (201, 200)
    assert again.json() == {**made.json(), "link": None}
    assert Invitation.objects.count() == 1
    listed = owner.get(invitations).json()["invitations"]
    assert listed == [again.json()]
    bob = Client()
    bob.force_login(User.objects.create_user("bob", password=PASSWORD))
    assert bob.get(urlsplit(made.json()["link"]).path, follow=True).status_code == 200
    end = f"{invitations}/{made.json()['invitationId']}"
    assert owner.ask("DELETE", end).status_code == 204
    assert owner.get(invitations).json()["invitations"] == []
    # What was withdrawn is not made again by an answer that got lost.
    late = owner.ask("POST", invitations, {"role": "editor", "by": "alice"}, **once)
    assert (late.status_code, late.json()["code"]) == (409, "idempotency_conflict")
    assert list_acts() == [
        ("invitation.made", "key admin"), ("invitation.withdrawn", "key admin"),
    ]  # fmt: skip


def test_an_invitation_goes_by_mail_where_it_is_set_up(
    project: TestProject, owner: Script, settings: Any
) -> None:
    settings.EMAIL_HOST = "mail.example"
    join(project, "alice", Role.OWNER)

    made = owner.ask(
        "POST", path_of(project, "invitations"), {"role": "viewer", "email": "bob@shop.example"}
    )

    [sent] = mail.outbox
    assert sent.to == ["bob@shop.example"]
    assert made.json()["link"] in sent.body
    bad = owner.ask("POST", path_of(project, "invitations"), {"role": "viewer", "email": "bob"})
    assert (bad.status_code, bad.json()["errors"][0]["field"]) == (400, "email")


def test_a_link_is_made_changed_and_revoked(project: TestProject, owner: Script) -> None:
    links = path_of(project, "links")
    condition = {"field": "path", "op": "startsWith", "values": ["/docs"]}
    body = {"name": "Press", "panels": ["pages"], "filter": condition, "period": "7d"}
    once = {"Idempotency-Key": "press"}

    made = owner.ask("POST", links, body, **once)
    again = owner.ask("POST", links, body, **once)

    assert (made.status_code, again.status_code) == (201, 200), made.content
    assert again.json() == {**made.json(), "address": None}
    link = f"{links}/{made.json()['linkId']}"
    shared = urlsplit(made.json()["address"]).path
    assert Client().get(f"{shared}/").status_code == 200
    changed = owner.ask(
        "PATCH", link, {"name": "Papers", "password": "open sesame", "start": "2026-01-01",
                        "end": "2026-02-01", "filter": None},
    ).json()  # fmt: skip
    assert (changed["name"], changed["hasPassword"], changed["period"]) == ("Papers", True, "")
    assert changed["filter"] is None
    assert "open sesame" not in str(list(collection("share_links").find()))

    for _ in range(2):
        assert owner.ask("DELETE", link).json()["state"] == "revoked"
    assert Client().get(f"{shared}/").status_code == 404
    answer = owner.ask("PATCH", link, {"name": "Back"})
    assert (answer.status_code, answer.json()["code"]) == (409, "link_revoked")
    acts = [f"share_link.{act}" for act in ("made", "changed", "revoked")]
    assert list_acts() == [(act, "key admin") for act in acts]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "bad_value"),
        ({"name": "x", "panels": ["all"]}, "bad_value"),
        ({"name": "x", "period": "soon"}, "bad_value"),
        ({"name": "x", "start": "2026-02-01", "end": "2026-01-01"}, "bad_value"),
        ({"name": "x", "origins": ["shop.example"]}, "bad_value"),
        ({"name": "x", "password": "p", "origins": ["https://shop.example"]}, "bad_value"),
        ({"name": "x", "filter": {"field": "mood", "op": "is", "values": ["x"]}}, "unknown_field"),
        ({"name": "x", "filter": {"field": "path", "op": "matches", "values": ["("]}},
         "bad_pattern"),
        ({"name": "x", "mayChooseWindow": 1}, "wrong_type"),
        ({"name": "x", "expiresAt": "soon"}, "bad_timestamp"),
        ({"name": "x", "uses": 1}, "unknown_field"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_link_is_told(
    project: TestProject, owner: Script, body: Any, code: str
) -> None:
    answer = owner.ask("POST", path_of(project, "links"), body)

    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert not ShareLink.objects.exists()


def test_nobody_is_invited_in_the_name_of_an_owner_who_was_shut_out(
    project: TestProject, owner: Script
) -> None:
    user = User.objects.create_user("otto", is_active=False)
    add_member(project.row.pk, user, Role.OWNER)
    path = f"/projects/{project.row.pk}/invitations"

    answers = [owner.ask("POST", path, {"role": "viewer", **by}) for by in ({}, {"by": "otto"})]

    told = [(answer.status_code, answer.json()["code"]) for answer in answers]
    assert told == [(409, "no_owner"), (400, "bad_value")]
