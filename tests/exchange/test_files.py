"""What an export holds: every stored event as it is stored, in files that any program reads."""

import hashlib
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from columns.export import export_project
from columns.merge import merge_project
from exchange.outgoing import writer
from exchange.outgoing.job import file_of
from tests.columns.segments import listed
from tests.conftest import TestProject
from tests.exchange.exports import export, read, stored
from tests.stored import ENRICHED, store_events

DAY = datetime(2026, 10, 5, tzinfo=UTC)
TEXT = 'a"b\\c, d\n=e\r\tf \u2028 é 😀 \x7f'
EVENTS: list[dict[str, Any]] = [
    {
        "path": "/",
        "userId": "ada",
        "timestamp": DAY,
        "properties": {"n": 5.0, "t": TEXT, "big": 2**62},
    },
    {"path": "/a,b", "userId": 'b"en', "eventId": "order-1", "title": 'é 😀, "x"'},
    {
        "path": "/c",
        "event": "signup",
        "title": "",
        "properties": {},
        "timestamp": DAY + timedelta(days=1),
    },
    {
        "path": "=1+1",
        "userId": "@cem",
        "properties": {"$ref": "x", "$id": 1, "deep": [{"a": None}]},
    },
    {"path": "/bot", "timestamp": datetime(1970, 1, 1, tzinfo=UTC), ENRICHED: {"bot": "GPTBot"}},
    {"path": "/nobody", ENRICHED: {"visitor": None}},
]
FORMATS = ("jsonl", "csv", "parquet")


@pytest.fixture
def filled(project: TestProject) -> TestProject:
    """Its events lie in a cut segment, in a fresh one, and in none."""
    store_events(project, EVENTS)
    export_project(project.id)
    merge_project(project.id)
    store_events(project, [{"path": f"/x{n}", "userId": f"u{n}"} for n in range(20)], public=True)
    export_project(project.id)
    store_events(project, [{"path": "/tail", "userId": "eve"}])
    return project


@pytest.mark.parametrize("format_", FORMATS)
def test_a_file_holds_every_stored_event_as_it_is_stored(filled: TestProject, format_: str) -> None:
    done = export(filled, format_)
    assert len(listed(filled.id)) == 2
    assert read(done) == stored(filled, format_)
    assert done["counts"]["events"] == len(stored(filled, format_)) == 27


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("addresses", [False, True])
def test_a_file_of_many_strides_holds_the_same(
    filled: TestProject, format_: str, addresses: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a stride ends with the last row of a segment, and of what is in none."""
    monkeypatch.setattr(writer, "STRIDE_ROWS", 10)
    monkeypatch.setattr(writer, "STRIDE_ROWS_WITH_ADDRESSES", 10)
    store_events(filled, [{"path": f"/tail{n}"} for n in range(9)])
    rows = read(export(filled, format_, withAddresses=addresses))
    assert rows == stored(filled, format_, addresses=addresses)
    assert len(rows) == 36


@pytest.mark.parametrize("format_", FORMATS)
def test_with_addresses_a_file_holds_what_no_segment_does(
    filled: TestProject, format_: str
) -> None:
    rows = read(export(filled, format_, withAddresses=True))
    assert rows == stored(filled, format_, addresses=True)
    assert {row["ip"] for row in rows} == {"203.0.113.0"}
    assert "order-1" in [row.get("eventId") for row in rows]
    assert all("ip" not in row for row in read(export(filled, format_)))


@pytest.mark.parametrize("format_", FORMATS)
def test_window_and_filter_say_what_is_in_a_file(filled: TestProject, format_: str) -> None:
    condition = {"not": {"field": "userId", "op": "is", "values": ["ada", "u3", "eve"]}}
    done = export(
        filled, format_, start="2026-10-05", end="2027-01-01", filter=json.dumps(condition)
    )
    expected = [
        row
        for row in stored(filled, format_)
        if "2026-10-05" <= row["timestamp"] < "2027"
        and row.get("userId") not in ("ada", "u3", "eve")
    ]
    assert read(done) == expected
    assert 0 < len(expected) < 25


@pytest.mark.parametrize("format_", FORMATS)
def test_a_project_without_events_has_an_empty_file(project: TestProject, format_: str) -> None:
    done = export(project, format_)
    assert read(done) == []
    assert done["counts"]["events"] == 0


def test_the_manifest_says_what_the_file_is(filled: TestProject) -> None:
    done = export(filled, "csv", start="2026-10-05", end="2026-10-07")
    manifest = json.loads(done["manifest"])
    data = file_of(done).read_bytes()
    assert manifest["files"] == [
        {"name": "events.csv", "bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    ]
    assert manifest["days"] == {"2026-10-05": 1, "2026-10-06": 1}
    assert manifest["events"] == 2
    assert manifest["project"] == filled.id.hex()
    assert manifest["query"]["start"] == "2026-10-05T00:00:00.000Z"
    assert manifest["columns"] == data.decode().split("\n")[0].split(",")


def test_a_file_is_its_owners_alone(filled: TestProject) -> None:
    path = file_of(export(filled))
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == path.parent.parent.stat().st_mode & 0o777 == 0o700
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_no_cell_for_a_spreadsheet_is_a_formula(filled: TestProject) -> None:
    plain = {row["id"]: row for row in read(export(filled, "csv"))}
    escaped = {row["id"]: row for row in read(export(filled, "csv", spreadsheet=True))}
    assert plain.keys() == escaped.keys()
    changed = {
        (row[name], escaped[id_][name])
        for id_, row in plain.items()
        for name in row
        if row[name] != escaped[id_][name]
    }
    assert changed == {("=1+1", "'=1+1"), ("@cem", "'@cem")}
