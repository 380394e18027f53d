"""What is stored of an imported event: what it says, whatever the drain would have made of it."""

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.events.entry import (
    IMPORTED_VERSION,
    AcceptedEvent,
    Entry,
    Part,
    decode_entry,
    encode_entry,
)
from analytics.events.id_text import parse_id
from analytics.events.ids import MS_PER_DAY, EntryId, datetime_of_ms, now_ms
from analytics.events.imported import decode_imported
from analytics.events.invalid_event import InvalidEvent
from ingestion.drain.loop import drain
from ingestion.imports.admit import ERA, Outcome, admit_imported, fence, most_waiting, read_count
from ingestion.letters.letter import judge_edit
from ingestion.letters.replay import find_open, replay_letters
from ingestion.store.prepare import prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.entries import ReadEntry
from tests.conftest import TestProject
from upkeep.ledger.documents import count_documents
from upkeep.ledger.lines import read_ledger

UUID = "01923f6e-8a4b-7c3d-9e5f-0a1b2c3d4e5f"
ID = "02:" + "5a" * 16
EVENT: dict[str, Any] = {
    "timestamp": 1_577_836_800_123, "ingestedAt": 1_577_836_801_000, "event": "pageview",
    "path": "/a", "visitor": -5, "anonymous": 7, "userId": "ada", "hostname": "x.example",
    "country": "NZ", "browser": "Lynx", "browserVersion": "2", "source": "Nowhere",
    "channel": "Affiliates", "utmSource": "nowhere", "bot": "GPTBot", "eventId": "order 7",
    "properties": {"n": 5.0, "m": 2**60, "deep": {"a": [None, True]}},
}  # fmt: skip


def encode(**changes: Any) -> bytes:
    return msgspec.json.encode({**EVENT, **changes})


def store(project: TestProject, *events: AcceptedEvent, sequence: int = 0, days: int = 0) -> None:
    """So many days ago."""
    part = Part(project.id, None, None, events, imported=True)
    entry_id = EntryId(now_ms() - days * MS_PER_DAY, sequence)
    read = ReadEntry(b"1-0", entry_id, Entry([part]), 1)
    write_batch(0, prepare([read]))


def find(project: TestProject, event_id: str) -> dict[str, Any]:
    found = collection(mongo.EVENTS).find_one({"_id": project.id + parse_id(event_id)})
    assert found is not None
    return found


@pytest.mark.parametrize("event_id", [ID, UUID])
def test_it_is_stored_as_it_says_under_the_id_that_it_had(
    project: TestProject, event_id: str
) -> None:
    store(project, AcceptedEvent(event_id, encode()))
    found = find(project, event_id)
    told = {**EVENT, **{name: datetime_of_ms(EVENT[name]) for name in ("timestamp", "ingestedAt")}}
    assert {name: found[name] for name in told} == told
    assert isinstance(found["properties"]["n"], float)
    assert found["imported"] is True


def test_without_a_moment_of_its_own_it_was_accepted_when_it_is_imported(
    project: TestProject,
) -> None:
    store(project, AcceptedEvent(ID, encode(ingestedAt=None)))
    assert find(project, ID)["ingestedAt"].date() == datetime.now(UTC).date()


