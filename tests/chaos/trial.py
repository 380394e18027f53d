"""One fault under load: warm up, break something, wait until it has healed, check the books."""

import http.client
import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import F
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.key_mirror import mirror_keys
from analytics.models import ApiKey
from analytics.mongo import EVENTS, collection
from analytics.redis import stream_client, stream_key
from local.ports import LOOPBACK
from tests.chaos.books import Row, check_books, wait_until_drained
from tests.chaos.load import Load, Outcome, Sent, post
from tests.chaos.system import System, wait_for
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
        with Load(self.system.port, project.ingest_key, seed=len(self.rows)) as load:
            wait_for(lambda: load.count_accepted() > WARM_EVENTS / 4, 30, "the load is accepted")
            yield load
            heal_seconds = self.wait_until_healed(project, load.outcome)
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

    def wait_until_healed(self, project: TestProject, outcome: Outcome) -> float:
        """Seconds until all processes run and are ready, and what was there before is drained.

        The latter is so once an event that is accepted now has been stored, and no entry is older.
        """
        began = time.monotonic()
        wait_for(self.system.is_whole, HEAL_SECONDS, "every process runs and is ready")
        mark = attempt(read_last_entry_id)
        probe = Sent(f"probe-{began}", {"path": "/probe", "sessionId": f"probe-{began}"})
        probe.body["eventId"] = probe.mark
        outcome.events[probe.mark] = probe

        def send_probe() -> bool:
            connection = http.client.HTTPConnection(LOOPBACK, self.system.port, timeout=5)
            headers = {
                "Authorization": f"Bearer {project.ingest_key}",
                "Content-Type": "application/json",
            }
            status, _ = post(connection, "/event", json.dumps(probe.body), headers)
            connection.close()
            probe.attempts += 1
            probe.accepted += status == 202
            return status == 202

        def is_drained() -> bool:
            query = {"project": project.id, "sessionId": probe.mark}
            return no_entry_before(mark) and collection(EVENTS).find_one(query) is not None

        wait_for(send_probe, HEAL_SECONDS, "a new event is accepted")
        wait_for(lambda: attempt(is_drained), HEAL_SECONDS, "older entries are drained")
        return time.monotonic() - began


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


def attempt(ask: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The answer of a store that may be restarting."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except (RedisError, PyMongoError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
