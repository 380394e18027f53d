"""What a batch leaves fresh: the new events of each project, for the columns."""

from typing import Any

import pytest
from pymongo.errors import OperationFailure

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.events.entry import AcceptedEvent, Entry, Part
from analytics.events.fresh import FRESH_ID_BYTES, fresh_since_ms, list_fresh_keys
from analytics.events.ids import (
    PROJECT_ID_BYTES,
    EntryId,
    event_key,
    ids_of,
    make_event_id,
    now_ms,
)
from ingestion.drain.loop import drain
from ingestion.store.derived import insert_fresh
from ingestion.store.prepare import PreparedEvent, prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.entries import ReadEntry
from tests.conftest import Api, TestProject, make_project
from tests.poison import accept_poison
from tests.stored import store_events


def fresh_keys(project: TestProject) -> list[bytes]:
    found = collection(mongo.COLUMN_FRESH).find(ids_of(project.id, FRESH_ID_BYTES))
    return [key for document in found for key in list_fresh_keys(document)]


def stored_keys(project: TestProject) -> list[bytes]:
    found = collection(mongo.EVENTS).find({"project": project.id}, {"_id": 1})
    return sorted(event["_id"] for event in found)


def read_event(project: TestProject, sequence: int, event_id: str | None = None) -> ReadEntry:
    entry_id = EntryId(now_ms(), sequence)
    accepted = [AcceptedEvent(event_id or make_event_id(entry_id.ms), b'{"path":"/a"}')]
    raw_id = f"{entry_id.ms}-{entry_id.sequence}".encode()
    return ReadEntry(raw_id, entry_id, Entry([Part(project.id, None, None, accepted)]), 1)


def test_every_event_of_a_batch_is_fresh_whatever_shape_its_id_has(project: TestProject) -> None:
    before = now_ms()
    store_events(project, [{"path": "/a"}, {"path": "/b", "eventId": "mine"}, {"path": "/c"}])

    [document] = collection(mongo.COLUMN_FRESH).find({})
    assert document["n"] == 3
    assert sorted(list_fresh_keys(document)) == stored_keys(project)
    assert event_key(project.id, "mine") in list_fresh_keys(document)
    assert len(document["_id"]) == PROJECT_ID_BYTES + FRESH_ID_BYTES
    assert before <= fresh_since_ms(document["_id"]) <= now_ms()


def test_a_batch_of_many_projects_leaves_each_its_own(store: None) -> None:
    projects = [make_project(f"Project {n}") for n in range(5)]
    batch = prepare([read_event(projects[n % 5], n) for n in range(23)])

    write_batch(0, batch)

    assert collection(mongo.COLUMN_FRESH).count_documents({}) == 5
    for project in projects:
        assert sorted(fresh_keys(project)) == stored_keys(project)
        assert len(fresh_keys(project)) in (4, 5)


def test_what_was_stored_before_is_not_fresh_again(project: TestProject) -> None:
    store_events(project, [{"path": "/a", "eventId": "one"}])
    collection(mongo.COLUMN_FRESH).delete_many({})  # it is in a segment now

    store_events(project, [{"path": "/a", "eventId": "one"}, {"path": "/b", "eventId": "two"}])

    assert fresh_keys(project) == [event_key(project.id, "two")]


def test_a_batch_of_nothing_new_leaves_nothing(project: TestProject) -> None:
    store_events(project, [{"path": "/a", "eventId": "one"}])
    store_events(project, [{"path": "/a", "eventId": "one"}])

    assert collection(mongo.COLUMN_FRESH).count_documents({}) == 1


def test_a_batch_that_is_delivered_again_leaves_nothing_more(project: TestProject) -> None:
    batch = prepare([read_event(project, n) for n in range(4)])
    write_batch(0, batch)
    again = [with_redelivery(event) for event in batch]

    write_batch(0, again)

    assert sorted(fresh_keys(project)) == stored_keys(project)
    assert len(fresh_keys(project)) == 4


def with_redelivery(event: PreparedEvent) -> PreparedEvent:
    event.redelivered = event.may_be_stored = True
    return event


def test_a_dead_letter_is_not_fresh(ingest: Api, project: TestProject) -> None:
    ingest.post("/event", {"path": "/before"})
    accept_poison(project)

    assert drain(0).dead == 1

    assert fresh_keys(project) == stored_keys(project)
    assert len(fresh_keys(project)) == 1


def test_a_batch_that_is_not_stored_leaves_nothing_fresh(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert = insert_fresh

    def fail_after(*args: Any) -> None:
        insert(*args)
        raise OperationFailure("document too large", 10334)

    monkeypatch.setattr("ingestion.store.transaction.insert_fresh", fail_after)

    with pytest.raises(OperationFailure):
        store_events(project, [{"path": "/a"}])

    assert fresh_keys(project) == stored_keys(project) == []


def test_a_transaction_that_is_repeated_leaves_its_events_fresh_once(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    insert, failures = insert_fresh, [True]

    def fail_once(*args: Any) -> None:
        insert(*args)
        if failures:
            failures.pop()
            labels = {"errorLabels": ["TransientTransactionError"]}
            raise OperationFailure("write conflict", 112, labels)

    monkeypatch.setattr("ingestion.store.transaction.insert_fresh", fail_once)

    store_events(project, [{"path": f"/{n}"} for n in range(7)])

    assert sorted(fresh_keys(project)) == stored_keys(project)
    assert len(fresh_keys(project)) == 7
