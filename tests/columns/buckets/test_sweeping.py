"""The thread of a worker and of a reporting process that keeps the cache of their host swept."""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.conf import settings

from columns.files.folder import find_folder
from local.process.child import Child
from tests.columns.buckets.store import Bucket
from tests.columns.buckets.test_trip import export
from tests.columns.held import segments_of
from tests.conftest import TestProject
from tests.service import Gunicorn
from tests.workers import ROOT, wait_until

# Short, as files stay for longer than that; and it is no question that is asked here.
ENVIRONMENT = {"QUERY_TIMEOUT_SECONDS": "0.1", "WORKER_METRICS_PORT": "0", "WORKER_BEAT": "false"}
START_SECONDS = 60.0
STOP_SECONDS = 20.0
SWEPT_SECONDS = 90.0


@dataclass(frozen=True)
class Left:
    """What nobody needs any more, and what has to stay."""

    copy: Path  # of a segment that is not listed
    half: Path  # of another one, whose process was killed over it
    scratch: Path  # a dead process's own folder
    listed: Path
    strange: Path


@pytest.fixture
def left(bucket: Bucket, project: TestProject) -> Left:
    export(project, "/a")
    [segment] = segments_of(project)
    listed = find_folder().bring(segment)
    cache, temp = Path(settings.COLUMNS_CACHE_DIR), Path(settings.QUERY_TEMP_DIR)
    folder = cache / os.urandom(8).hex()
    folder.mkdir()
    left = Left(
        copy=folder / f"{os.urandom(16).hex()}.parquet",
        half=folder / f"{os.urandom(16).hex()}.4096.part",
        scratch=temp / f"query-99999-{os.urandom(4).hex()}",
        listed=listed,
        strange=cache / "thesis.odt",
    )
    left.scratch.mkdir(parents=True)
    for path in (left.copy, left.half, left.strange):
        path.write_bytes(b"PAR1")
    return left


@contextmanager
def running_worker(log: Path, pool: str) -> Iterator[Callable[[], int | None]]:
    """What ends it, and gives its exit code."""
    beating = log.with_name("heartbeat")
    environment = {
        **os.environ, **ENVIRONMENT, "WORKER_POOL": pool, "WORKER_HEARTBEAT_FILE": str(beating)
    }  # fmt: skip
    command = [sys.executable, "-m", "config.worker"]
    with log.open("wb") as output:
        worker = Child(
            command, directory=ROOT, environment=environment, stdout=output, stderr=output
        )

    def end() -> int | None:
        worker.terminate()
        assert worker.wait(STOP_SECONDS)
        return worker.poll()

    try:
        wait_until(beating.exists, START_SECONDS, "the worker works")
        yield end
    finally:
        worker.kill()


@contextmanager
def running_gunicorn(log: Path, role: str) -> Iterator[Callable[[], int | None]]:
    gunicorn = Gunicorn(log, {**ENVIRONMENT, "ROLE": role})
    gunicorn.start()

    def end() -> int | None:
        os.kill(gunicorn.pid, signal.SIGTERM)
        assert gunicorn.waits_for_end(STOP_SECONDS)
        return 0

    try:
        yield end
    finally:
        gunicorn.stop()


Running = AbstractContextManager[Callable[[], int | None]]

PROCESSES: dict[str, Callable[[Path], Running]] = {
    "a worker of processes": lambda log: running_worker(log, "processes"),
    "a worker of threads": lambda log: running_worker(log, "threads"),
    "web of all kinds": lambda log: running_gunicorn(log, "all"),
    "web that reports": lambda log: running_gunicorn(log, "reporting"),
}


def wait_until_gone(path: Path) -> None:
    wait_until(lambda: not path.exists(), SWEPT_SECONDS, f"{path} is gone")


@pytest.mark.slow
def test_a_worker_that_starts_removes_what_killed_ones_left(left: Left, tmp_path: Path) -> None:
    log = tmp_path / "log"
    with running_worker(log, "threads") as end:
        wait_until_gone(left.half)
        wait_until_gone(left.scratch)
        assert end() == 0, log.read_text()
    assert left.listed.exists() and left.strange.exists()
    assert "Traceback" not in log.read_text()


@pytest.mark.nightly
@pytest.mark.timeout(180)
@pytest.mark.parametrize("process", PROCESSES)
def test_a_process_sweeps_now_and_then_until_it_ends(
    process: str, left: Left, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with PROCESSES[process](log) as end:
        for path in (left.half, left.scratch, left.copy):
            wait_until_gone(path)
        left.half.parent.mkdir(exist_ok=True)
        left.half.write_bytes(b"PAR1")
        wait_until_gone(left.half)
        assert end() == 0, log.read_text()
    assert left.listed.exists() and left.strange.exists()
    assert "Traceback" not in log.read_text()
