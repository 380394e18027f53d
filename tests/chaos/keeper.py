"""Keeps a server or program running, as the restart policy of a container would."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Generic, Protocol, TypeVar

from local.process.supervisor import HEALTHY_SECONDS, Supervisor, Unit
from tests.processes import find_children, find_descendants, frozen, kill

POLL_SECONDS = 0.05
FORK_SECONDS = 30.0


class Process(Unit, Protocol):
    """A Server or a Program."""

    @property
    def pid(self) -> int: ...


P = TypeVar("P", bound=Process)


class Kept(Generic[P]):
    """A process that is started again a second after it died, by `make run`'s own supervisor."""

    def __init__(self, process: P) -> None:
        self.process = process
        self._forgiven_seconds = 0.0
        self._ending = threading.Event()
        self._checking = threading.RLock()  # one may be replaced while it is held down
        self._supervisor = self._make_supervisor()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Starts it unless it runs, and keeps it running from now on."""
        if self.process.is_running():
            self._supervisor.watch(self.process)
        else:
            self._supervisor.start(self.process)
        if self._thread is None:
            self._thread = threading.Thread(target=self._keep, name=self.process.name)
            self._thread.start()

    def replace(self, process: P) -> None:
        """Keeps another process in its place, which runs; the one before is left alone."""
        with self._checking:
            self.process = process
            self._supervisor = self._make_supervisor()
            self._supervisor.watch(process)

    def leave_alone(self) -> None:
        """Stops keeping it."""
        self._ending.set()
        if self._thread:
            self._thread.join()

    def forgive(self) -> None:
        """The next restart comes after a second, however often it died before."""
        self._forgiven_seconds += 2 * HEALTHY_SECONDS

    @contextmanager
    def held_down(self) -> Iterator[None]:
        """Killed, and not started again before the end."""
        with self.paused():
            self.process.kill()
            yield

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Not started again before the end, should it die."""
        with self._checking:
            yield

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """SIGSTOP for the process and all that it forked."""
        pids = [self.process.pid, *find_descendants(self.process.pid)]
        with frozen(*pids):
            yield

    def kill(self) -> None:
        """SIGKILL to the process alone; returns when it is dead."""
        kill(self.process.pid)

    @property
    def children(self) -> list[int]:
        return find_children(self.process.pid)

    def find_child(self) -> int:
        """The oldest, as soon as there is one."""
        deadline = time.monotonic() + FORK_SECONDS
        while not self.children:
            assert time.monotonic() < deadline, f"{self.process.name} forks nobody"
            time.sleep(POLL_SECONDS)
        return self.children[0]

    def _make_supervisor(self) -> Supervisor:
        return Supervisor(lambda: time.monotonic() + self._forgiven_seconds)

    def _keep(self) -> None:
        while not self._ending.wait(POLL_SECONDS):
            with self._checking:
                self._supervisor.check()
