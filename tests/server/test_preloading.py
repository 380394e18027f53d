"""gunicorn's master has loaded what its workers need, and shares nothing but memory with them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.conftest import TestProject
from tests.paths import ROOT
from tests.processes import find_children
from tests.service import Gunicorn, build_request
from tests.workers import wait_until

pytest_plugins = ("tests.service",)


def test_the_master_has_no_thread_and_no_connection(gunicorn: Gunicorn) -> None:
    """A fork would leave half of it in each worker."""
    assert len(list(Path(f"/proc/{gunicorn.pid}/task").iterdir())) == 1
    assert len(list_sockets(gunicorn.pid)) == 2  # the port, and where the reporting ones listen


def test_a_process_loads_no_module_that_its_master_has_not_loaded() -> None:
    """What it loads by itself it shares with nobody."""
    program = (
        "import sys, config.preloaded; loaded = set(sys.modules); import config.wsgi; "
        "print(*set(sys.modules) - loaded)"
    )
    environment = {**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "SECRET_KEY": "x"}
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT, env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout.split() == ["config.wsgi"]


def test_a_process_shares_most_of_what_it_needs_with_its_master(gunicorn: Gunicorn) -> None:
    workers = find_children(gunicorn.pid)
    assert len(workers) == 2
    for worker in workers:
        memory = read_memory(worker)
        assert memory["Shared_Dirty"] > memory["Private_Dirty"]


def test_the_first_events_of_two_processes_get_different_ids(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    """The generator of random numbers was made before they were forked."""
    given = {make_event_after_a_death(gunicorn, served) for _ in range(2)}
    assert len(given) == 2


def make_event_after_a_death(gunicorn: Gunicorn, served: TestProject) -> str:
    """The random part of the id of the first event of a process that took a killed one's place."""
    [killed] = gunicorn.find_workers(reporting=False)
    os.kill(killed, signal.SIGKILL)
    wait_until(lambda: is_replaced(gunicorn, killed), 30, "another takes its place")
    with gunicorn.connect() as wire:
        wire.send(build_request("POST", "/event", b'{"path":"/"}', key=served.ingest_key))
        event_id: str = wire.read_answer().json()["eventId"]
    return event_id[14:]


def is_replaced(gunicorn: Gunicorn, killed: int) -> bool:
    workers = gunicorn.find_workers(reporting=False)
    return len(workers) == 1 and killed not in workers


def list_sockets(pid: int) -> list[str]:
    links = (os.readlink(link) for link in Path(f"/proc/{pid}/fd").iterdir())
    return [link for link in links if link.startswith("socket:")]


def read_memory(pid: int) -> dict[str, int]:
    """KiB."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    return {line.split(":")[0]: int(line.split()[1]) for line in lines}
