"""Beat asks for what is to be done, once, and for nothing else."""

from typing import Any

import pytest

from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_keys import DRAINING, beat_key, wake_key
from analytics.task_names import COMPACT_LEDGER, COMPACT_SUMMARIES, EXPORT_COLUMNS, QUEUES
from config.celery import app
from ingestion.accept import admit
from ingestion.drain import beat
from ingestion.drain.beat import LEASE_MS, REST_SECONDS, ROUNDS_AFTER_STORING, QuietScheduler
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject

EVENT = {"path": "/a"}


@pytest.fixture(autouse=True)
def nobody_else_signals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admit, "signal_drain", lambda partition: None)


def make_beat() -> QuietScheduler:
    scheduler = QuietScheduler(app=app, lazy=True)
    scheduler.setup_schedule()
    return scheduler


def ask(scheduler: QuietScheduler, task: str) -> int:
    """Let the task be due; how many tasks are queued then."""
    (entry,) = [each for each in scheduler.schedule.values() if each.task == task]
    scheduler.apply_entry(entry)
    queued: Any = [broker_client().llen(queue) for queue in QUEUES]
    return sum(map(int, queued))


def test_it_signals_a_drain_while_entries_wait_and_none_is_queued(
    project: TestProject, ingest: Api
) -> None:
    scheduler = make_beat()
    assert ask(scheduler, "ingestion.drain") == 0

    ingest.post("/event", EVENT)
    for _ in range(3):
        assert ask(scheduler, "ingestion.drain") == 1

    drain(0)
    broker_client().flushdb()
    assert ask(scheduler, "ingestion.drain") == 0


def test_it_leaves_a_drain_alone_that_will_read_once_more(
    project: TestProject, ingest: Api
) -> None:
    ingest.post("/event", EVENT)
    stream_client().set(wake_key(0), DRAINING, px=60_000)
    scheduler = make_beat()
    assert ask(scheduler, "ingestion.drain") == 0

    stream_client().delete(wake_key(0))
    assert ask(scheduler, "ingestion.drain") == 1


def test_of_two_one_publishes_until_it_ends(store: None) -> None:
    first, second = make_beat(), make_beat()
    assert [ask(each, COMPACT_LEDGER) for each in (first, second, first)] == [1, 1, 2]

    first.close()
    assert [ask(each, COMPACT_LEDGER) for each in (second, first, second)] == [3, 3, 4]


def test_one_that_was_killed_is_waited_for_five_seconds(store: None) -> None:
    ask(make_beat(), COMPACT_LEDGER)
    left: Any = broker_client().pttl(beat_key())
    assert 0 < left <= LEASE_MS == 5_000

    broker_client().delete(beat_key())  # as when the time is over
    assert ask(make_beat(), COMPACT_LEDGER) == 2


@pytest.mark.parametrize("task", [COMPACT_SUMMARIES, EXPORT_COLUMNS])
def test_what_follows_upon_storing_rests_while_nothing_is_stored(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch, task: str
) -> None:
    now = 1_000.0
    monkeypatch.setattr(beat, "monotonic", lambda: now)
    scheduler = make_beat()
    rounds = ROUNDS_AFTER_STORING
    assert [ask(scheduler, task) for _ in range(rounds + 2)] == [1, 2, 3, 3, 3]

    ingest.post("/event", EVENT)
    drain(0)
    assert [ask(scheduler, task) for _ in range(rounds + 2)] == [4, 5, 6, 6, 6]

    now += REST_SECONDS  # something may have gone wrong of which nobody told
    assert [ask(scheduler, task) for _ in range(3)] == [7, 7, 7]


def test_it_sleeps_until_something_is_due(store: None) -> None:
    """Celery's own wakes 10 ms before, and looks again and again until then."""
    assert make_beat().adjust(0.005) == 0.005
