"""The fuse: what would bury most of a project stays in the stream, and the others go on."""

import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from pymongo.errors import OperationFailure
from pytest_django import Settings

from analytics.databases import mongo
from analytics.databases.mongo import DEAD_LETTERS, EVENTS, FUSES, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import GROUP, stream_key
from analytics.events.entry import AcceptedEvent
from analytics.events.event import decode_events
from ingestion.accept.admit import Sender, admit
from ingestion.drain import fuse
from ingestion.drain.batch import Batch
from ingestion.drain.fuse_window import Window
from ingestion.drain.loop import drain
from ingestion.drain.reader import Reader
from ingestion.letters import capacity
from ingestion.store import prepare
from ingestion.store import transaction as store
from ingestion.stream.claims import holder_of, list_consumers
from ingestion.stream.consumers import this_consumer
from ingestion.stream.entries import MAX_SHARED_DELIVERIES
from tests.conftest import Api, TestProject
from tests.poison import POISON, record_of
from tests.workers import waiting_events
from upkeep.ledger.check import check_ledger


def accept_entries(project: TestProject, count: int, events: int, raw: bytes = POISON) -> None:
    """Append, past the door, `count` entries of `events` each."""
    sender = Sender(record_of(project), "203.0.113.9", None)
    for number in range(count):
        batch = [AcceptedEvent(f"id-{number}-{n}", raw) for n in range(events)]
        admit(sender, batch)


def count_letters(project: TestProject) -> int:
    return collection(DEAD_LETTERS).count_documents({"project": project.id})


def count_held(project: TestProject) -> int:
    return sum(each.pending for each in list_consumers(0) if each.name == holder_of(project.id))


def find_fuse(project: TestProject) -> Any:
    return collection(FUSES).find_one({"_id": project.id})


def make_due(project: TestProject) -> None:
    """The minute until the next try is over."""
    past = datetime.now(UTC) - timedelta(seconds=1)
    collection(FUSES).update_one({"_id": project.id}, {"$set": {"tryAt": past}})


@pytest.fixture
def blown(project: TestProject) -> TestProject:
    """A project of whose last 1,000 events every one was to be buried."""
    accept_entries(project, 110, 10)
    drain(0)
    assert find_fuse(project)["reason"] == "invalid"
    return project


def test_where_most_would_be_buried_the_entries_stay_and_others_go_on(
    project: TestProject, other_project: TestProject
) -> None:
    accept_entries(project, 110, 10)
    Api(other_project.ingest_key).post("/event", {"path": "/a"})

    assert drain(0).stored == 1

    assert count_letters(project) == 0
    assert (count_held(project), waiting_events()) == (110, 1_100)
    assert check_ledger(wait_seconds=0).wrong == []


def test_what_a_few_entries_hold_is_buried(project: TestProject) -> None:
    """One client with a broken batch is no misconfiguration of the project."""
    accept_entries(project, 12, 100)

    assert drain(0).dead == 1_200

    assert find_fuse(project) is None


def test_half_of_the_events_may_be_buried(project: TestProject) -> None:
    sender = Sender(record_of(project), None, None)
    for number in range(120):
        good = [AcceptedEvent(f"g-{number}-{n}", b'{"path": "/a"}') for n in range(5)]
        bad = [AcceptedEvent(f"b-{number}-{n}", POISON) for n in range(5)]
        admit(sender, [*bad, *good])

    result = drain(0)

    assert (result.stored, result.dead) == (600, 600)
    assert find_fuse(project) is None


def test_each_reason_counts_by_itself() -> None:
    window = Window()
    for number in range(200):
        window.add(b"%d" % number, 10, {"invalid": 4, "not_encodable": 4})
    assert window.find_reason() is None
    for number in range(100):
        window.add(b"%d" % number, 10, {"invalid": 6})
    assert window.find_reason() == "invalid"


def test_a_window_forgets_what_is_long_ago() -> None:
    window = Window()
    window.add(b"first", 10, {"invalid": 10})
    for number in range(100):
        assert not window.is_clean
        window.add(b"%d" % number, 10, Counter())
    assert window.is_clean


def test_another_process_holds_back_what_comes_later(blown: TestProject) -> None:
    fuse._windows.clear()  # it has seen nothing itself
    accept_entries(blown, 5, 10)

    drain(0)

    assert (count_held(blown), count_letters(blown)) == (115, 0)


def test_held_entries_are_neither_claimed_nor_made_suspect_by_waiting(
    blown: TestProject, settings: Settings
) -> None:
    settings.CLAIM_IDLE_SECONDS = 0.05
    time.sleep(0.1)
    for _ in range(MAX_SHARED_DELIVERIES + 2):
        drain(0, 0)

    assert count_held(blown) == 110
    pending: Any = stream_client().xpending_range(
        stream_key(0), GROUP, "-", "+", 200, holder_of(blown.id)
    )
    assert {item["times_delivered"] for item in pending} == {1}


