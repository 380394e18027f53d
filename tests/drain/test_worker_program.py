"""`python -m config.worker`: tasks and beat in one process."""

import os
import signal
from pathlib import Path
from typing import Any, cast

import pytest
from celery.beat import Service

from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_keys import beat_key, wake_key
from config.worker import BeatThread
from tests.conftest import Api, TestProject
from tests.drain.test_drain_faults import check_books, send
from tests.processes import find_children
from tests.workers import wait_until, waiting_events, worker_program

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]


@pytest.mark.parametrize(("pool", "processes"), [("threads", 0), ("processes", 2)])
def test_it_stores_what_nobody_signalled_and_ends_when_told(
    project: TestProject, ingest: Api, tmp_path: Path, pool: str, processes: int
) -> None:
    with worker_program(tmp_path, pool) as worker:
        wait_until(lambda: broker_client().exists(beat_key()) == 1, 60, "beat is at work")
        send(ingest, 500)
        broker_client().delete("drain")
        stream_client().delete(wake_key(0))
        wait_until(lambda: waiting_events() == 0, 60, "beat has signalled")
        assert len(find_children(worker.pid)) == processes

        worker.terminate()
        assert worker.wait(30)
        assert worker.poll() == 0
    assert not broker_client().exists(beat_key())
    check_books(project, 500)


def test_a_worker_whose_beat_has_failed_ends_to_be_started_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise OSError("the broker has been away for too long")

    ended: list[tuple[int, int]] = []
    monkeypatch.setattr(Service, "start", fail)
    monkeypatch.setattr(os, "kill", lambda pid, number: ended.append((pid, number)))

    with pytest.raises(OSError, match="too long"):
        BeatThread(cast(Any, None)).run()
    assert ended == [(os.getpid(), signal.SIGTERM)]


def test_killed_again_and_again_it_loses_nothing(
    project: TestProject, ingest: Api, tmp_path: Path
) -> None:
    total = 0
    for _ in range(3):
        send(ingest, 3_000 + total)  # those of the rounds before are duplicates
        total += 3_000
        before = waiting_events()
        with worker_program(tmp_path, "threads") as worker:
            wait_until(lambda: waiting_events() < before, 60, "it stores")  # noqa: B023
            os.kill(worker.pid, signal.SIGKILL)
            worker.wait(10)
    with worker_program(tmp_path, "threads"):
        wait_until(lambda: waiting_events() == 0, 60, "the rest is stored")
    check_books(project, total)
