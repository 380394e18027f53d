"""Bare DuckDB on flat files of the same events: the limit of what columns can do."""

import time
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.reporting import Window

FILES = 13
_ORDER = "timestamp // 86400000, coalesce(anonymous, visitor), timestamp"


class Flat:
    """Files of a twelfth of the events each or so, by day, visitor and time."""

    def __init__(self, folder: Path, segments: Sequence[Path]) -> None:
        self._engine = duckdb.connect()
        self._files = [folder / f"{n:02}.parquet" for n in range(FILES)]
        if not self._files[-1].exists():
            folder.mkdir(parents=True, exist_ok=True)
            self._write(segments)

    def _write(self, segments: Sequence[Path]) -> None:
        source = f"read_parquet([{_list(segments)}], hive_partitioning = false)"
        bounds = self._engine.execute(
            f"SELECT min(timestamp), max(timestamp) + 1 FROM {source}"
        ).fetchone()
        assert bounds
        start, end = bounds
        for n, file in enumerate(self._files):
            low, high = (start + (end - start) * at // FILES for at in (n, n + 1))
            self._engine.execute(
                f"COPY (SELECT * FROM {source} WHERE timestamp >= {low} AND timestamp < {high} "
                f"ORDER BY {_ORDER}) TO '{file}' (FORMAT parquet, COMPRESSION zstd)"
            )

    def timed(self, selects: Sequence[str], window: Window) -> float:
        """Milliseconds of all of them, one after the other.

        `flat` has two columns more: `owner`, and whether the visit `begins` in the window.
        """
        start, end = map(_to_ms, window)
        flat = (
            f"(SELECT *, visitStart >= {start} AS begins, coalesce(anonymous, visitor) AS owner "
            f"FROM read_parquet([{_list(self._files)}], hive_partitioning = false) "
            f"WHERE timestamp >= {start} AND timestamp < {end}) AS flat"
        )
        begun = time.perf_counter()
        for select in selects:
            self.rows(select.replace("FROM flat", f"FROM {flat}"))
        return (time.perf_counter() - begun) * 1000

    def rows(self, select: str) -> list[Any]:
        return self._engine.execute(select).fetchall()


def _list(paths: Sequence[Path]) -> str:
    return ", ".join(f"'{path}'" for path in paths)


def _to_ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)
