"""The folder of a process in QUERY_TEMP_DIR: events of no segment, and what is too much for memory.

It goes with its process. What one leaves that was killed is removed by those that live: it may
hold events of somebody who is erased since.
"""

import atexit
import fcntl
import os
import re
import shutil
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings

from analytics.remembered import forgets
from columns.files.engine import open_engine

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_OURS = re.compile(r"query-[0-9]+-\w+")  # the folder may be one that others use too

_mutex = threading.Lock()


def make_scratch() -> Path:
    """This process's own folder, of which nobody else reads anything. Raises OSError.

    A process that lives holds a lock on its own; those of dead ones are removed.
    """
    with _mutex:
        return _make_scratch()


@cache
def _make_scratch() -> Path:
    root: Path = settings.QUERY_TEMP_DIR
    root.mkdir(mode=0o700, parents=True, exist_ok=True)
    check_owner(root)
    remove_left()
    while True:
        folder = Path(tempfile.mkdtemp(prefix=f"query-{os.getpid()}-", dir=root))
        if _hold(folder) is not None and folder.exists():
            atexit.register(shutil.rmtree, folder, ignore_errors=True)
            return folder


def remove_left() -> None:
    """Remove the folders of dead processes. Raises OSError."""
    root: Path = settings.QUERY_TEMP_DIR
    for left in root.iterdir() if root.exists() else ():
        if _OURS.fullmatch(left.name):
            _remove_left(left)


@contextmanager
def open_scratch_engine(
    memory_mb: int, folders: Sequence[Path]
) -> "Iterator[tuple[DuckDBPyConnection, Path]]":
    """An engine of one thread, and a folder that it sees beside `folders`; both go afterwards."""
    with tempfile.TemporaryDirectory(dir=make_scratch()) as name:
        temp = Path(name)
        with open_engine(
            memory_mb=memory_mb, threads=1, folders=[*folders, temp], temp_folder=temp / "spill"
        ) as engine:
            yield engine, temp


@forgets
def remove_scratch() -> None:
    if _make_scratch.cache_info().currsize:
        shutil.rmtree(_make_scratch(), ignore_errors=True)
        _make_scratch.cache_clear()


def check_owner(root: Path) -> None:
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