def test_entries_that_a_dead_process_took_are_held_back_again(blown: TestProject) -> None:
    accept_entries(blown, 3, 10)
    gone = str(this_consumer()._replace(pid=2**22 + 1))
    client = stream_client()
    client.execute_command("XREADGROUP", "GROUP", GROUP, gone, "STREAMS", stream_key(0), ">")

    drain(0)

    assert (count_held(blown), count_letters(blown)) == (113, 0)


def test_it_is_tried_again_each_minute_and_stays_open_while_nothing_changed(
    blown: TestProject,
) -> None:
    make_due(blown)

    drain(0)

    assert find_fuse(blown)["tryAt"] > datetime.now(UTC) + timedelta(seconds=50)
    assert (count_held(blown), count_letters(blown)) == (110, 0)


def test_it_closes_by_itself_once_the_events_can_be_stored(
    blown: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    mended = b'{"path": "/mended"}'
    monkeypatch.setattr(prepare, "decode_events", lambda raws: decode_events([mended] * len(raws)))
    drain(0)
    assert count_held(blown) == 110  # not before its time
    make_due(blown)

    drain(0)

    assert find_fuse(blown) is None
    assert collection(EVENTS).count_documents({"path": "/mended"}) == 1_100
    assert waiting_events() == 0
    assert check_ledger(wait_seconds=0).wrong == []


def test_a_forced_drain_buries_what_the_fuse_holds_back(blown: TestProject) -> None:
    output = StringIO()

    call_command("drain", force=True, stdout=output)

    assert "1100 dead" in output.getvalue()
    assert (count_letters(blown), waiting_events()) == (1_100, 0)
    make_due(blown)
    drain(0)
    assert find_fuse(blown) is None  # nothing is held any more


def test_what_the_store_refuses_opens_the_fuse_as_well(
    project: TestProject, other_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ingestion.drain.fuse_window.WINDOW_EVENTS", 20)
    monkeypatch.setattr("ingestion.drain.fuse_window.WINDOW_REQUESTS", 4)
    insert = store.insert_events

    def refuse(session: Any, events: Any) -> None:
        if any(event.project_id == project.id for event in events):
            raise OperationFailure("document failed validation", 121)
        insert(session, events)

    monkeypatch.setattr(store, "insert_events", refuse)
    accept_entries(project, 10, 5, b'{"path": "/refused"}')
    Api(other_project.ingest_key).post("/event", {"path": "/a"})

    assert drain(0).stored == 1

    letters = count_letters(project)
    assert 0 < letters < 25
    assert count_held(project) == 10 - letters // 5
    make_due(project)
    drain(0)
    assert (count_letters(project), find_fuse(project)["reason"]) == (letters, "refused_by_store")
    monkeypatch.setattr(store, "insert_events", insert)
    make_due(project)
    drain(0)
    assert find_fuse(project) is None
    assert collection(EVENTS).count_documents({"project": project.id}) == 50 - letters
    assert check_ledger(wait_seconds=0).wrong == []


def test_beyond_the_bound_only_entries_with_an_event_to_bury_stay(
    project: TestProject, ingest: Api, settings: Any
) -> None:
    settings.DEAD_LETTERS_MAX_PER_PROJECT = 3
    accept_entries(project, 5, 1)
    ingest.post("/event", {"path": "/good"})

    result = drain(0)

    assert (result.stored, result.dead) == (1, 3)
    assert find_fuse(project)["reason"] == fuse.TOO_MANY_LETTERS
    assert count_held(project) == 2
    ingest.post("/event", {"path": "/good"})
    assert drain(0).stored == 1
    assert check_ledger(wait_seconds=0).wrong == []


def test_the_bound_of_all_projects_holds_for_each(
    project: TestProject, other_project: TestProject, settings: Any
) -> None:
    settings.DEAD_LETTERS_MAX = 2
    accept_entries(project, 2, 1)
    assert drain(0).dead == 2
    accept_entries(other_project, 1, 1)

    assert drain(0).dead == 0

    assert count_held(other_project) == 1


def test_room_among_the_dead_letters_lets_the_held_entries_go(
    project: TestProject, settings: Any
) -> None:
    settings.DEAD_LETTERS_MAX_PER_PROJECT = 1
    accept_entries(project, 2, 1)
    drain(0)
    collection(mongo.DEAD_LETTERS).update_many({}, {"$set": {"status": "discarded"}})
    make_due(project)

    assert drain(0).dead == 1

    assert find_fuse(project) is None
    assert capacity.has_room(project.id, 1) is False


def test_a_healthy_batch_asks_nothing_of_the_stores(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.post("/event", {"path": "/a"})
    fuses = fuse.Fuses(0)
    reader = Reader(0, this_consumer())
    reader.ensure_group()
    entries = reader.next_batch()
    batch = Batch(entries, prepare.prepare(entries))
    monkeypatch.setattr(fuse, "collection", None)

    assert list(fuses.choose_held(batch)) == []
    assert list(fuses.choose_refused(batch)) == []
    assert batch.without([]) is batch
