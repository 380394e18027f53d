"""Real Celery workers for the tests."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key, waiting_key
from ingestion.stream.signals import publish_drain
from local.process.child import Child

ROOT = Path(__file__).parent.parent


@contextmanager
def celery_worker(
    folder: Path, *, app: str = "config", concurrency: int = 1, **environment: str
) -> Iterator[Child]:
    """A worker in a process group of its own, killed with all its children at the end."""
    command = [sys.executable, "-m", "celery", "-A", app, "worker", "-c", str(concurrency)]
    command += ["-Q", "drain,maintenance", "--without-gossip", "--without-mingle"]
    environment = {"WORKER_CONCURRENCY": str(concurrency), **environment}
    with (folder / f"worker-{time.monotonic_ns()}.log").open("wb") as log:
        worker = Child(
            command, directory=ROOT, environment={**os.environ, **environment},
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield worker
        finally:
            worker.kill()


@contextmanager
def worker_program(folder: Path, pool: str, **environment: str) -> Iterator[Child]:
    """`python -m config.worker` with beat, as `make run` starts it; killed at the end."""
    command = [sys.executable, "-m", "config.worker"]
    own = {"WORKER_BEAT": "true", "WORKER_METRICS_PORT": "0", "WORKER_POOL": pool}
    with (folder / "worker.log").open("ab") as log:
        worker = Child(
            command, directory=ROOT, environment={**os.environ, **own, **environment},
            stdout=log, stderr=log,
        )  # fmt: skip
        try:
            yield worker
        finally:
            worker.kill()


def waiting_events(partition: int = 0) -> int:
    """Events that the books say are waiting; and the stream agrees when it is 0."""
    total: Any = stream_client().hget(waiting_key(partition), "total")
    waiting = int(total or 0)
    if waiting == 0:
        assert stream_client().xlen(stream_key(partition)) == 0
    return waiting


def wait_until_drained(seconds: float, what: str, partition: int = 0) -> None:
    """Signal a drain again and again as beat does: one that comes while a dead process still
    seems to live leaves that one's entries alone."""
    signals = 0

    def is_drained() -> bool:
        nonlocal signals
        if time.monotonic() >= began + signals:
            publish_drain(partition)
            signals += 1
        return waiting_events(partition) == 0

    began = time.monotonic()
    wait_until(is_drained, seconds, what)


def wait_until(condition: Callable[[], bool], seconds: float, what: str) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(0.05)
