"""What has to hold for a run: one per directory, a free port, and an end when it is asked for."""

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from local.process.child import kill_all_children
from local.process.ports import is_port_free

POLL_SECONDS = 0.2
PORT_RELEASE_SECONDS = 3.0  # web processes of a killed run notice within a second
SECOND_SIGNAL_SECONDS = 1.0  # `make` passes on a signal that we were sent as well


class RunError(Exception):
    """Why the service cannot run; the message is for the user."""


class StopRequested(Exception):
    """The user asked for the end."""


class StopSignals:
    """Remembers the first SIGINT, SIGTERM or SIGHUP; a later one kills everything at once."""

    def __init__(self) -> None:
        self._requested_at: float | None = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle)

    def raise_if_requested(self) -> None:
        """Raises StopRequested."""
        if self._requested_at is not None:
            raise StopRequested

    def _handle(self, number: int, frame: FrameType | None) -> None:
        now = time.monotonic()
        if self._requested_at is None:
            self._requested_at = now
        elif now - self._requested_at > SECOND_SIGNAL_SECONDS:
            kill_all_children()
            os._exit(128 + number)


def read_port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65_535:
        raise RunError(f"PORT must be a number from 1 to 65535, not {text!r}.")
    return int(text)


def require_port(port: int) -> None:
    deadline = time.monotonic() + PORT_RELEASE_SECONDS
    while not is_port_free(port, host=""):
        if time.monotonic() > deadline:
            raise RunError(f"Port {port} is taken. Choose another: PORT={port + 1} make run")
        time.sleep(POLL_SECONDS)


@contextmanager
def lock_directory(directory: Path) -> Iterator[None]:
    """Holds the directory for this process alone. Raises RunError."""
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (directory / "run.lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.seek(0)
            raise RunError(
                f"Process {lock.read().strip()} already runs the service on {directory}. "
                "Stop it first, or choose another directory: DATA_DIR=.local-2 make run"
            ) from None
        lock.truncate(0)
        lock.write(f"{os.getpid()}\n")
        lock.flush()
        yield
