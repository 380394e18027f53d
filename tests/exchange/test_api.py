"""POST /exports and what follows: whose they are, and who is given a file."""

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils.timezone import now
from pytest_django import Settings

from analytics.databases.mongo import AUDIT, collection
from analytics.projects.models import ApiKey, Project
from exchange.outgoing.job import MOST_OPEN, file_of, find_export
from exchange.outgoing.web import wire
from tests.conftest import Api, TestProject
from tests.exchange.exports import run
from tests.stored import store_events


@pytest.fixture
def filled(project: TestProject) -> TestProject:
    store_events(project, [{"path": "/a", "userId": "ada"}, {"path": "/b"}])
    return project


def post(key: str, **body: Any) -> Any:
    return Api(key).post("/exports", json.dumps(body))


def finish(project: TestProject, **body: Any) -> Any:
    """An export as the API shows it when it is done."""
    export_id = post(project.admin_key, **body).json()["exportId"]
    run(project, export_id)
    return Api(project.admin_key).get(f"/exports/{export_id}").json()


def assert_bad_link(path: str) -> None:
    answer = Client().get(path)
    assert (answer.status_code, answer.json()["code"]) == (401, "bad_link"), path


def test_an_export_is_asked_for_followed_and_fetched(filled: TestProject) -> None:
    asked = post(filled.read_key, format="csv")
    assert asked.status_code == 202
    path = asked["Location"]
    assert asked.json()["state"] == "waiting"
    run(filled, asked.json()["exportId"])
    done = Api(filled.read_key).get(path).json()
    assert (done["state"], done["events"]) == ("done", 2)
    found = find_export(filled.id, done["exportId"])
    assert found is not None
    expected = file_of(found).read_bytes()
    answers: list[Any] = [Client().get(done["file"]), Api(filled.read_key).get(f"{path}/file")]
    for answer in answers:
        assert b"".join(answer.streaming_content) == expected
        assert answer["Content-Length"] == str(done["manifest"]["files"][0]["bytes"])
        assert answer["Content-Disposition"].startswith("attachment; filename=")
        assert answer["Cache-Control"] == "private, no-store"
        answer.close()
    assert [
        each["exportId"] for each in Api(filled.read_key).get("/exports").json()["exports"]
    ] == [done["exportId"]]
    acts = [entry["act"] for entry in collection(AUDIT).find({"project": filled.id})]
    assert acts == ["export.asked", "export.fetched", "export.fetched"]


def test_an_export_of_another_project_is_not_there(
    filled: TestProject, other_project: TestProject
) -> None:
    done = finish(filled)
    path = f"/exports/{done['exportId']}"
    theirs = Api(other_project.admin_key)
    for answer in (
        theirs.get(path),
        theirs.get(f"{path}/file"),
        theirs._client.delete(path),
    ):
        assert (answer.status_code, answer.json()["code"]) == (404, "not_found")
    assert theirs.get("/exports").json() == {"exports": []}
    assert Api(filled.read_key).get(path).json()["state"] == "done"


@pytest.mark.usefixtures("unending_windows")
def test_a_link_is_followed_within_the_rate_of_reports(
    filled: TestProject, settings: Settings
) -> None:
    settings.REPORTING_RATE = "100/h"
    first, second = finish(filled), finish(filled)
    settings.REPORTING_RATE = "1/h"
    for path, status in ((first["file"], 200), (first["file"], 429), (second["file"], 200)):
        answer = Client().get(path)
        assert answer.status_code == status, path
        answer.close()


