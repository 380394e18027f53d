"""A million events wait, Redis is killed and reads them back, and then a worker comes."""

import http.client
import json
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from io import StringIO

import pytest
from django.core.management import call_command

from analytics.databases.mongo import EVENTS, collection
from local.process.ports import LOOPBACK
from tests.chaos.evidence.books import Row, add_up, wait_until_drained
from tests.chaos.evidence.load import post
from tests.chaos.system import System
from tests.chaos.trial import Chaos, make_unlimited_project
from tests.conftest import TestProject
from upkeep.ledger.lines import read_ledger

pytestmark = pytest.mark.chaos

BACKLOG_EVENTS = 1_000_000
REQUEST_EVENTS = 1_000
SENDERS = 4
DRAIN_SECONDS = 240


def test_a_backlog_of_a_million_events(chaos: Chaos) -> None:
    """The worker is away meanwhile; the load goes on while it catches up."""
    system = chaos.system
    backlog = make_unlimited_project("Backlog")
    with chaos.under_load("SIGKILL of the stream's Redis while a million events wait"):
        with system.worker.held_down():
            refused = fill(system, backlog)
            system.stream.kill()
        began = time.monotonic()
        wait_until_drained(backlog, DRAIN_SECONDS)
        heal_seconds = time.monotonic() - began
    chaos.rows.append(check_backlog(system, backlog, refused, heal_seconds))


def fill(system: System, backlog: TestProject) -> int:
    """Send each event until it is accepted; how many requests were not."""
    headers = {
        "Authorization": f"Bearer {backlog.ingest_key}",
        "Content-Type": "application/json",
    }

    def send(numbers: Sequence[int]) -> int:
        connection = http.client.HTTPConnection(LOOPBACK, system.port, timeout=30)
        body = json.dumps([make_event(number) for number in numbers])
        refused = 0
        while post(connection, "/events", body, headers)[0] != 202:
            refused += 1
            time.sleep(0.2)
        connection.close()
        return refused

    starts = range(0, BACKLOG_EVENTS, REQUEST_EVENTS)
    with ThreadPoolExecutor(SENDERS) as senders:
        return sum(senders.map(send, (range(n, n + REQUEST_EVENTS) for n in starts)))


def make_event(number: int) -> dict[str, str]:
    return {
        "path": f"/page/{number % 50}",
        "eventId": f"id-{number}",
        "userId": f"user-{number % 100}",
    }


def check_backlog(system: System, backlog: TestProject, refused: int, heal_seconds: float) -> Row:
    stored = collection(EVENTS).count_documents({"project": backlog.id})
    books = add_up(read_ledger(backlog.id))
    assert (books.accepted - books.duplicate, books.stored) == (BACKLOG_EVENTS, stored)
    status, stats = system.get("/stats", backlog.read_key)
    assert (status, stats["totalViews"], stats["uniqueUsers"]) == (200, BACKLOG_EVENTS, 100)
    project = backlog.id.hex()
    call_command("ledger", deep=True, project=project, stdout=StringIO())
    call_command("verify_rollups", project=[project], stdout=StringIO())
    return Row(
        fault="a backlog of a million events, then a worker",
        sent=BACKLOG_EVENTS,
        accepted=BACKLOG_EVENTS,
        refused=refused,
        stored=stored,
        dead=books.dead,
        duplicates=books.duplicate,
        lost=BACKLOG_EVENTS - stored,
        stored_twice=0,
        heal_seconds=heal_seconds,
    )
