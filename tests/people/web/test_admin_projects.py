"""/projects: the settings, by the rules of the pages."""

from typing import Any

import pytest

from analytics.databases.mongo import collection
from analytics.projects.models import ApiKey, Project
from people.web.projects import KINDS
from tests.conftest import TestProject, make_project
from tests.people.web.conftest import Script

CHANGES: dict[str, tuple[Any, Any]] = {
    "name": ("Shop", "Shop"),
    "timeZone": ("Europe/Berlin", "Europe/Berlin"),
    "hostnames": (["https://WWW.Shop.example/x"], ["www.shop.example"]),
    "allowedOrigins": (["*", "*"], ["*"]),
    "leavesOutBots": (False, False),
    "honoursDoNotTrack": (False, False),
    "tidiesAddresses": (False, False),
    "excludedAddresses": (["198.51.100.9/24"], ["198.51.100.0/24"]),
    "excludedPaths": (["/admin/*"], ["/admin/*"]),
    "excludedHostnames": (["*.Test.example"], ["*.test.example"]),
    "retentionDays": (90, 90),
    "columnsRetentionDays": (3_650, 3_650),
    "isActive": (False, False),
    "quotaEventsPerMonth": (1_000, 1_000),
    "publicQuotaEventsPerMonth": (500, 500),
    "publicMaxAgeHours": (48, 48),
    "allowedEvents": (["signup"], ["signup"]),
    "allowedProperties": (["plan"], ["plan"]),
    "ipRule": ("drop", "drop"),
}


def test_every_setting_is_changed_alone_and_read_again(
    project: TestProject, service: Script
) -> None:
    path = f"/projects/{project.row.pk}"
    assert len(CHANGES) == len(KINDS)
    known = service.get(path).json()
    for field, (sent, stored) in CHANGES.items():
        answer = service.ask("PATCH", path, {field: sent})
        assert answer.status_code == 200, answer.content
        known[field] = stored
        assert service.get(path).json() == known, field
    refused = service.ask("PATCH", path, {"retentionDays": None})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "retentionDays")
    refused = service.ask("PATCH", path, {"quotaEventsPerMonth": 1})
    assert refused.json()["errors"][0]["field"] == "quotaEventsPerMonth"
    none = {"retentionDays": None, "columnsRetentionDays": None}
    assert none.items() <= service.ask("PATCH", path, none).json().items()


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"timeZone": "Mars/Base"}, "bad_value", "timeZone"),
        ({"retentionDays": 1}, "bad_value", "retentionDays"),
        ({"columnsRetentionDays": 30}, "bad_value", "columnsRetentionDays"),
        ({"retentionDays": 2.5}, "bad_value", "retentionDays"),
        ({"retentionDays": "90"}, "wrong_type", "retentionDays"),
        ({"hostnames": "shop.example"}, "wrong_type", "hostnames"),
        ({"hostnames": ["a.example\nb.example"]}, "bad_value", "hostnames[0]"),
        ({"allowedOrigins": ["ftp://x"]}, "bad_value", "allowedOrigins"),
        ({"leavesOutBots": "yes"}, "wrong_type", "leavesOutBots"),
        ({"name": ""}, "missing_field", "name"),
        ({"name": "x" * 101}, "bad_value", "name"),
        ({"Name": "x"}, "unknown_field", "Name"),
        ({"partition": 1}, "unknown_field", "partition"),
        ([], "wrong_type", "body"),
        ({"name": 1, "timeZone": 2}, "invalid_query", "name"),
    ],
)
def test_what_is_wrong_is_told_by_its_field_and_nothing_is_changed(
    project: TestProject, owner: Script, body: Any, code: str, field: str
) -> None:
    before = collection("projects").find_one({"_id": project.row.pk})

    answer = owner.ask("PATCH", f"/projects/{project.row.pk}", body)

    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert answer["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == field
    assert collection("projects").find_one({"_id": project.row.pk}) == before


def test_a_name_is_one_projects(project: TestProject, service: Script) -> None:
    make_project("Other")

    for answer in (
        service.ask("POST", "/projects", {"name": " OTHER "}),
        service.ask("PATCH", f"/projects/{project.row.pk}", {"name": "other"}),
    ):
        assert (answer.status_code, answer.json()["code"]) == (409, "name_taken")
    assert Project.objects.count() == 2


def test_what_is_made_twice_with_one_idempotency_key_is_made_once(
    store: None, service: Script
) -> None:
    body, key = {"name": "Shop", "timeZone": "Asia/Tokyo"}, {"Idempotency-Key": "a-1"}
    first = service.ask("POST", "/projects", body, **key)
    again = service.ask("POST", "/projects", body, **key)
    other = service.ask("POST", "/projects", {"name": "Shop 2"}, **key)

    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 409)
    assert again.json() == first.json()
    assert again["Idempotency-Replayed"] == "true"
    assert other.json()["code"] == "idempotency_conflict"
    assert first["Location"] == f"/projects/{Project.objects.get().pk}"
    bad = service.ask("POST", "/projects", {"name": "x"}, **{"Idempotency-Key": "k" * 201})
    assert bad.json()["code"] == "bad_idempotency_key"


def test_what_died_after_its_reservation_is_made_by_the_next(
    store: None, service: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    body, key = {"name": "Shop"}, {"Idempotency-Key": "a-1"}

    def die(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Project, "save", die)
        with pytest.raises(KeyboardInterrupt):
            service.ask("POST", "/projects", body, **key)
    assert not Project.objects.exists()
    [reserved] = collection("admin_requests").find()

    assert service.ask("POST", "/projects", body, **key).status_code == 201
    assert Project.objects.get().pk == reserved["makes"]


def test_deletion_needs_the_name_and_is_followed_by_a_key_of_the_service(
    project: TestProject, owner: Script, service: Script
) -> None:
    path = f"/projects/{project.row.pk}"
    for query in ("", "?name=", "?name=Tes", "?nam=Test", "?name=Test&name=Test"):
        assert owner.ask("DELETE", path + query).status_code == 400, query
    assert Project.objects.get().deleted_at is None

    answer = owner.ask("DELETE", f"{path}?name=Test")

    assert (answer.status_code, answer.json()["state"]) == (202, "stopping")
    assert ApiKey.objects.filter(revoked_at=None).count() == 0
    followed = service.get(answer["Location"])
    assert followed.json()["projectId"] == project.row.pk
    assert service.get(path).status_code == 404
    assert service.get("/projects").json()["projects"] == []


def test_pages_of_a_list_follow_each_other(store: None, service: Script) -> None:
    for name in "abcde":
        make_project(name)
    found, after = [], None
    while True:
        query = {"limit": 2} | ({"after": after} if after else {})
        page = service.get("/projects", **query).json()
        found += [each["projectId"] for each in page["projects"]]
        after = page["after"]
        if after is None:
            break

    assert found == sorted(Project.objects.values_list("pk", flat=True))
    for query in ({"limit": 0}, {"limit": 201}, {"after": "\x00"}, {"page": 2}):
        assert service.get("/projects", **query).status_code == 400
