"""The drain: every accepted event is stored once, whoever else is at work."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from pymongo.errors import OperationFailure
from pytest_django import Settings

from analytics.databases.mongo import DEAD_LETTERS, DUPLICATES, EVENTS, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key
from analytics.events.entry import AcceptedEvent, Entry, Part
from analytics.events.ids import EntryId, event_key, now_ms, parse_place
from analytics.keys import lookup
from analytics.keys.key_text import read_key_id
from analytics.projects.models import ApiKey
from ingestion.drain import reader
from ingestion.drain.acks import ack
from ingestion.drain.loop import drain
from ingestion.drain.reader import Reader
from ingestion.store import transaction as store
from ingestion.store.prepare import Failure, prepare
from ingestion.stream.consumers import this_consumer
from ingestion.stream.entries import ReadEntry
from ingestion.stream.signals import publish_drain
from tests.conftest import Api, TestProject
from tests.poison import accept_poison
from tests.workers import celery_worker, wait_until, waiting_events
from upkeep.ledger.lines import read_ledger
from upkeep.verify.verify import verify_day


def read_entry(project: TestProject, deliveries: int = 1) -> ReadEntry:
    """An entry of two events, the second a copy of the first."""
    entry_id = EntryId(now_ms(), 1)
    events = [AcceptedEvent("twice", b'{"path": "/a", "eventId": "twice"}')] * 2
    raw_id = f"{entry_id.ms}-{entry_id.sequence}".encode()
    return ReadEntry(raw_id, entry_id, Entry([Part(project.id, None, None, events)]), deliveries)


@pytest.mark.slow
def test_two_workers_store_exactly_the_distinct_ids_of_20_000_events(
    project: TestProject, ingest: Api, tmp_path: Path
) -> None:
    events = [{"path": f"/{n % 50}", "eventId": f"id-{n % 18_000}"} for n in range(20_000)]
    key = ApiKey.objects.get(pk=read_key_id(project.ingest_key))
    key.rate_events_per_second = key.burst_events = 100_000
    key.save()
    lookup.forget_keys()
    with celery_worker(tmp_path, concurrency=2):
        for start in range(0, len(events), 1_000):
            assert ingest.post("/events", events[start : start + 1_000]).status_code == 202
        publish_drain(0)
        wait_until(lambda: waiting_events() == 0, 60, "everything is stored")

    assert collection(EVENTS).count_documents({"project": project.id}) == 18_000
    [line] = read_ledger(project.id)
    books = (line.accepted, line.stored, line.duplicate, line.dead, line.difference)
    assert books == (20_000, 18_000, 2_000, 0, 0)
    assert verify_day(project.id, line.day) == []


def test_what_was_read_ahead_is_handed_over_when_the_time_is_up(
    ingest: Api, monkeypatch: pytest.MonkeyPatch, settings: Settings
) -> None:
    settings.WORKER_BATCH_SIZE = 2
    monkeypatch.setattr(reader, "READ_ENTRIES", 2)
    for n in range(6):
        ingest.post("/event", {"path": f"/{n}"})

    with ThreadPoolExecutor(1) as ahead:
        reading = Reader(0, this_consumer(), ahead=ahead)
        reading.ensure_group()
        batches = [reading.next_batch(may_read=n == 0) for n in range(3)]

    assert [len(batch) for batch in batches] == [2, 2, 0]
    assert stream_client().xpending(stream_key(0), "workers")["pending"] == 4


def test_projects_with_the_same_ids_and_users_do_not_touch_each_other(
    ingest: Api, project: TestProject, other_project: TestProject
) -> None:
    events = [{"path": "/a", "eventId": f"id-{n}", "userId": "u"} for n in range(10)]
    for api in (ingest, Api(other_project.ingest_key)):
        assert api.post("/events", events).status_code == 202

    assert drain(0).stored == 20

    for whose in (project, other_project):
        assert collection(EVENTS).count_documents({"project": whose.id}) == 10
        [line] = read_ledger(whose.id)
        assert (line.accepted, line.stored, line.duplicate) == (10, 10, 0)
    assert Api(other_project.read_key).get("/stats").json()["totalViews"] == 10


def test_poison_in_the_middle_is_buried_alone(ingest: Api, project: TestProject) -> None:
    ingest.post("/event", {"path": "/before"})
    accept_poison(project)
    ingest.post("/event", {"path": "/after"})

    result = drain(0)

    assert (result.stored, result.dead) == (2, 1)
    letter = collection(DEAD_LETTERS).find_one({"project": project.id})
    assert letter is not None
    assert letter["reason"] == "invalid"
    assert b"poison" in letter["payload"]
    assert ingest.get("/event/poison").json()["state"] == "dead"


def test_a_batch_that_is_delivered_again_counts_nothing(project: TestProject) -> None:
    store.write_batch(0, prepare([read_entry(project)]))
    entry = read_entry(project, deliveries=2)
    first = collection(EVENTS).find_one({"project": project.id})
    assert first is not None
    again = ReadEntry(entry.raw_id, parse_place(first["place"])[0], entry.entry, 2)

    written = store.write_batch(0, prepare([again]))

    assert (written.new, written.duplicates, written.dead) == ([], [], [])
    assert collection(EVENTS).count_documents({"project": project.id}) == 1
    assert collection(DUPLICATES).count_documents({}) == 1


def test_what_an_older_release_stored_is_not_dead_as_well(project: TestProject) -> None:
    first, again = prepare([read_entry(project)]), prepare([read_entry(project, deliveries=2)])
    for event, before in zip(again, first, strict=True):
        event.place = before.place
        event.failure = Failure("invalid", "this release refuses it")
    store.write_batch(0, first)

    written = store.write_batch(0, again)

    assert (written.new, written.duplicates, written.dead) == ([], [], [])
    assert collection(DEAD_LETTERS).count_documents({}) == 0


@pytest.mark.parametrize(("name", "field"), [(DUPLICATES, "event"), (DEAD_LETTERS, "eventKey")])
def test_an_event_at_a_place_that_was_given_before_is_stored(
    project: TestProject, name: str, field: str
) -> None:
    """By a Redis that lost its tail, to an event that was a duplicate, or dead."""
    first, second = prepare([read_entry(project, deliveries=2)])
    collection(name).insert_one({"_id": first.record_id, field: event_key(project.id, "lost")})

    written = store.write_batch(0, [first, second])

    assert (written.new, written.duplicates) == ([first], [second])


def test_an_entry_that_is_acked_twice_leaves_the_books_once(
    ingest: Api, project: TestProject
) -> None:
    ingest.post("/event", {"path": "/a"})
    [(raw_id, _)] = cast(list[tuple[bytes, Any]], stream_client().xrange(stream_key(0)))
    one = [AcceptedEvent("x", b"{}")]
    entry = ReadEntry(raw_id, EntryId.parse(raw_id), Entry([Part(project.id, None, None, one)]), 1)

    ack(0, [entry])
    ack(0, [entry])

    assert waiting_events() == 0


def test_an_entry_of_an_unknown_format_waits_while_others_flow(
    ingest: Api, project: TestProject
) -> None:
    stream_client().xadd(stream_key(0), {"v": "9", "d": "from the future"})
    ingest.post("/event", {"path": "/a"})

    assert drain(0).stored == 1

    assert stream_client().xlen(stream_key(0)) == 1


def test_what_the_store_refuses_for_good_is_buried_alone(
    ingest: Api, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.post("/events", [{"path": "/a", "eventId": f"id-{n}"} for n in range(9)])
    insert = store.insert_events

    def refuse_one(session: Any, events: Any) -> None:
        if any(event.accepted.event_id == "id-4" for event in events):
            raise OperationFailure("object to insert too large", 10334)
        insert(session, events)

    monkeypatch.setattr(store, "insert_events", refuse_one)

    result = drain(0)

    assert (result.stored, result.dead) == (8, 1)
    letter = collection(DEAD_LETTERS).find_one({"project": project.id})
    assert letter is not None
    assert (letter["eventId"], letter["reason"]) == ("id-4", "refused_by_store")


def test_a_passing_error_buries_nothing(
    ingest: Api, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.post("/events", [{"path": "/a"}] * 5)
    insert, failures = store.insert_events, [True, True]

    def fail_twice(session: Any, events: Any) -> None:
        if failures:
            failures.pop()
            labels = {"errorLabels": ["TransientTransactionError"]}
            raise OperationFailure("write conflict", 112, labels)
        insert(session, events)

    monkeypatch.setattr(store, "insert_events", fail_twice)

    result = drain(0)

    assert (result.stored, result.dead) == (5, 0)
