"""Notes on the pages: read by all members, changed by who may, and behind the curve."""

import html
import json
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from analytics.databases.mongo import AUDIT, collection
from ingestion.drain.loop import drain
from people.saved.notes import Note
from tests.conftest import Api, TestProject, make_project
from tests.dashboard.saved.conftest import Join

ADD = {"act": "add", "day": "2026-03-05", "text": "Version 41"}


def notes(project: TestProject) -> str:
    return f"/p/{project.row.pk}/notes"


def add(client: Client, project: TestProject, **fields: str) -> Note:
    answer = client.post(notes(project), {**ADD, **fields})
    assert answer.status_code == 302, re.findall(r'role="alert"[^>]*>([^<]*)', text_of(answer))
    note = Note.objects.order_by("-created_at").first()
    assert note is not None
    return note


def text_of(answer: Any) -> str:
    return str(answer.content.decode())


def test_each_role_does_what_it_may(
    project: TestProject, other_project: TestProject, join: Join
) -> None:
    editor, viewer, stranger = (
        join(project, "editor"),
        join(project, "viewer"),
        join(other_project, "owner"),
    )
    note = add(editor, project)
    change = {**ADD, "act": "change", "note": note.name, "text": "Version 42", "clock": "10:42"}
    end = {"act": "remove", "note": note.name}

    for sent in (ADD, change, end):
        assert viewer.post(notes(project), sent).status_code == 403
        assert stranger.post(notes(project), sent).status_code == 404
    # By its own address, another project's note is not there.
    assert stranger.post(notes(other_project), change).status_code == 404
    assert Note.objects.get().text == "Version 41"
    page = text_of(viewer.get(notes(project)))
    assert "Version 41" in page
    assert 'name="act"' not in page

    assert editor.post(notes(project), change).status_code == 302
    changed = Note.objects.get()
    assert (changed.text, changed.day) == ("Version 42", "")
    assert changed.at == datetime(2026, 3, 5, 10, 42, tzinfo=UTC)
    assert editor.post(notes(project), end).status_code == 302
    assert not Note.objects.exists()
    entries = collection(AUDIT).find({"act": {"$regex": "^note"}}, sort=[("at", 1), ("_id", 1)])
    assert [(entry["act"], entry["subject"], entry["project"]) for entry in entries] == [
        (f"note.{act}", note.name, project.id) for act in ("added", "changed", "removed")
    ]


def test_a_time_is_one_of_the_projects_clocks(store: None, signed_in: Client) -> None:
    project = make_project(time_zone="Asia/Tokyo")

    note = add(signed_in, project, clock="08:30", text="<b>Sale</b>")

    assert note.at == datetime(2026, 3, 4, 23, 30, tzinfo=UTC)
    page = text_of(signed_in.get(notes(project)))
    assert "5 Mar 2026, 08:30" in page
    assert "&lt;b&gt;Sale" in page
    assert "<b>Sale" not in page


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"text": ""}, "This field is required"),
        ({"text": "x" * 501}, "at most 500"),
        ({"text": "a\u2028b"}, "without control characters"),
        ({"day": "yesterday"}, "Enter a valid date"),
        ({"day": "0001-01-01"}, "of the years 1970 to 2100"),
        ({"clock": "25:00"}, "Enter a valid time"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(
    project: TestProject, signed_in: Client, fields: dict[str, str], told: str
) -> None:
    answer = signed_in.post(notes(project), {**ADD, **fields})

    assert answer.status_code == 200
    assert told in text_of(answer)
    assert not Note.objects.exists()


def test_notes_stand_at_their_unit_of_the_curve_and_in_its_table(
    project: TestProject, signed_in: Client
) -> None:
    events = [{"path": "/", "timestamp": f"2026-03-0{day}T12:00:00Z"} for day in (3, 4, 5)]
    Api(project.ingest_key).post("/events", events)
    drain(0, force=True)
    add(signed_in, project, text="A day")
    add(signed_in, project, clock="23:59", text="A minute")
    add(signed_in, project, day="2026-03-07", text="Too late")
    window = {"from": "2026-03-04", "to": "2026-03-07"}

    top = text_of(signed_in.get(f"/p/{project.row.pk}/top", window))

    [(index, name)] = re.findall(r'data-index="(\d+)"><a[^>]*aria-label="([^"]*)"', top)
    [curve] = re.findall(r'data-curve="([^"]*)"', top)
    assert json.loads(html.unescape(curve))["titles"][int(index)] == "Thu 5 Mar 2026"
    assert name == "5 Mar 2026: A day; 5 Mar 2026, 23:59: A minute"
    whole = text_of(signed_in.get(f"/p/{project.row.pk}/", {**window, "full": "1"}))
    assert re.search(r"Thu 5 Mar 2026 <span[^>]*><bdi>A day</bdi></span>", whole)
    hours = {**window, "from": "2026-03-05", "to": "2026-03-05", "unit": "hour"}
    top = text_of(signed_in.get(f"/p/{project.row.pk}/top", hours))
    assert re.findall(r'data-index="(\d+)"', top) == ["0", "23"]
