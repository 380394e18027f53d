"""What the child gives up before it looks at a file.

Held by the kernel, for whatever runs in it: memory, CPU time, open files, no file that grows, no
core dump; no way to more rights; on Linux, where the kernel lets it, a network of its own without
an interface. Held by Python alone, so not against what would break out of it: no socket, no other
program, no file opened for writing. Parquet is read by an engine that has a lock of its own.
"""

import ctypes
import os
import resource
import sys
from collections.abc import Sequence
from typing import Any, Final

from exchange.incoming.files.limits import Limits

_PR_SET_DUMPABLE, _PR_SET_NO_NEW_PRIVS = 4, 38
_CLONE_NEWUSER, _CLONE_NEWNET = 0x10000000, 0x40000000
_GRACE_SECONDS: Final = 5
_FORBIDDEN: Final = (
    "socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system",
    "ctypes.dlopen", "os.kill", "shutil.", "ftplib.", "urllib.", "http.", "smtplib.", "os.remove",
    "os.rename", "os.mkdir", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.chmod",
)  # fmt: skip


def limit(limits: Limits) -> None:
    """Take the limits of the kernel."""
    for kind, soft, hard in (
        (resource.RLIMIT_AS, limits.memory_bytes, limits.memory_bytes),
        (resource.RLIMIT_CPU, limits.cpu_seconds, limits.cpu_seconds + _GRACE_SECONDS),
        (resource.RLIMIT_NOFILE, limits.open_files, limits.open_files),
        (resource.RLIMIT_FSIZE, 0, 0),
        (resource.RLIMIT_CORE, 0, 0),
    ):
        # macOS refuses RLIMIT_AS, whatever the number: there memory is not bounded.
        if kind != resource.RLIMIT_AS or sys.platform != "darwin":
            resource.setrlimit(kind, (soft, hard))


def find_peak() -> int:
    """The most bytes of memory that this process had; not what it was forked from, as `rusage`."""
    try:
        with open("/proc/self/status") as status:
            peak = next(line for line in status if line.startswith("VmHWM:"))
        return int(peak.split()[1]) * 1024
    except (OSError, StopIteration):
        return 0


def isolate() -> bool:
    """Leave the network and the way to other rights; whether the network is gone."""
    if not sys.platform.startswith("linux"):
        return False
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    # As root the network alone; else together with a namespace of users, where that is allowed.
    return any(
        libc.unshare(flags) == 0 for flags in (_CLONE_NEWNET, _CLONE_NEWUSER | _CLONE_NEWNET)
    )


def forbid() -> None:
    """From now on Python writes no file and starts nothing; there is no way back."""
    sys.addaudithook(_refuse)


def _refuse(event: str, arguments: Sequence[Any]) -> None:
    if event.startswith(_FORBIDDEN) or (event == "open" and _is_for_writing(arguments)):
        raise PermissionError(f"{event} in the child that reads files")


def _is_for_writing(arguments: Sequence[Any]) -> bool:
    """Whether a file is opened by its name for more than to read: modules and zones are files."""
    path, mode, flags = arguments
    writes = flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) if isinstance(flags, int) else True
    return isinstance(path, str | bytes) and bool(writes) and mode is not None
