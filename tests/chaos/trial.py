"""One fault under load: warm up, break something, wait until it has healed, check the books."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import F

from analytics.databases.mongo import EVENTS, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key
from analytics.projects.key_mirror import mirror_keys
from analytics.projects.models import ApiKey
from tests.chaos.evidence.books import Row, check_books, wait_until_drained
from tests.chaos.evidence.load import Load, Outcome, Sent
from tests.chaos.system import System, attempt, wait_for
from tests.conftest import TestProject, make_project

WARM_EVENTS = 300
HEAL_SECONDS = 90.0
AFTERWARDS_SECONDS = 0.5


class Chaos:
    """What the tests of the suite use: the system, and trials on it."""

    def __init__(self, system: System, rows: list[Row]) -> None:
        self.system = system
        self.rows = rows

    @contextmanager
    def under_load(self, fault: str) -> Iterator[Load]:
        """Break something in the body; at its end the system must heal and the books balance."""
        for kept in (*self.system.servers, *self.system.programs):
            kept.forgive()
        project = make_unlimited_project(fault)
        print(f"--- {fault}")
        with Load(self.system.port, project, seed=len(self.rows)) as load:
            wait_for(lambda: load.count_accepted() > WARM_EVENTS / 4, 30, "the load is accepted")
            yield load
            heal_seconds = self.wait_until_healed(load)
            time.sleep(AFTERWARDS_SECONDS)
        self.close(fault, project, load.outcome, heal_seconds)

    def close(
        self, fault: str, project: TestProject, outcome: Outcome, heal_seconds: float
    ) -> None:
        """Check the books of a trial and add it to the table."""
        wait_until_drained(project, HEAL_SECONDS)
        row = check_books(fault, project, outcome, self.system, heal_seconds)
        print(row, dict(outcome.statuses), dict(outcome.failures))
        self.rows.append(row)

    def wait_until_healed(self, load: Load) -> float:
        """Seconds until all processes run and are ready, and what was there before is drained.

        The latter is so once an event that is accepted now has been stored, and no entry is older.
        """
        began = time.monotonic()
        wait_for(self.system.is_whole, HEAL_SECONDS, "every process runs and is ready")
        mark = attempt(read_last_entry_id)
        wait_until_stored(load, f"probe-{began}", HEAL_SECONDS)
        wait_for(lambda: attempt(lambda: no_entry_before(mark)), HEAL_SECONDS, "older ones, too")
        return time.monotonic() - began


def wait_until_stored(load: Load, mark: str, seconds: float) -> None:
    """Send one event of that name until it is accepted, and wait until it is stored."""
    event = Sent(mark, {"path": "/probe", "sessionId": mark, "eventId": mark})
    query = {"project": load.project.id, "sessionId": mark}
    wait_for(lambda: load.send_once([event]), seconds, f"{mark} is accepted")
    wait_for(
        lambda: attempt(lambda: collection(EVENTS).find_one(query)) is not None,
        seconds,
        f"{mark} is stored",
    )


def make_unlimited_project(name: str) -> TestProject:
    project = make_project(name)
    ApiKey.objects.filter(project_id=project.row.pk).update(
        rate_events_per_second=1_000_000, burst_events=1_000_000, revision=F("revision") + 1
    )
    mirror_keys()
    return project


def read_last_entry_id() -> bytes:
    about: Any = stream_client().xinfo_stream(stream_key(0))
    last_id: bytes = about["last-generated-id"]
    return last_id


def no_entry_before(entry_id: bytes) -> bool:
    client: Any = stream_client()
    return not client.xrange(stream_key(0), "-", entry_id, count=1)
