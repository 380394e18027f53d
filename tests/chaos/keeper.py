"""Keeps a server or program running, as the restart policy of a container would."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from local.process.supervisor import HEALTHY_SECONDS, Supervisor, Unit

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


@contextmanager
def frozen(*pids: int) -> Iterator[None]:
    """SIGSTOP, and SIGCONT at the end."""
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)


def kill(pid: int) -> None:
    """SIGKILL; returns when the process is dead."""
    os.kill(pid, signal.SIGKILL)
    while is_alive(pid):
        time.sleep(POLL_SECONDS / 10)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def find_children(pid: int) -> list[int]:
    """The processes whose parent is `pid`, the oldest first (proc(5))."""
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return sorted(int(child) for task in tasks for child in task.read_text().split())


def find_descendants(pid: int) -> list[int]:
    children = find_children(pid)
    return children + [below for child in children for below in find_descendants(child)]


def read_cpu_seconds(*pids: int) -> float:
    """What the processes have used of the processors since they started (proc(5), stat)."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")


def read_resident_bytes(pid: int) -> int:
    """The memory that the process has in use (proc(5), statm)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGESIZE")
