"""Kill the worker in every step of an erasure, run it twice at once, race it with the drain."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.databases.mongo import EVENTS, client, collection
from analytics.databases.redis_clients import broker_client
from analytics.databases.redis_keys import lane_key
from analytics.task_names import MAINTENANCE_QUEUE, RUN_ERASURES
from columns.export import export_project
from ingestion.drain.loop import drain
from ingestion.stream.signals import send_quietly
from tests.columns.held import held
from tests.conftest import Api, TestProject
from tests.poison import accept_poison
from tests.upkeep.erasure.erasures import ask_to_erase, finish_erasure, pass_time, read_job
from tests.workers import celery_worker, wait_until, waiting_events
from upkeep.erasure import events as erasing
from upkeep.erasure.run import ERASURES
from upkeep.jobs.lane import MAINTENANCE
from upkeep.ledger.lines import read_ledger
from upkeep.rollups.compaction import compact_summaries
from upkeep.verify.days import find_days
from upkeep.verify.verify import verify_day

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

MALLORY, ALICE = "mallory", "alice"
DAY = datetime(2026, 3, 5, tzinfo=UTC)
EVENTS_OF_EACH = 40


def send_mixture(project: TestProject, ingest: Api) -> None:
    """Events of two users, one of each twice, and a dead letter of each."""
    for user_id in (MALLORY, ALICE):
        batch = [
            {
                "path": f"/{n}",
                "userId": user_id,
                "eventId": f"{user_id}-{n}",
                "timestamp": (DAY + timedelta(minutes=10 * n)).isoformat(),
            }
            for n in range(EVENTS_OF_EACH)
        ]
        assert ingest.post("/events", batch).json()["accepted"] == EVENTS_OF_EACH
        ingest.post("/event", batch[0])
        accept_poison(project, f"{user_id}-dead", user_id)


def check_everything(project: TestProject, erasure: str) -> None:
    job = read_job(erasure)
    assert job["step"] == "done"
    counts = {name: count for name, count in job["counts"].items() if count}
    assert counts == {
        **{"events": EVENTS_OF_EACH, "deadLetters": 1, "duplicates": 1, "buckets": 27},
        **{"segments": 1},
    }
    assert held(project, "userId") == [ALICE] * EVENTS_OF_EACH
    left = collection(EVENTS).count_documents({"project": project.id})
    assert left == collection(EVENTS).count_documents({"userId": ALICE}) == EVENTS_OF_EACH
    [line] = read_ledger(project.id)
    assert (line.stored, line.erased) == (2 * EVENTS_OF_EACH, EVENTS_OF_EACH)
    assert (line.duplicate, line.dead, line.difference) == (2, 2, 0)
    assert [found for day in find_days(project.id) for found in verify_day(project.id, day)] == []


def take_from_the_dead() -> None:
    """What they hold, which would else stay theirs for half a minute, and for a minute."""
    broker_client().delete(lane_key(MAINTENANCE))
    client().admin.command("killAllSessions", [])


def test_an_erasure_is_done_once_whenever_the_worker_is_killed(
    project: TestProject, ingest: Api, tmp_path: Path
) -> None:
    send_mixture(project, ingest)
    drain(0)
    compact_summaries()
    export_project(project.id)
    erasure = ask_to_erase(project, MALLORY)
    kill_file = tmp_path / "kill"

    def run_until(condition: Callable[[], bool], what: str) -> None:
        """Signal it again and again as beat does: what met a killed session rests a moment."""
        began = time.monotonic()
        signals = 0

        def has_come() -> bool:
            nonlocal signals
            if time.monotonic() >= began + signals:
                if signals % 10 == 0:  # one that is about to die may hold more of it yet
                    take_from_the_dead()
                send_quietly(RUN_ERASURES, queue=MAINTENANCE_QUEUE)
                signals += 1
            return condition()

        wait_until(has_come, 60, what)

    worker = {"app": "tests.drain.crashing_worker", "KILL_FILE": str(kill_file)}
    with celery_worker(tmp_path, concurrency=4, **worker):
        for step in ERASURES.strides:
            for moment in (f"after:save_{step}", f"after:{step}"):
                if moment == "after:save_files":
                    run_until(lambda: read_job(erasure)["step"] == "files", "files wait")
                kill_file.write_text(moment)
                if moment == "after:save_files":
                    pass_time()
                run_until(lambda: not kill_file.exists(), f"killed {moment}")
        run_until(lambda: read_job(erasure)["step"] == "done", "another process went on")

    check_everything(project, erasure)


def test_an_erasure_that_two_processes_run_at_once_counts_once(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "ERASE_EVENTS", 7)
    send_mixture(project, ingest)
    drain(0)
    export_project(project.id)
    erasure = ask_to_erase(project, MALLORY)

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(finish_erasure, [erasure] * 4))

    check_everything(project, erasure)


def test_duplicates_that_come_while_events_are_erased_stay_duplicates(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(erasing, "ERASE_EVENTS", 3)
    batch = [{"path": "/a", "userId": MALLORY, "eventId": f"{n}"} for n in range(60)]
    ingest.post("/events", batch)
    drain(0)
    erasure = ask_to_erase(project, MALLORY)

    def send_again(_: Any) -> None:
        for event in batch:
            ingest.post("/event", event)
            drain(0)

    with ThreadPoolExecutor(2) as threads:
        sending = threads.submit(send_again, None)
        erasing_done = threads.submit(finish_erasure, erasure)
        sending.result()
        erasing_done.result()

    drain(0)
    assert waiting_events() == 0
    assert finish_erasure(erasure)["counts"]["events"] == 60
    [line] = read_ledger(project.id)
    assert (line.stored, line.erased, line.duplicate, line.difference) == (60, 60, 60, 0)
    assert collection(EVENTS).count_documents({"erased": {"$exists": True}}) == 60
