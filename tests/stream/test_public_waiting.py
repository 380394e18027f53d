"""What waits by public keys of a project: counted with the append, taken off with the ack."""

from pathlib import Path
from typing import Any

import pytest

from analytics.databases.mongo import DEAD_LETTERS, EVENTS, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key, waiting_key
from analytics.events import event as wire
from analytics.events.invalid_event import InvalidEvent
from ingestion.drain import acks
from ingestion.drain.loop import drain
from ingestion.drain.reader import Reader
from ingestion.letters.replay import find_open, replay_letters
from ingestion.store import prepare
from ingestion.stream.consumers import Consumer
from ingestion.stream.signals import publish_drain
from tests.conftest import Api, TestProject
from tests.drain.kill_points import STEPS
from tests.pages import Page, make_public_key
from tests.workers import celery_worker, wait_until, wait_until_drained
from upkeep.ledger.check import check_ledger
from upkeep.ledger.checkpoints import take_checkpoint
from upkeep.ledger.lines import read_counters, read_ledger

EVENT = {"path": "/a"}


@pytest.fixture
def page(project: TestProject) -> Page:
    return Page(make_public_key(project))


def count_public(project: TestProject) -> int | None:
    """None where the field is not there."""
    found: Any = stream_client().hget(waiting_key(0), f"public-{project.row.pk}")
    return None if found is None else int(found)


def test_each_project_has_a_count_of_its_own(
    page: Page, project: TestProject, other_project: TestProject, ingest: Api
) -> None:
    page.send_many([EVENT] * 3)
    ingest.post("/event", EVENT)
    Page(make_public_key(other_project)).send(EVENT)

    assert (count_public(project), count_public(other_project)) == (3, 1)


def test_an_entry_that_is_acked_twice_is_taken_off_once(page: Page, project: TestProject) -> None:
    page.send_many([EVENT] * 2)
    reader = Reader(0, Consumer("a-host", 1, "1"))
    reader.ensure_group()
    entries = reader.next_batch()
    page.send_many([EVENT] * 3)

    for _ in range(2):
        acks.ack(0, entries)

    assert count_public(project) == 3


def test_only_what_came_by_public_keys_is_taken_off(
    page: Page, project: TestProject, ingest: Api
) -> None:
    """Entries of both kinds, of one project, with as many events each, in one ack."""
    for _ in range(3):
        page.send(EVENT)
        ingest.post("/event", EVENT)
    reader = Reader(0, Consumer("a-host", 1, "1"))
    reader.ensure_group()
    entries = reader.next_batch()

    acks.ack(0, [read for read in entries if not read.entry.public])
    assert count_public(project) == 3
    acks.ack(0, entries)

    assert count_public(project) is None
    assert stream_client().hgetall(waiting_key(0)) == {b"total": b"0"}


def test_the_readers_of_what_waits_take_the_count_for_no_line(
    page: Page, project: TestProject
) -> None:
    page.send_many([EVENT] * 3)

    counters = read_counters()
    assert list(counters.waiting.values()) == [3]
    assert {project_id for project_id, _ in counters.waiting} == {project.id}
    assert counters.total_drift == 0
    [line] = read_ledger(project.id)
    assert (line.accepted, line.waiting, line.difference) == (3, 3, 0)
    assert check_ledger(project.id, wait_seconds=0).wrong == []
    assert take_checkpoint(0) is None


def test_of_entries_that_vanished_nothing_is_held_against_a_page(
    page: Page, project: TestProject
) -> None:
    page.send(EVENT)
    stream_client().delete(stream_key(0))

    take_checkpoint(0)

    assert count_public(project) is None


def test_a_replayed_letter_keeps_its_namespace_and_is_counted_while_it_waits(
    page: Page, project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(raws: Any) -> Any:
        return [InvalidEvent("path", "not_today", "This release refuses it.")] * len(raws)

    monkeypatch.setattr(prepare, "decode_events", refuse)
    page.send({"path": "/public", "eventId": "mine"}, HTTP_DNT="1")
    ingest.post("/event", {"path": "/secret", "eventId": "mine"})
    assert drain(0).dead == 2
    monkeypatch.setattr(prepare, "decode_events", wire.decode_events)
    [public] = collection(DEAD_LETTERS).find({"public": True})
    assert (public["doNotTrack"], public["fromPage"]) == (True, True)

    assert replay_letters(find_open(), "alice", "mended").replayed == 2
    assert count_public(project) == 1
    assert drain(0).stored == 2

    assert count_public(project) is None
    stored = {event["path"]: event["_id"] for event in collection(EVENTS).find({})}
    assert stored["/public"] == public["eventKey"]
    assert stored["/public"] != stored["/secret"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "point",
    [
        "before:ack",
        *(pytest.param(f"after:{step}", marks=pytest.mark.nightly) for step in ("commit", "ack")),
    ],
)
def test_a_worker_that_dies_between_store_and_ack_leaves_the_count_right(
    point: str, tmp_path: Path, page: Page, project: TestProject
) -> None:
    assert point.partition(":")[2] in STEPS
    kill_file = tmp_path / "kill"
    page.send_many([{**EVENT, "eventId": f"{n}"} for n in range(50)])
    with celery_worker(
        tmp_path, app="tests.drain.crashing_worker", concurrency=2, KILL_FILE=str(kill_file)
    ):
        kill_file.write_text(point)
        publish_drain(0)
        wait_until(lambda: not kill_file.exists(), 60, "a process was killed")
        wait_until_drained(60, "another process drained what was left")

    assert count_public(project) is None
    assert collection(EVENTS).count_documents({"project": project.id}) == 50
