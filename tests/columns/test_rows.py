"""What is stored of an event is what its row says, whatever it holds."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from bson.binary import Binary

from analytics.databases.mongo import EVENTS, collection
from analytics.events.fresh import describe_fresh
from analytics.events.ids import ms_of_datetime, now_ms
from columns.export import export_project
from columns.files.layout import INTEGER, TEXT, TYPES
from columns.files.rows import encode_properties
from tests.columns.segments import read_rows
from tests.conftest import TestProject
from tests.stored import ENRICHED, store_events

HOSTILE: list[dict[str, Any]] = [
    {},
    {"n": 5.0, "big": 1e21, "small": 5e-324, "huge": 1.7e308, "zero": -0.0, "tenth": 0.1},
    {"most": 2**63 - 1, "least": -(2**63), "beyond": 2**53 + 1, "one": 1, "flag": True},
    {"nul": "a\x00b", "quotes": 'it\'s "so"', "slash": "\\\\n\\u0000", "lines": "\r\n\t\u2028"},
    {"astral": "\U0001f600\U0010ffff", "edge": "\ud7ff\ue000\ufffe\uffff", "text": '{"a": 1}'},
    {"$where": 1, "a.b": 2, "__proto__": {"x": []}, "": {"": None}, 'k"ey': 3, "k'": 4, "*": 5},
    {"z": 1, "a": 2, "m": [3, [4.0, None, {"y": "", "b": False}]]},
    {"$ref": "people", "$id": 5, "left": {"$ref": "x"}, "inner": {"$id": 1.0, "$ref": "y"}},
    {"'; DROP TABLE x": "'; DROP TABLE x; --", "\\": "\\", "id": "id", "Timestamp": None},
]


@pytest.mark.parametrize("properties", HOSTILE, ids=range(len(HOSTILE)))
def test_properties_are_what_was_sent(project: TestProject, properties: dict[str, Any]) -> None:
    store_events(project, [{"path": "/", "properties": properties}])
    export_project(project.id)
    [row] = read_rows(project.id)
    found = msgspec.json.decode(row["properties"])
    assert found == properties
    if "inner" not in properties:  # of a reference `$ref` and `$id` come first
        assert repr(found) == repr(properties)


def test_no_properties_are_null_and_empty_ones_are_empty(project: TestProject) -> None:
    store_events(project, [{"path": "/none"}, {"path": "/empty", "properties": {}}])
    export_project(project.id)
    found = {row["path"]: row["properties"] for row in read_rows(project.id)}
    assert found == {"/none": None, "/empty": "{}"}


def test_numbers_that_are_none_leave_valid_json() -> None:
    odd = {"nan": float("nan"), "more": [float("inf"), -float("inf")], "at": datetime(2026, 1, 1)}  # noqa: DTZ001 as the driver may give one
    found = msgspec.json.decode(encode_properties(odd))
    assert (found["nan"], found["more"]) == (None, [None, None])


def test_every_column_is_the_stored_field(project: TestProject) -> None:
    texts = {
        name: f"'{name}' \x00 \"\\ \U0001f600"
        for name, kind in TYPES.items()
        if kind == TEXT and name != "properties"
    }
    numbers = {"visitor": -(2**63), "anonymous": 2**63 - 1}
    moment = datetime(1969, 7, 20, 20, 17, 39, 999_000, tzinfo=UTC)
    enriched = {**texts, **numbers, "timestamp": moment}
    store_events(project, [{"path": "/", "eventId": "of its own kind", ENRICHED: enriched}])
    [stored] = collection(EVENTS).find({"project": project.id})
    export_project(project.id)
    [row] = read_rows(project.id)
    for name, kind in TYPES.items():
        expected = stored.get(name)
        if name == "id":
            expected = stored["_id"][8:]
            assert len(expected) == 17
        elif kind == INTEGER and isinstance(expected, datetime):
            expected = ms_of_datetime(expected)
        assert row[name] == expected, name


def test_an_id_that_is_a_uuid_is_16_bytes(project: TestProject) -> None:
    event_id = "0190a0b0-0000-7000-8000-00000000000a"
    store_events(project, [{"path": "/", "eventId": event_id}])
    export_project(project.id)
    assert read_rows(project.id)[0]["id"].hex() == event_id.replace("-", "")


def test_what_an_event_of_an_old_release_lacks_is_null(project: TestProject) -> None:
    key = project.id + bytes(16)
    now = datetime(2026, 3, 5, tzinfo=UTC)
    collection(EVENTS).insert_one(
        {
            "_id": Binary(key),
            "project": Binary(project.id),
            "timestamp": now,
            "ingestedAt": now,
            "path": "/",
            "event": "pageview",
            "place": Binary(bytes(14)),
        }
    )
    collection("column_fresh").insert_one(describe_fresh(project.id, [key], now_ms()))
    export_project(project.id)
    [row] = read_rows(project.id)
    known = {name for name, value in row.items() if value is not None}
    assert known == {"id", "place", "timestamp", "ingestedAt", "path", "event"}


def test_neither_address_nor_user_agent_is_in_a_file(project: TestProject) -> None:
    store_events(project, [{"path": "/", "ip": "198.51.100.0", "userAgent": "Secret/1.0"}])
    [stored] = collection(EVENTS).find({"project": project.id})
    assert (stored["ip"], stored["userAgent"]) == ("198.51.100.0", "Secret/1.0")
    export_project(project.id)
    assert not {"198.51.100.0", "Secret/1.0"} & set(read_rows(project.id)[0].values())
