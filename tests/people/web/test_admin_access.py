"""Which key may do what in the admin API: each act with each kind of key."""

from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.test import Client
from django.utils import timezone

from analytics.databases.mongo import AUDIT, collection
from analytics.databases.transactions import transact_models
from analytics.keys.lookup import forget_keys
from analytics.projects.models import ApiKey, Project
from people.links import digest_token
from people.members.changes import add_member
from people.members.invitations import invite
from people.members.models import Role
from people.service_keys import ServiceKey, issue_service_key
from people.shares.links import add_link
from people.shares.models import ShareLink
from tests.conftest import TestProject
from tests.people.web.conftest import Script, make_key

# Method, address, body; what a key of the project, one of the service, and one of another get.
ACTS: list[tuple[str, str, Any, int, int, int]] = [
    ("GET", "/projects", None, 200, 200, 200),
    ("POST", "/projects", {"name": "New"}, 403, 201, 403),
    ("GET", "/projects/{project}", None, 200, 200, 404),
    ("PATCH", "/projects/{project}", {"name": "Shop"}, 200, 200, 404),
    ("PATCH", "/projects/{project}", {"quotaEventsPerMonth": 9}, 403, 200, 404),
    ("GET", "/projects/{project}/deletion", None, 403, 404, 403),
    ("GET", "/projects/{project}/keys", None, 200, 200, 404),
    ("POST", "/projects/{project}/keys", {"name": "k", "scopes": ["read"]}, 201, 201, 404),
    ("GET", "/projects/{project}/keys/{key}", None, 200, 200, 404),
    ("PATCH", "/projects/{project}/keys/{key}", {"name": "k"}, 200, 200, 404),
    ("DELETE", "/projects/{project}/keys/{key}", None, 200, 200, 404),
    ("GET", "/projects/{project}/members", None, 200, 200, 404),
    ("POST", "/projects/{project}/members", {"username": "bob", "role": "viewer"}, 403, 201, 403),
    ("PATCH", "/projects/{project}/members/{owner}", {"role": "owner"}, 200, 200, 404),
    ("DELETE", "/projects/{project}/members/{owner}", None, 409, 409, 404),
    ("GET", "/projects/{project}/invitations", None, 200, 200, 404),
    ("POST", "/projects/{project}/invitations", {"role": "viewer"}, 201, 201, 404),
    ("DELETE", "/projects/{project}/invitations/{invitation}", None, 204, 404, 404),
    ("GET", "/projects/{project}/links", None, 200, 200, 404),
    ("POST", "/projects/{project}/links", {"name": "Press"}, 201, 201, 404),
    ("GET", "/projects/{project}/links/{link}", None, 200, 200, 404),
    ("PATCH", "/projects/{project}/links/{link}", {"name": "Press"}, 200, 200, 404),
    ("DELETE", "/projects/{project}/links/{link}", None, 200, 200, 404),
    ("DELETE", "/projects/{project}?name=Test", None, 202, 202, 404),
]
IDS = [f"{method} {path} {body}" for method, path, body, *_ in ACTS]


def fill_in(path: str, project: TestProject) -> str:
    """With a key, an owner, an invitation and a link that there are."""
    alice = User.objects.create_user("alice")
    User.objects.create_user("bob")
    transact_models(lambda: add_member(project.row.pk, alice, Role.OWNER))
    link = ShareLink(project=project.row, name="Press")
    add_link(link)
    found = {
        "project": project.row.pk,
        "key": ApiKey.objects.get(project=project.row, scopes=["ingest"]).pk,
        "owner": str(alice.pk),
        "invitation": digest_token(invite(project.row, Role.VIEWER, "", alice)),
        "link": link.pk,
    }
    return path.format(**found)


