"""Kill the worker before and after each step of the drain: nothing is lost, nothing twice."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from analytics.databases.mongo import COLUMN_FRESH, DEAD_LETTERS, DUPLICATES, EVENTS, collection
from analytics.events.fresh import list_fresh_keys
from ingestion.stream.signals import publish_drain
from tests.conftest import Api, TestProject
from tests.drain.kill_points import STEPS
from tests.poison import accept_poison
from tests.workers import celery_worker, wait_until, wait_until_drained
from upkeep.ledger.lines import read_ledger

pytestmark = pytest.mark.slow

EVENTS_SENT = 40
REPEATED = 8


@pytest.fixture(scope="module")
def kill_file(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Where to write at which step the next process of a real worker dies."""
    folder = tmp_path_factory.mktemp("crashing")
    file = folder / "kill"
    with celery_worker(
        folder, app="tests.drain.crashing_worker", concurrency=2, KILL_FILE=str(file)
    ):
        yield file


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("step", list(STEPS))
def test_every_accepted_event_is_stored_once_whenever_the_worker_is_killed(
    moment: str, step: str, kill_file: Path, project: TestProject, ingest: Api
) -> None:
    kill_file.write_text(f"{moment}:{step}")
    send_mixture(project, ingest)
    publish_drain(0)

    wait_until(lambda: not kill_file.exists(), 60, "a process reached the step and was killed")
    wait_until_drained(60, "another process drained what was left")

    assert collection(EVENTS).count_documents({"project": project.id}) == EVENTS_SENT
    assert collection(DUPLICATES).count_documents({}) == REPEATED
    assert collection(DEAD_LETTERS).count_documents({"project": project.id}) == 1
    fresh = [key for row in collection(COLUMN_FRESH).find({}) for key in list_fresh_keys(row)]
    stored = collection(EVENTS).find({"project": project.id}, {"_id": 1})
    assert sorted(fresh) == sorted(event["_id"] for event in stored)
    lines = read_ledger(project.id)
    assert sum(line.accepted for line in lines) == EVENTS_SENT + REPEATED + 1
    assert sum(line.stored for line in lines) == EVENTS_SENT
    assert sum(line.duplicate for line in lines) == REPEATED
    assert sum(line.dead for line in lines) == 1
    assert all(line.difference == 0 for line in lines)


def send_mixture(project: TestProject, ingest: Api) -> None:
    """New events, repeated ones, and one that cannot be stored."""
    events = [{"path": f"/{n}", "eventId": f"id-{n}"} for n in range(EVENTS_SENT)]
    assert ingest.post("/events", events).json()["accepted"] == EVENTS_SENT
    assert ingest.post("/events", events[:REPEATED]).json()["accepted"] == REPEATED
    accept_poison(project)
