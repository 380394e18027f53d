"""Stored events as a Parquet file of this process, for the engine to read beside the segments."""

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count, islice
from pathlib import Path

import structlog
from django.conf import settings
from pymongo.errors import ExecutionTimeout

from analytics.databases.mongo import Document
from columns.files.engine import quote, read_files
from columns.files.rows import encode_row, select_rows
from columns.files.scratch import make_scratch
from reporting.columns.slots import Engine, cannot_read, run

log = structlog.get_logger(__name__)

_LINES = 500  # between two moments in which others have their turn
_numbers = count()


@dataclass(frozen=True, slots=True)
class RowsFile:
    """Times are unix milliseconds, both included. Without rows there is no file."""

    path: Path
    rows: int = 0
    from_ms: int = 0
    to_ms: int = -1
    file_bytes: int = 0

    def overlaps(self, from_ms: int, to_ms: int) -> bool:
        """Whether it may hold events with from_ms <= timestamp < to_ms."""
        return self.rows > 0 and self.from_ms < to_ms and self.to_ms >= from_ms

    def is_there(self) -> bool:
        """Whether nobody cleared it away."""
        return not self.rows or self.path.exists()

    def delete(self) -> None:
        self.path.unlink(missing_ok=True)


def read_seconds() -> float:
    """So long after it was last handed to a question a file is still read, at most."""
    timeout_seconds: float = settings.QUERY_TIMEOUT_SECONDS
    return timeout_seconds + 5.0


def write_events(project_id: bytes, deadline: float, events: Iterable[Document]) -> RowsFile:
    """Write events of the project, as `columns.files.rows.PROJECTION` asks for them.

    Raises what `run` raises, and what the reading of `events` does.
    """
    lines: Path | None = None
    try:
        path = _draw_path(project_id)
        lines = path.with_suffix(".jsonl")
        if not _write_lines(lines, events, deadline):
            return RowsFile(path)
        select = select_rows(lines)
        return run(project_id, deadline, lambda engine: _copy(engine, select, path))
    except OSError as exc:
        log.warning("columns_not_read", error=repr(exc))
        raise cannot_read() from exc
    finally:
        if lines:
            lines.unlink(missing_ok=True)


def join_files(project_id: bytes, deadline: float, files: Sequence[RowsFile]) -> RowsFile:
    """The rows of several files of the project in one. Raises what `run` raises."""
    path = files[0].path.with_name(f"{next(_numbers)}.parquet")
    listed = [file.path for file in files if file.rows]
    if not listed:
        return RowsFile(path)
    select = f"SELECT * FROM {read_files(listed)}"
    return run(project_id, deadline, lambda engine: _copy(engine, select, path))


def _draw_path(project_id: bytes) -> Path:
    folder = make_scratch() / project_id.hex()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{next(_numbers)}.parquet"


def _write_lines(path: Path, events: Iterable[Document], deadline: float) -> bool:
    """Whether there were any. Raises ExecutionTimeout at the deadline."""
    rows: Iterator[bytes] = map(encode_row, events)
    has_rows = False
    with path.open("wb") as file:
        while part := list(islice(rows, _LINES)):
            file.write(b"\n".join(part) + b"\n")
            has_rows = True
            if time.monotonic() > deadline:  # MongoDB counts its own time alone
                raise ExecutionTimeout("the time limit passed while events were written")
            time.sleep(0)
    return has_rows


def _copy(engine: Engine, select: str, path: Path) -> RowsFile:
    try:
        engine.execute(f"COPY ({select}) TO {quote(path)} (FORMAT parquet)")
    except BaseException:
        path.unlink(missing_ok=True)  # nobody would know of it
        raise
    found = engine.execute(
        f'SELECT count(*), min("timestamp"), max("timestamp") FROM {read_files([path])}'
    ).fetchone()
    assert found is not None, "an aggregate has one row"
    rows, from_ms, to_ms = found
    return RowsFile(path, rows, from_ms, to_ms, path.stat().st_size)
