"""Locks on files, which go with the process that holds them, however it ends."""

import fcntl
import os
from collections.abc import Callable
from pathlib import Path


def try_lock(descriptor: int, kind: int) -> bool:
    """Whether it was to be had at once: shared or alone, by fcntl's `LOCK_SH` and `LOCK_EX`."""
    try:
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def is_at(descriptor: int, path: Path) -> bool:
    """Whether what was opened under a name is still what the name means."""
    try:
        return os.path.samestat(os.fstat(descriptor), path.stat())
    except FileNotFoundError:
        return False


def unlink_unlocked(
    path: Path, may_go: Callable[[os.stat_result], bool] = lambda found: True
) -> bool:
    """Unless somebody holds or fills it, or it may not go as it is now; whether it went."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return True
    try:
        if not try_lock(descriptor, fcntl.LOCK_EX) or not may_go(os.fstat(descriptor)):
            return False
        path.unlink(missing_ok=True)
        return True
    finally:
        os.close(descriptor)
