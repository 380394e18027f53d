"""The drain under faults: stopped, frozen, cut off, and tidied up after."""

import json
import os
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, cast

import pytest
from pymongo.client_session import ClientSession
from pymongo.errors import OperationFailure

from analytics.databases import mongo
from analytics.databases.mongo import DEAD_LETTERS, EVENTS, collection
from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_keys import GROUP, stream_key
from analytics.events.event import Event
from ingestion.drain import loop as draining
from ingestion.drain import reader
from ingestion.drain.acks import ack
from ingestion.drain.loop import drain
from ingestion.store import prepare as preparing
from ingestion.store import transaction as store
from ingestion.store.document import encode_event
from ingestion.store.prepare import prepare
from ingestion.stream.claims import forget_idle_consumers
from ingestion.stream.consumers import this_consumer
from ingestion.stream.entries import MAX_SHARED_DELIVERIES
from ingestion.stream.signals import publish_drain
from tests.conftest import Api, TestProject
from tests.servers_plugin import Servers
from tests.workers import celery_worker, wait_until, waiting_events
from upkeep.ledger.lines import read_ledger

EVENT = {"path": "/a"}


def send(ingest: Api, count: int) -> None:
    for start in range(0, count, 500):
        batch = [{"path": "/a", "eventId": f"id-{n}"} for n in range(start, start + 500)]
        assert ingest.post("/events", batch).status_code == 202


def check_books(project: TestProject, stored: int) -> None:
    assert collection(EVENTS).count_documents({"project": project.id}) == stored
    assert collection(DEAD_LETTERS).count_documents({}) == 0
    lines = read_ledger(project.id)
    assert sum(line.stored for line in lines) == stored
    assert [line.difference for line in lines] == [0] * len(lines)


@pytest.mark.slow
def test_a_worker_told_to_stop_ends_in_time_and_loses_nothing(
    project: TestProject, ingest: Api, tmp_path: Path
) -> None:
    send(ingest, 9_000)
    with celery_worker(tmp_path, concurrency=2) as worker:
        publish_drain(0)
        wait_until(
            lambda: collection(EVENTS).estimated_document_count() > 0, 30, "the drain has begun"
        )
        assert waiting_events() > 0
        worker.terminate()
        assert worker.wait(30)
    drain(0)
    check_books(project, 9_000)


@pytest.fixture
def short_transactions(store: None) -> Iterator[None]:
    """MongoDB gives one up after 3 s, not after the 15 s of its settings."""
    name = "transactionLifetimeLimitSeconds"
    admin = mongo.client().admin
    usual = admin.command({"getParameter": 1, name: 1})[name]
    admin.command({"setParameter": 1, name: 3})
    yield
    admin.command({"setParameter": 1, name: usual})


@pytest.mark.slow
def test_a_frozen_worker_that_wakes_after_its_entries_were_claimed_stores_nothing_twice(
    project: TestProject, ingest: Api, tmp_path: Path, short_transactions: None
) -> None:
    with celery_worker(tmp_path, concurrency=2) as worker:
        publish_drain(0)
        ingest.post("/event", EVENT)
        wait_until(lambda: waiting_events() == 0, 30, "the worker drains")
        send(ingest, 9_000)
        publish_drain(0)
        wait_until(lambda: _is_frozen_with_entries(worker.pid), 30, "the worker has read")
        time.sleep(1.5)  # CLAIM_IDLE_SECONDS is 1 here
        # Frozen in a transaction, it holds its locks until MongoDB's limit.
        wait_until(_drain_to_the_end, 60, "what the frozen worker holds was claimed and stored")
        os.killpg(worker.pid, signal.SIGCONT)
        time.sleep(2)  # it goes on with what it held
    check_books(project, 9_001)


@pytest.mark.slow
def test_while_mongodb_is_down_nothing_is_acked_or_buried_and_then_all_is_stored(
    project: TestProject, ingest: Api, servers: Servers
) -> None:
    send(ingest, 1_000)
    servers.mongo.kill()
    try:
        assert drain(0).stored == 0
        began = time.monotonic()
        drain(0)
        assert time.monotonic() - began < 5  # it probes, and leaves the store alone
        assert waiting_events() == 1_000
        assert ingest.post("/event", EVENT).status_code == 202
    finally:
        servers.mongo.restart()
    wait_until(_drain_to_the_end, 60, "it healed by itself")
    check_books(project, 1_001)


