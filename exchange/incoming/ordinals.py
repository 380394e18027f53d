"""The ordinal of a row among those of a file that are equal: how many stand before it.

Kept in a small database beside the file, so that memory is bounded, whatever the file's size. What
was counted stays with its row: counting a row again, after a stride that died, changes nothing.
"""

import sqlite3
from pathlib import Path
from types import TracebackType
from typing import Final, Self

_COLUMNS: Final = "(name BLOB, row INTEGER, PRIMARY KEY (name, row))"
_MAKE: Final = f"CREATE TABLE IF NOT EXISTS seen {_COLUMNS} WITHOUT ROWID"
_ADD: Final = "INSERT OR IGNORE INTO seen VALUES (?, ?)"
_COUNT: Final = "SELECT count(*) FROM seen WHERE name = ? AND row < ?"
_CACHE_KIB: Final = 16 * 1024


class Ordinals:
    """Raises sqlite3.Error, above all where the disk is full."""

    def __init__(self, folder: Path) -> None:
        path = folder / "seen.db"
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute(_MAKE)
        self._database.execute("BEGIN")

    def count(self, name: bytes, row: int) -> int:
        """How many rows before `row` are of the same name; 0 of the first."""
        self._database.execute(_ADD, (name, row))
        (count,) = self._database.execute(_COUNT, (name, row)).fetchone()
        return int(count)

    def keep(self) -> None:
        """What was counted until now is on the disk."""
        self._database.execute("COMMIT")
        self._database.execute("BEGIN")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, tb: TracebackType | None
    ) -> None:
        self._database.close()
