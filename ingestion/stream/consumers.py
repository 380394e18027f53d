"""Consumers of the stream: their names, and which of their processes are gone."""

import os
import socket
from functools import cache
from pathlib import Path
from typing import NamedTuple


class Consumer(NamedTuple):
    """A process that drains: its host, its pid, and when the kernel started it."""

    host: str
    pid: int
    boot: str

    def __str__(self) -> str:
        return f"{self.host}:{self.pid}:{self.boot}"

    @classmethod
    def parse(cls, name: str) -> "Consumer | None":
        host, _, rest = name.rpartition(":")[0].rpartition(":")
        boot = name.rpartition(":")[2]
        return cls(host, int(rest), boot) if host and rest.isdigit() else None

    @property
    def is_gone(self) -> bool:
        """True only if this host knows that the process is no more.

        A process of another host, or another pid namespace, is never known to be gone: its
        entries go stale instead. A wrong True would do no harm but work done twice.
        """
        return self.host == _host() and _start_ticks(self.pid) != self.boot


def this_consumer() -> Consumer:
    pid = os.getpid()
    return Consumer(_host(), pid, _start_ticks(pid) or "0")


@cache
def _host() -> str:
    namespace = os.stat("/proc/self/ns/pid").st_ino if Path("/proc/self/ns/pid").exists() else 0
    return f"{socket.gethostname()}-{namespace}"


def _start_ticks(pid: int) -> str | None:
    """When the kernel started `pid`, in ticks since boot (proc(5), stat, field 22)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else fields[19]
