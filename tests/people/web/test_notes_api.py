"""POST /notes by keys that send, GET /notes by keys that read."""

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from analytics.databases.mongo import AUDIT, collection
from analytics.projects.models import ApiKey
from people.saved import notes
from people.saved.notes import Note
from tests.conftest import TestProject, make_project
from tests.people.web.conftest import Script

DEPLOYED = {"id": "deploy-41", "at": "2026-03-05T10:42:31+01:00", "text": "Version 41 <b>"}


def test_a_note_is_written_once_however_often_it_is_sent(project: TestProject) -> None:
    ci, reader = Script(project.ingest_key), Script(project.read_key)

    answers = [ci.ask("POST", "/notes", DEPLOYED) for _ in range(3)]

    assert [answer.status_code for answer in answers] == [201, 200, 200]
    assert {answer.content for answer in answers} == {answers[0].content}
    [note] = reader.get("/notes").json()["notes"]
    assert (note["id"], note["at"], note["text"], note["author"]) == (
        "deploy-41", "2026-03-05T09:42:00Z", "Version 41 <b>", "ingest",
    )  # fmt: skip
    [entry] = collection(AUDIT).find({"act": "note.added"})
    assert (entry["actor"], entry["subject"]) == ("key ingest", "deploy-41")
    assert entry["project"] == project.id
    other = ci.ask("POST", "/notes", {**DEPLOYED, "text": "Version 42"})
    assert (other.status_code, other.json()["code"]) == (409, "other_note")
    assert Note.objects.get().text == "Version 41 <b>"


def test_the_same_note_at_one_moment_is_one(project: TestProject) -> None:
    def send(_: int) -> int:
        return int(Script(project.ingest_key).ask("POST", "/notes", DEPLOYED).status_code)

    with ThreadPoolExecutor(4) as threads:
        statuses = list(threads.map(send, range(8)))

    assert sorted(statuses) == [200] * 7 + [201]
    assert Note.objects.count() == 1


def test_a_date_is_a_day_of_the_project_whatever_its_zone_becomes(store: None) -> None:
    project = make_project(time_zone="Asia/Tokyo")
    ci, reader = Script(project.ingest_key), Script(project.read_key)

    answer = ci.ask("POST", "/notes", {"at": "2026-03-05", "text": "Fair"})

    assert answer.json()["at"] == "2026-03-05"
    window = {"start": "2026-03-05", "end": "2026-03-06"}
    assert len(reader.get("/notes", **window).json()["notes"]) == 1
    assert reader.get("/notes", start="2026-03-06").json()["notes"] == []
    assert reader.get("/notes", end="2026-03-04T15:00:00Z").json()["notes"] == []
    assert len(reader.get("/notes", end="2026-03-04T15:00:01Z").json()["notes"]) == 1


def test_notes_are_the_projects_own(project: TestProject, other_project: TestProject) -> None:
    for each, text in ((project, "mine"), (other_project, "theirs")):
        sent = Script(each.ingest_key).ask("POST", "/notes", {**DEPLOYED, "text": text})
        assert sent.status_code == 201

    found = Script(project.read_key).get("/notes").json()["notes"]
    assert [note["text"] for note in found] == ["mine"]


def test_each_method_takes_its_scope_and_no_public_key(project: TestProject) -> None:
    page = ApiKey.issue_public(project.row, "page")
    page.save()
    keys = (project.ingest_key, project.read_key, project.admin_key, page.text)

    posts = [Script(key).ask("POST", "/notes", DEPLOYED).status_code for key in keys]
    gets = [Script(key).get("/notes").status_code for key in keys]

    assert posts == [201, 403, 200, 403]
    assert gets == [403, 200, 200, 403]
    for method in ("PUT", "PATCH", "DELETE"):
        assert Script(project.admin_key).ask(method, "/notes", {}).status_code == 405


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"text": "x"}, "missing_field", "at"),
        ({"at": "2026-03-05"}, "missing_field", "text"),
        ({"at": "2026-03-05", "text": ""}, "bad_value", "text"),
        ({"at": "2026-03-05", "text": "x" * 501}, "bad_value", "text"),
        ({"at": "2026-03-05", "text": "a\nb"}, "bad_value", "text"),
        ({"at": "2026-03-05", "text": "\u200b"}, "bad_value", "text"),
        ({"at": "yesterday", "text": "x"}, "bad_timestamp", "at"),
        ({"at": "", "text": "x"}, "bad_timestamp", "at"),
        ({"at": "0001-01-01", "text": "x"}, "bad_value", "at"),
        ({"at": "9999-12-31T23:59:59Z", "text": "x"}, "bad_value", "at"),
        ({"at": "2026-03-05", "text": "x", "id": "a:b"}, "bad_note_id", "id"),
        ({"at": "2026-03-05", "text": "x", "id": "a" * 65}, "bad_note_id", "id"),
        ({"at": "2026-03-05", "text": "x", "day": 1}, "unknown_field", "day"),
        ({"at": 20260305, "text": "x"}, "wrong_type", "at"),
    ],
)
def test_what_is_wrong_is_told_and_nothing_is_written(
    project: TestProject, body: Any, code: str, field: str
) -> None:
    answer = Script(project.ingest_key).ask("POST", "/notes", body)

    assert (answer.status_code, answer.json()["code"]) == (400, code), answer.content
    assert answer.json()["errors"][0]["field"] == field
    assert not Note.objects.exists()


def test_a_body_is_bounded_and_so_are_the_notes_of_a_project(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    ci = Script(project.ingest_key)
    assert ci.ask("POST", "/notes", {"at": "x" * 300_000}).status_code == 413

    monkeypatch.setattr(notes, "MOST_NOTES", 2)
    statuses = [
        ci.ask("POST", "/notes", {**DEPLOYED, "id": name}).status_code for name in ("a", "b", "c")
    ]
    assert statuses == [201, 201, 409]
    assert ci.ask("POST", "/notes", {**DEPLOYED, "id": "b"}).status_code == 200


def test_notes_have_a_rate_of_their_own(project: TestProject, settings: Any) -> None:
    settings.NOTES_RATE = "1/h"
    ci = Script(project.ingest_key)

    assert ci.ask("POST", "/notes", DEPLOYED).status_code == 201
    refused = ci.ask("POST", "/notes", DEPLOYED)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate_limited")
    assert int(refused["Retry-After"]) > 0


def test_what_is_stored_is_what_was_sent(project: TestProject) -> None:
    Script(project.ingest_key).ask("POST", "/notes", DEPLOYED)

    [row] = collection("notes").find()
    assert row["_id"] == f"{project.row.pk}:deploy-41"
    assert row["project_id"] == project.row.pk
    assert json.dumps(row["text"]) == json.dumps(DEPLOYED["text"])