def test_the_projects_rule_for_addresses_holds(project: TestProject) -> None:
    store(project, AcceptedEvent(ID, encode(ip="203.0.113.9")))
    assert find(project, ID)["ip"] == "203.0.113.0"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"timestamp": -1}, "wrong_type"),
        ({"path": ""}, "too_short"),
        ({"userId": "a\x00"}, "control_character"),
        ({"visitor": 2**63}, "wrong_type"),
        ({"ip": "somewhere"}, "bad_ip"),
        ({"properties": {"a\x00": 1}}, "bad_property_name"),
        ({"shoe": 1}, "unknown_field"),
    ],
)
def test_what_cannot_be_stored_is_refused(changes: dict[str, Any], code: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode_imported(encode(**changes))
    assert refused.value.code == code


def test_an_entry_of_an_import_has_a_version_that_says_so(project: TestProject) -> None:
    part = Part(project.id, None, None, [AcceptedEvent(ID, encode())], imported=True)
    entry = decode_entry({b"v": IMPORTED_VERSION, b"d": encode_entry([part])})
    assert entry.imported
    assert entry.event_key(ID) == project.id + parse_id(ID)


def admit(project: TestProject, *events: AcceptedEvent, count: int = 0) -> Outcome:
    return admit_imported(project.id, project.row.partition, "one", events, count)


def test_it_is_a_part_of_what_the_books_say_was_accepted(project: TestProject) -> None:
    dead = AcceptedEvent(UUID, b"{}")
    assert admit(project, AcceptedEvent(ID, encode()), dead) is Outcome.ADMITTED
    assert admit(project, AcceptedEvent(ID, encode()), count=2) is Outcome.ADMITTED
    drain(project.row.partition)
    [line] = read_ledger(project.id)
    assert (line.accepted, line.stored, line.duplicate, line.dead) == (3, 1, 1, 1)
    assert (line.imported, line.difference) == (3, 0)
    assert all(day.booked == day.found for day in count_documents(project.id))


def test_what_expires_soon_after_its_import_is_no_difference_of_the_books(
    project: TestProject,
) -> None:
    project.row.retention_days = 30
    project.row.save()
    old = now_ms() - 8 * MS_PER_DAY - 30 * MS_PER_DAY + MS_PER_DAY // 4
    store(project, AcceptedEvent(ID, encode(timestamp=old, ingestedAt=old)), days=8)
    store(project, AcceptedEvent(UUID, encode()), sequence=1)
    gone = {"project": project.id, "_id": project.id + parse_id(ID)}
    expired = {**gone, "expiresAt": {"$lt": datetime.now(UTC)}}
    assert collection(mongo.EVENTS).delete_one(expired).deleted_count  # as MongoDB does
    counted = count_documents(project.id)
    assert counted
    assert all(day.booked == day.found for day in counted)


def test_a_call_that_is_repeated_admits_nothing(project: TestProject) -> None:
    event = AcceptedEvent(ID, encode())
    assert admit(project, event) is Outcome.ADMITTED
    assert admit(project, event) is Outcome.NOT_NOW
    assert read_count(project.id, project.row.partition, "one") == 1


def test_imports_of_one_id_in_two_projects_have_a_count_each(
    project: TestProject, other_project: TestProject
) -> None:
    event = AcceptedEvent(ID, encode())
    assert admit(project, event) is Outcome.ADMITTED
    fence(project.id, project.row.partition, "one", 1)
    assert read_count(other_project.id, other_project.row.partition, "one") == 0
    assert admit(other_project, event) is Outcome.ADMITTED


def test_a_fence_refuses_what_was_begun_before(project: TestProject) -> None:
    event = AcceptedEvent(ID, encode())
    fence(project.id, project.row.partition, "one", 1)
    fence(project.id, project.row.partition, "one", 1)  # as who repeats it does
    assert admit(project, event) is Outcome.NOT_NOW
    assert admit(project, event, count=ERA) is Outcome.ADMITTED
    assert read_count(project.id, project.row.partition, "one") == ERA + 1


def test_while_much_waits_nothing_is_admitted(project: TestProject) -> None:
    events = [AcceptedEvent(f"01:{number:032x}", encode()) for number in range(most_waiting() // 4)]
    for turn in range(4):
        assert admit(project, *events, count=turn * len(events)) is Outcome.ADMITTED
    assert admit(project, events[0], count=4 * len(events)) is Outcome.AFTER_OTHERS


def test_a_dead_letter_of_an_import_is_mended_and_replayed_as_one(project: TestProject) -> None:
    store(project, AcceptedEvent(ID, encode(path="")))
    [letter_id] = find_open(project.id)
    letter = collection(mongo.DEAD_LETTERS).find_one({"_id": letter_id})
    assert letter is not None
    with pytest.raises(InvalidEvent):
        judge_edit(encode(path=""), letter)
    judge_edit(encode(), letter)
    collection(mongo.DEAD_LETTERS).update_one({"_id": letter_id}, {"$set": {"payload": encode()}})
    assert replay_letters([letter_id], "somebody", "mended").replayed == 1
    drain(project.row.partition)
    assert find(project, ID)["country"] == "NZ"
