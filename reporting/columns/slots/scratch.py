"""The folder of a process: what its engines cannot hold in memory, and events of no segment."""

import atexit
import fcntl
import os
import re
import shutil
import tempfile
import threading
from functools import cache
from pathlib import Path

from django.conf import settings

from analytics.remembered import forgets

_OURS = re.compile(r"query-[0-9]+-\w+")  # the folder may be one that others use too

_mutex = threading.Lock()


def make_folder() -> Path:
    """This process's own, of which nobody else reads anything; gone when the process is.

    Those of dead processes are removed. A process that lives holds a lock on its own. Raises
    OSError.
    """
    with _mutex:
        return _make_folder()


@cache
def _make_folder() -> Path:
    root: Path = settings.QUERY_TEMP_DIR
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    _check_owner(root)
    for left in root.iterdir():
        if _OURS.fullmatch(left.name):
            _remove_left(left)
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"query-{os.getpid()}-", dir=root))
        if _hold(folder) is not None and folder.exists():
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return folder


@forgets
def remove_folder() -> None:
    if _make_folder.cache_info().currsize:
        shutil.rmtree(_make_folder(), ignore_errors=True)
        _make_folder.cache_clear()


def _check_owner(root: Path) -> None:
    """Whose the folder is may exchange what lies in it. Raises PermissionError."""
    if not {root.lstat().st_uid, root.stat().st_uid} <= {0, os.geteuid()}:
        raise PermissionError(f"{root} is another user's")


def _remove_left(folder: Path) -> None:
    lock = _hold(folder)
    if lock is not None:
        shutil.rmtree(folder, ignore_errors=True)
        os.close(lock)


def _hold(folder: Path) -> int | None:
    """The lock of a folder, held until it is closed; None where somebody else has it."""
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError:
        return None
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        os.close(lock)
        return None
    return lock