@pytest.mark.parametrize(("method", "path", "body", "own", "of_all", "other"), ACTS, ids=IDS)
def test_each_act_is_open_to_the_kinds_of_key_that_may(
    project: TestProject, other_project: TestProject, service: Script,
    method: str, path: str, body: Any, own: int, of_all: int, other: int,
) -> None:  # fmt: skip
    address = fill_in(path, project)
    before = Project.objects.get(pk=project.row.pk)

    for key in (project.ingest_key, project.read_key):
        answer = Script(key).ask(method, address, body)
        assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")
    assert Client().generic(method, address).status_code == 401
    answer = Script(other_project.admin_key).ask(method, address, body)
    assert answer.status_code == other
    assert Project.objects.get(pk=project.row.pk).name == before.name
    assert project.row.name not in answer.content.decode()
    assert Script(project.admin_key).ask(method, address, body).status_code == own
    if "?name" not in path:  # its keys are gone then
        assert service.ask(method, address, body).status_code == of_all


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_public_key_opens_nothing(project: TestProject, method: str) -> None:
    key = ApiKey.issue_public(project.row, "page")
    key.save()

    answer = Script(key.text).ask(method, "/projects", {"name": "x"} if method == "POST" else None)
    assert answer.status_code == 403
    assert Client().get(f"/projects?key={key.text}").status_code == 401


def test_revoked_and_expired_keys_are_refused(project: TestProject) -> None:
    key, script = make_key(project, "admin")
    assert script.get("/projects").status_code == 200
    key.revoke()
    forget_keys()
    assert script.get("/projects").json()["code"] == "revoked_key"

    later = timezone.now() + timedelta(hours=1)
    of_service, text = issue_service_key("CI", "alice", later)
    of_service.save()
    assert Script(text).get("/projects").status_code == 200
    ServiceKey.objects.update(expires_at=timezone.now())
    assert Script(text).get("/projects").json()["code"] == "expired_key"
    of_service.revoke()
    assert Script(text).get("/projects").json()["code"] == "revoked_key"


def test_no_key_of_the_service_is_made_that_has_expired(store: None) -> None:
    with pytest.raises(ValidationError, match="in the past"):
        issue_service_key("CI", "alice", timezone.now())


def test_a_key_of_the_service_sends_nothing_reads_nothing_and_stands_in_no_address(
    project: TestProject, service: Script
) -> None:
    for path in ("/stats", "/notes", "/events", f"/p/{project.row.pk}/"):
        assert service.get(path).status_code in (401, 302), path
    assert service.ask("POST", "/event", {"path": "/"}).status_code == 401
    answer = Client().get(f"/projects?x={service.key}")
    assert answer.json()["code"] == "key_in_address"
    assert service.get("/projects").status_code == 200
    assert ServiceKey.objects.get().last_used_at is not None
    assert service.key not in str(list(collection("service_keys").find()))


def test_what_was_done_is_in_the_log_under_the_name_of_the_key(
    project: TestProject, owner: Script, service: Script
) -> None:
    path = f"/projects/{project.row.pk}"
    owner.ask("PATCH", path, {"name": "Shop", "timeZone": "Asia/Tokyo"})
    made = owner.ask("POST", f"{path}/keys", {"name": "CI", "scopes": ["ingest"]}).json()
    service.ask("PATCH", f"{path}/keys/{made['keyId']}", {"burstEvents": 2_000})
    service.ask("DELETE", f"{path}/keys/{made['keyId']}")
    service.ask("POST", "/projects", {"name": "Other"})

    entries = list(collection(AUDIT).find({}, sort=[("at", 1), ("_id", 1)]))

    found = [(entry["act"], entry["actor"].split(" (")[0]) for entry in entries]
    assert found == [
        ("project.changed", "key admin"),
        ("apikey.added", "key admin"),
        ("apikey.changed", "service key Terraform"),
        ("apikey.revoked", "service key Terraform"),
        ("project.added", "service key Terraform"),
    ]
    assert {entry["project"] for entry in entries[:4]} == {project.id}
    assert made["text"] not in str(entries)


def test_a_rate_holds_for_each_key(
    project: TestProject, owner: Script, settings: Any, service: Script
) -> None:
    settings.ADMIN_RATE = "2/h"

    for key in (owner, service):
        assert [key.get("/projects").status_code for _ in range(3)] == [200, 200, 429]