def test_a_commit_of_unknown_outcome_is_repeated(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.post("/events", [EVENT] * 3)
    commit, lost = ClientSession.commit_transaction, [True]

    def lose_one_reply(session: ClientSession) -> None:
        commit(session)
        if lost:
            lost.pop()
            labels = {"errorLabels": ["UnknownTransactionCommitResult"]}
            raise OperationFailure("the reply was lost", 91, labels)

    monkeypatch.setattr(ClientSession, "commit_transaction", lose_one_reply)

    assert drain(0).stored == 3

    assert lost == []
    check_books(project, 3)


def test_entries_that_two_consumers_store_at_once_count_once(
    project: TestProject, ingest: Api
) -> None:
    send(ingest, 500)
    reading = reader.Reader(0, this_consumer())
    reading.ensure_group()
    batch = reading.next_batch()
    both_ready = threading.Barrier(2)

    def store_all(_: int) -> int:
        both_ready.wait()
        return len(store.write_batch(0, prepare(batch)).new)

    with ThreadPoolExecutor(2) as consumers:
        stored = list(consumers.map(store_all, range(2)))

    assert sorted(stored) == [0, 500]
    ack(0, batch)
    ack(0, batch)
    check_books(project, 500)


def test_an_entry_delivered_too_often_is_handled_alone_event_by_event(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.post("/events", [EVENT] * 3)
    client = stream_client()
    reader.Reader(0, this_consumer()).ensure_group()
    me = str(this_consumer())
    client.execute_command("XREADGROUP", "GROUP", GROUP, me, "STREAMS", stream_key(0), ">")
    for _ in range(MAX_SHARED_DELIVERIES + 1):
        client.execute_command("XREADGROUP", "GROUP", GROUP, me, "STREAMS", stream_key(0), "0")
    sizes: list[int] = []
    write = store.write_batch

    def note_size(partition: int, batch: Any) -> Any:
        sizes.append(len(batch))
        return write(partition, batch)

    monkeypatch.setattr(draining, "write_batch", note_size)

    assert drain(0).stored == 3

    assert sizes == [1, 1, 1]


def test_an_entry_delivered_too_often_comes_after_the_others(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    ingest.post("/event", {"path": "/suspect"})
    hand_over(str(this_consumer()), deliveries=MAX_SHARED_DELIVERIES, idle_ms=0)
    ingest.post("/events", [EVENT] * 3)
    paths: list[list[bytes]] = []
    write = store.write_batch

    def note_paths(partition: int, batch: Any) -> Any:
        paths.append([event.accepted.raw for event in batch])
        return write(partition, batch)

    monkeypatch.setattr(draining, "write_batch", note_paths)

    assert drain(0).stored == 4

    assert [len(batch) for batch in paths] == [3, 1]
    assert b"/suspect" in paths[1][0]


@pytest.mark.parametrize(("idle_ms", "stored"), [(0, 1), (60_100, 2)])
def test_an_entry_that_took_its_processes_down_rests_until_it_is_stale(
    idle_ms: int, stored: int, project: TestProject, ingest: Api, settings: Any
) -> None:
    settings.CLAIM_IDLE_SECONDS = 60
    gone = this_consumer()._replace(pid=2**22 + 1)
    ingest.post("/event", EVENT)
    hand_over(str(gone), deliveries=MAX_SHARED_DELIVERIES + 1, idle_ms=idle_ms)
    ingest.post("/event", EVENT)

    assert drain(0).stored == stored


def test_an_entry_that_our_own_code_fails_on_waits_and_the_others_flow(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_on_one(event: Event, *rest: Any) -> Any:
        if event.path == "/bug":
            raise ZeroDivisionError
        return encode_event(event, *rest)

    monkeypatch.setattr(preparing, "encode_event", fail_on_one)
    for path in ("/a", "/bug", "/b", "/c"):
        ingest.post("/events", [{"path": "/a"}, {"path": path}])

    assert drain(0).stored == 6
    assert drain(0).stored == 0
    assert _pending() == 1

    monkeypatch.undo()
    assert drain(0).stored == 2
    check_books(project, 8)


def test_an_entry_that_somebody_deleted_while_it_was_pending_stops_nobody(
    project: TestProject, ingest: Api
) -> None:
    for _ in range(2):
        ingest.post("/event", EVENT)
    hand_over(str(this_consumer()._replace(pid=2**22 + 1)), deliveries=1, idle_ms=0)
    [(raw_id, _), _] = cast(list[tuple[bytes, Any]], stream_client().xrange(stream_key(0)))
    stream_client().xdel(stream_key(0), raw_id)

    assert drain(0).stored == 1
    drain(0)
    assert _pending() == 0


def hand_over(consumer: str, *, deliveries: int, idle_ms: int) -> None:
    """Make what waits pending with a consumer, delivered so often and so long ago."""
    reader.Reader(0, this_consumer()).ensure_group()
    client, stream = stream_client(), stream_key(0)
    client.execute_command("XREADGROUP", "GROUP", GROUP, consumer, "STREAMS", stream, ">")
    pending: Any = client.xpending_range(stream, GROUP, "-", "+", 100)
    ids = [item["message_id"] for item in pending]
    client.xclaim(stream, GROUP, consumer, 0, ids, idle=idle_ms, retrycount=deliveries)


def test_only_consumers_that_hold_nothing_are_forgotten(project: TestProject, ingest: Api) -> None:
    ingest.post("/event", EVENT)
    reader.Reader(0, this_consumer()).ensure_group()
    gone = this_consumer()._replace(pid=2**22 + 1)
    client, stream = stream_client(), stream_key(0)
    client.execute_command("XREADGROUP", "GROUP", GROUP, str(gone), "STREAMS", stream, ">")

    assert forget_idle_consumers(0) == 0
    assert _pending() == 1
    assert drain(0).stored == 1
    assert forget_idle_consumers(0) == 1


def test_without_a_worker_few_drains_are_queued_and_none_expires(store: None) -> None:
    """One that expired would never run on a worker whose clock is ahead."""
    for _ in range(5):
        publish_drain(0)

    queued: Any = broker_client().lrange("drain", 0, -1)
    assert len(queued) == 2
    assert [json.loads(task)["headers"]["expires"] for task in queued] == [None, None]


def _drain_to_the_end() -> bool:
    drain(0)
    return waiting_events() == 0


def _is_frozen_with_entries(group: int) -> bool:
    """Between two batches it goes on: there it holds none."""
    os.killpg(group, signal.SIGSTOP)
    if _pending() > 0:
        return True
    os.killpg(group, signal.SIGCONT)
    return False


def _pending() -> int:
    groups: Any = stream_client().xinfo_groups(stream_key(0))
    return sum(int(group["pending"]) for group in groups)
