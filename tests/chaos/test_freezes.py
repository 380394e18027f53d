"""SIGSTOP, and SIGCONT some seconds later: the process wakes with what it had in hand."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from ingestion.stream.claims import list_consumers
from ingestion.stream.consumers import Consumer
from tests.chaos.system import wait_for
from tests.chaos.test_kills import PROCESSES
from tests.chaos.trial import HEAL_SECONDS, Chaos, no_entry_before, read_last_entry_id
from tests.processes import find_descendants, frozen, is_alive

pytestmark = pytest.mark.chaos

FROZEN_SECONDS = {"mongo": 6}  # longer than the drivers wait for a server


@pytest.mark.parametrize("name", PROCESSES)
def test_freezing(name: str, chaos: Chaos) -> None:
    seconds = FROZEN_SECONDS.get(name, 3)
    pid = getattr(chaos.system, name).process.pid
    with chaos.under_load(f"{PROCESSES[name]} frozen for {seconds} s"), frozen(pid):
        time.sleep(seconds)


def test_freezing_a_gunicorn_worker(chaos: Chaos) -> None:
    pid = chaos.system.web.find_child()
    with chaos.under_load("a gunicorn worker frozen for 3 s"), frozen(pid):
        time.sleep(3)


def test_freezing_a_gunicorn_worker_for_good(chaos: Chaos) -> None:
    system = chaos.system
    with (
        system.restarted(system.web, GUNICORN_CMD_ARGS="--timeout 4"),
        chaos.under_load("a gunicorn worker frozen for good (--timeout 4)"),
    ):
        victim = system.web.find_child()
        with frozen(victim):
            wait_for(lambda: not is_alive(victim), 30, "gunicorn has replaced it")


def test_a_worker_that_wakes_after_its_entries_were_claimed(chaos: Chaos) -> None:
    """Not on the same host: there a process is known to live, however silent it is."""
    system = chaos.system
    second = system.build_program("worker")
    second.start()
    try:
        with chaos.under_load("a Celery worker frozen until its entries were claimed"):
            first = system.worker.process.pid
            with frozen_in_a_drain(first):
                mark = read_last_entry_id()
                wait_for(lambda: no_entry_before(mark), HEAL_SECONDS, "another has drained them")
    finally:
        second.kill()


@contextmanager
def frozen_in_a_drain(parent: int) -> Iterator[None]:
    """Frozen while one of its processes holds entries that it has not acked."""
    for _ in range(100):
        pids = find_descendants(parent)
        with frozen(parent, *pids):
            time.sleep(0.1)  # what was on its way has arrived
            held = [count for name, count in list_pending() if name.pid in pids]
            if any(held):
                yield
                return
        time.sleep(0.05)
    pytest.fail("it was never in the middle of a drain")


def list_pending() -> list[tuple[Consumer, int]]:
    holdings = [(Consumer.parse(each.name), each.pending) for each in list_consumers(0)]
    return [(consumer, pending) for consumer, pending in holdings if consumer]
