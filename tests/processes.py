"""What tests ask of processes, and do to them: children, memory, SIGSTOP, SIGKILL."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

POLL_SECONDS = 0.005


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
        time.sleep(POLL_SECONDS)


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
