"""/projects/<project>/keys: made, changed, revoked; a secret is shown once."""

import hashlib
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from analytics.keys.lookup import forget_keys
from analytics.projects.models import PUBLIC_BURST_EVENTS, PUBLIC_RATE_EVENTS, ApiKey
from tests.conftest import Api, TestProject
from tests.people.web.conftest import Script


@pytest.fixture
def path(project: TestProject) -> str:
    return f"/projects/{project.row.pk}/keys"


def test_a_new_key_is_good_at_once_and_its_secret_is_shown_once(
    path: str, project: TestProject, owner: Script
) -> None:
    made = owner.ask("POST", path, {"name": "Shop", "scopes": ["ingest", "read"]})

    assert made.status_code == 201
    key = made.json()
    assert key["text"].startswith(f"ak_live_{key['keyId']}_")
    assert Api(key["text"]).get("/stats").status_code == 200
    seen = owner.get(made["Location"]).json()
    assert seen == {**key, "text": None, "lastUsedAt": seen["lastUsedAt"]}
    listed = owner.get(path).json()["keys"]
    assert key["keyId"] in [each["keyId"] for each in listed]
    assert not any(each["text"] for each in listed)


def test_a_public_key_has_its_limits_and_shows_its_text_always(path: str, owner: Script) -> None:
    key = owner.ask("POST", path, {"name": "Page", "kind": "public"}).json()

    assert key["scopes"] == ["ingest"]
    limits = (key["rateEventsPerSecond"], key["burstEvents"])
    assert limits == (PUBLIC_RATE_EVENTS, PUBLIC_BURST_EVENTS)
    assert owner.get(f"{path}/{key['keyId']}").json()["text"] == key["text"]
    changed = owner.ask("PATCH", f"{path}/{key['keyId']}", {"scopes": ["admin"]})
    assert changed.json()["scopes"] == ["ingest"]


def test_a_key_is_changed_and_revoked_everywhere(
    path: str, project: TestProject, owner: Script, service: Script
) -> None:
    made = owner.ask("POST", path, {"name": "CI", "scopes": ["read"]}).json()
    until = (timezone.now() + timedelta(days=1)).replace(microsecond=0)
    change = {"name": "CI 2", "burstEvents": 5_000, "expiresAt": until.isoformat()}

    changed = service.ask("PATCH", f"{path}/{made['keyId']}", change).json()
    assert (changed["name"], changed["burstEvents"]) == ("CI 2", 5_000)
    assert changed["scopes"] == ["read"]
    assert ApiKey.objects.get(pk=made["keyId"]).expires_at == until
    ended = owner.ask("PATCH", f"{path}/{made['keyId']}", {"expiresAt": None}).json()
    assert ended["expiresAt"] is None

    for _ in range(2):
        revoked = owner.ask("DELETE", f"{path}/{made['keyId']}")
        assert (revoked.status_code, revoked.json()["state"]) == (200, "revoked")
    forget_keys()
    assert Api(made["text"]).get("/stats").json()["code"] == "revoked_key"
    answer = owner.ask("PATCH", f"{path}/{made['keyId']}", {"name": "Back"})
    assert (answer.status_code, answer.json()["code"]) == (409, "key_revoked")


def test_a_lost_answer_makes_no_second_key_and_does_not_show_the_secret_again(
    path: str, project: TestProject, owner: Script
) -> None:
    before = ApiKey.objects.count()
    once = {"Idempotency-Key": "deploy 1"}
    body = {"name": "CI", "scopes": ["read"]}

    first = owner.ask("POST", path, body, **once)
    again = owner.ask("POST", path, body, **once)

    assert (first.status_code, again.status_code) == (201, 200)
    assert again.json() == {**first.json(), "text": None}
    assert ApiKey.objects.count() == before + 1


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"scopes": ["read"]}, "missing_field", "name"),
        ({"name": "x"}, "bad_value", "scopes"),
        ({"name": "x", "scopes": []}, "bad_value", "scopes"),
        ({"name": "x", "scopes": ["root"]}, "bad_value", "scopes"),
        ({"name": "x", "scopes": ["read"], "kind": "alias"}, "bad_value", "kind"),
        ({"name": "x", "scopes": ["read"], "expiresAt": "2001-01-01"}, "bad_value", "expiresAt"),
        ({"name": "x", "scopes": ["read"], "expiresAt": "soon"}, "bad_timestamp", "expiresAt"),
        ({"name": "x", "scopes": ["read"], "digest": "0"}, "unknown_field", "digest"),
        ({"name": "x", "scopes": "read"}, "wrong_type", "scopes"),
    ],
)
def test_what_is_wrong_is_told_by_its_field(
    path: str, project: TestProject, owner: Script, body: Any, code: str, field: str
) -> None:
    before = ApiKey.objects.count()

    answer = owner.ask("POST", path, body)

    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert answer.json()["errors"][0]["field"] == field
    assert ApiKey.objects.count() == before


@pytest.mark.parametrize("limits", [{"burstEvents": 100_000}, {"rateEventsPerSecond": 10**6}])
def test_a_projects_key_gives_none_more_than_an_owner_may(
    path: str, project: TestProject, owner: Script, service: Script, limits: dict[str, int]
) -> None:
    """Not itself either: limits keep one project from being the load of all others."""
    body = {"name": "Greedy", "scopes": ["ingest"]}
    itself = ApiKey.objects.get(digest=hashlib.sha256(project.admin_key.encode()).hexdigest())
    before = ApiKey.objects.count()

    for answer in (
        owner.ask("POST", path, {**body, **limits}),
        owner.ask("PATCH", f"{path}/{itself.pk}", limits),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "service_key_needed")
    assert ApiKey.objects.count() == before

    made = service.ask("POST", path, {**body, **limits})
    assert (made.status_code, limits.items() <= made.json().items()) == (201, True)
    wrong = service.ask("POST", path, {**body, "burstEvents": 1})
    assert wrong.json()["errors"][0]["field"] == "burstEvents"