def test_a_link_is_of_one_export_and_for_a_while(
    filled: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = finish(filled), finish(filled)
    link = first["file"].partition("link=")[2]
    wrong = [
        f"/exports/{second['exportId']}/file?link={link}",
        first["file"][:-1],
        first["file"] + "x",
    ]
    for path in wrong:
        assert_bad_link(path)
    good = Client().get(first["file"])
    assert good.status_code == 200
    good.close()

    monkeypatch.setattr(wire, "LINK_SECONDS", -1)
    assert_bad_link(first["file"])


def test_addresses_are_for_the_scope_admin(filled: TestProject) -> None:
    assert post(filled.read_key, withAddresses=True).status_code == 403
    done = finish(filled, withAddresses=True)
    read = Api(filled.read_key)
    assert "file" in done
    assert "file" not in read.get(f"/exports/{done['exportId']}").json()
    assert read.get(f"/exports/{done['exportId']}/file").status_code == 403
    assert read._client.delete(f"/exports/{done['exportId']}").status_code == 403
    assert "file" in Api(filled.admin_key).get(f"/exports/{done['exportId']}").json()


def test_a_key_that_may_not_read_is_refused(filled: TestProject) -> None:
    answer = post(filled.ingest_key)
    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"format": "xml"}, "bad_format"),
        ({"format": 1}, "wrong_type"),
        ({"spreadsheet": True}, "bad_format"),
        ({"withAddresses": "yes"}, "wrong_type"),
        ({"start": "yesterday"}, "bad_timestamp"),
        ({"start": "2026-10-02", "end": "2026-10-01"}, "bad_window"),
        ({"timezone": "Mars"}, "bad_timezone"),
        ({"filter": {"field": "path", "op": "is"}}, "missing_field"),
        ({"filter": {"field": "path", "op": "matches", "values": ["("]}}, "bad_pattern"),
        ({"filter": {"did": {"field": "path", "op": "exists"}}}, "bad_filter"),
        ({"filter": {"field": "entryPath", "op": "exists"}}, "unknown_field"),
        ({"limit": 1}, "unknown_field"),
    ],
)
def test_what_is_asked_wrongly_is_refused_by_its_code(
    filled: TestProject, body: Any, code: str
) -> None:
    answer = post(filled.read_key, **body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert Api(filled.read_key).get("/exports").json() == {"exports": []}


def test_a_project_has_a_few_under_way(filled: TestProject) -> None:
    asked = [post(filled.read_key) for _ in range(MOST_OPEN + 1)]
    assert [answer.status_code for answer in asked] == [202] * MOST_OPEN + [429]
    assert asked[-1].json()["code"] == "too_many_exports"
    path = asked[0]["Location"]
    removed = Api(filled.read_key)._client.delete(path)
    assert (removed.status_code, removed.json()["state"]) == (200, "cancelled")
    assert post(filled.read_key).status_code == 202


def test_who_asks_for_many_at_one_moment_has_no_more_under_way(
    filled: TestProject, other_project: TestProject
) -> None:
    clients = 4 * MOST_OPEN
    begin = threading.Barrier(clients)

    def ask(_: int) -> int:
        begin.wait(30)
        status: int = post(filled.read_key).status_code
        return status

    with ThreadPoolExecutor(clients) as threads:
        statuses = sorted(threads.map(ask, range(clients)))

    assert statuses == [202] * MOST_OPEN + [429] * (clients - MOST_OPEN)
    assert post(other_project.read_key).status_code == 202


def test_what_was_removed_has_no_file(filled: TestProject) -> None:
    done = finish(filled)
    path = f"/exports/{done['exportId']}"
    Api(filled.admin_key)._client.delete(path)
    shown = Api(filled.read_key).get(path).json()
    assert (shown["state"], "file" in shown, "manifest" in shown) == ("removed", False, False)
    assert Client().get(done["file"]).status_code == 404


@pytest.mark.parametrize("end", ["revoked", "expired", "lesser", "inactive", "deleted"])
def test_a_link_ends_with_the_key_that_it_was_told_to(end: str, filled: TestProject) -> None:
    key, text = ApiKey.issue(filled.row, "a script", ["admin"])
    key.save()
    export_id = post(text, withAddresses=True).json()["exportId"]
    run(filled, export_id)
    link = Api(text).get(f"/exports/{export_id}").json()["file"]
    good = Client().get(link)
    assert good.status_code == 200
    good.close()
    [entry] = collection(AUDIT).find({"act": "export.fetched"})
    assert (entry["actor"], entry["details"]) == (f"key {key.pk}", {"by": "link"})

    rows, project = ApiKey.objects.filter(pk=key.pk), Project.objects.filter(pk=filled.row.pk)
    past = now() - timedelta(seconds=1)
    match end:
        case "revoked":
            key.revoke()
        case "expired":
            rows.update(expires_at=past)
        case "lesser":
            rows.update(scopes=["read"])
        case "inactive":
            project.update(is_active=False)
        case _:
            project.update(deleted_at=past)

    assert_bad_link(link)
