"""Write the files of one change, each under the garbage entry that says "delete these".

The short transaction that lists the files (change.py) deletes the entry. Whoever dies in between
leaves garbage, and nothing else.
"""

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from hashlib import file_digest
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from bson.binary import Binary
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict
from analytics.events.ids import MS_PER_DAY, PROJECT_ID_BYTES
from columns.engine import TEMP_FACTOR, list_names, open_engine, quote, read_files
from columns.folder import SEGMENT_ID_BYTES, ColumnsUnavailable, Folder, sync
from columns.garbage import add_entry, due_after
from columns.layout import FORMAT, TYPES
from columns.rows import encode_row, select_rows
from columns.segments import (
    Segment,
    check_file,
)

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_ROWS: Final = 1_000_000
"""Of one segment."""

WRITE_TIME: Final = timedelta(minutes=15)
"""So long after its last file was begun a change is given up for dead."""

_MIB = 1024 * 1024
_MEMORY_MB = 256
_SORT_BYTES = 64 * _MIB  # of lines: so much is sorted in memory, beside what reads and writes it
_SPILL_BYTES = _MEMORY_MB * TEMP_FACTOR // 2 * _MIB  # of lines: so much is sorted on the disk
_GROUP_BYTES = 32 * _MIB  # of lines, in a row group, which is held whole
_GROUP_ROWS = (2_048, 122_880)  # what DuckDB makes at least, and by itself
_LINES = 1_000  # written at once

# Days lie apart, and of a day the events of one person together, by time.
_ORDER = f'"timestamp" // {MS_PER_DAY}, coalesce("anonymous", "visitor"), "timestamp", "id"'
_COLUMNS = ", ".join(f'"{name}"' for name in TYPES)


@dataclass(frozen=True, slots=True)
class Written:
    """A file that is on the disk and not in the list. Times are unix milliseconds, included."""

    segment_id: bytes
    rows: int
    from_ms: int
    to_ms: int
    file_bytes: int
    sum: bytes  # SHA-256
    # Whoever knows more of the segment than its file says gives it (dataclasses.replace).
    days: tuple[int, int] | None = None
    clear_of: frozenset[str] = frozenset()


class SegmentWriter:
    """Writes the files of one change of a project.

    Its entry is there before anything is read: whoever waits until no entry of before a moment is
    left knows that nothing read before it is in a file any more, but in those of the list.
    """

    def __init__(self, project_id: bytes, folder: Folder) -> None:
        self._project_id = project_id
        self._folder = folder
        self._garbage = collection(mongo.COLUMN_GARBAGE)
        self._entry = add_entry(project_id, [], WRITE_TIME)

    def write_events(self, events: Iterable[Document]) -> list[Written]:
        """Write stored events of the project, as `rows.PROJECTION` asks for them; none: no file.

        Several files where they are more than MAX_ROWS, or large. Raises ColumnsUnavailable.
        """
        rows = map(encode_row, events)
        return [self._write_rows(chain([first], rows)) for first in rows]

    def _write_rows(self, rows: Iterator[bytes]) -> Written:
        """Write as many of the rows as one file takes."""
        segment_id = self._draw_id()
        with self._folder.work(segment_id) as work, self._open(work) as engine:
            lines = work / "events.jsonl"
            count = _write_lines(lines, rows)
            row_bytes = lines.stat().st_size // count
            select = f"{select_rows(lines)} ORDER BY {_ORDER}"
            written = self._write(engine, segment_id, work, select, (), row_bytes)
            if written is None or written.rows != count:
                raise AssertionError(f"{written} of {count} events")
            return written

    def write_from(
        self,
        sources: Sequence[Segment],
        condition: str = "true",
        parameters: Sequence[Any] | Mapping[str, Any] = (),
    ) -> Written | None:
        """Write the rows of listed segments that meet an SQL condition; None where none does.

        Rows of one source stay as they are sorted, which takes little memory; those of several are
        sorted anew, on the disk where they are many, and one after the other where they are too
        many for that. Raises DamagedSegment for a source that is
        not what the list says, ColumnsUnavailable, and duckdb.OutOfMemoryException.
        """
        if any(source.project_id != self._project_id for source in sources):
            raise ValueError("a source of another project")
        for source in sources:
            check_file(self._folder, source)
        segment_id = self._draw_id()
        paths = [self._folder.path_of(source.id) for source in sources]
        select = f"SELECT {_COLUMNS} FROM {read_files(paths)} WHERE coalesce({condition}, false)"
        with self._folder.work(segment_id) as work, self._open(work) as engine:
            row_bytes = _read_row_bytes(engine, paths)
            if len(sources) > 1 and row_bytes * sum(each.rows for each in sources) < _SPILL_BYTES:
                select += f" ORDER BY {_ORDER}"
            return self._write(engine, segment_id, work, select, parameters, row_bytes)

    def _draw_id(self) -> bytes:
        """The id of the next file, which the entry knows of before there is a file."""
        segment_id = self._project_id + os.urandom(SEGMENT_ID_BYTES - PROJECT_ID_BYTES)
        more = {"$concatArrays": ["$segments", [Binary(segment_id)]]}
        known = self._garbage.update_one(
            {"_id": self._entry, "collecting": None},
            [{"$set": {"segments": more, "dueAt": due_after(WRITE_TIME)}}],
        )
        if not known.matched_count:
            raise Conflict("the files took too long to write")
        return segment_id

    def _write(
        self,
        engine: "DuckDBPyConnection",
        segment_id: bytes,
        work: Path,
        select: str,
        parameters: Sequence[Any] | Mapping[str, Any],
        row_bytes: int,
    ) -> Written | None:
        made = work / "segment.parquet"
        least, most = _GROUP_ROWS
        metadata = {
            "project": self._project_id.hex(),
            "segment": segment_id[PROJECT_ID_BYTES:].hex(),
            "format": str(FORMAT),
            "row_bytes": str(row_bytes),
        }
        told = ", ".join(f"{key}: '{value}'" for key, value in metadata.items())
        engine.execute(
            f"COPY ({select}) TO {quote(made)} (FORMAT parquet, COMPRESSION zstd, "
            f"ROW_GROUP_SIZE {max(least, min(most, _GROUP_BYTES // row_bytes))}, "
            f"KV_METADATA {{{told}}})",
            parameters,
        )
        found = engine.execute(
            f'SELECT count(*), min("timestamp"), max("timestamp") FROM {read_files([made])}'
        ).fetchone()
        rows, from_ms, to_ms = found or (0, 0, 0)
        if not rows:
            return None
        with made.open("rb") as file:
            digest = file_digest(file, "sha256").digest()
            os.fsync(file.fileno())
            size = os.fstat(file.fileno()).st_size
        path = self._folder.path_of(segment_id)
        made.rename(path)
        sync(path.parent)
        return Written(segment_id, rows, from_ms, to_ms, size, digest)

    @contextmanager
    def _open(self, work: Path) -> "Iterator[DuckDBPyConnection]":
        from duckdb import IOException  # as in engine.py

        try:
            with open_engine(
                memory_mb=_MEMORY_MB,
                threads=1,
                folders=[self._folder.root],
                temp_folder=work / "spill",
            ) as engine:
                yield engine
        except IOException as exc:
            raise ColumnsUnavailable(repr(exc)) from exc

    def adopt(self, session: ClientSession) -> None:
        """In the transaction that lists the files: they are no garbage. Raises Conflict."""
        kept = self._garbage.delete_one({"_id": self._entry, "collecting": None}, session=session)
        if not kept.deleted_count:
            raise Conflict("the files took too long to write")

    def discard(self) -> None:
        """Have the files collected now, which nobody will list."""
        self._garbage.update_one({"_id": self._entry}, [{"$set": {"dueAt": "$$NOW"}}])


def _read_row_bytes(engine: "DuckDBPyConnection", paths: Iterable[Path]) -> int:
    """How long the lines were that the rows of the files came as; those of the longest file."""
    found = engine.execute(
        "SELECT max(decode(value)::BIGINT) FROM "
        f"parquet_kv_metadata([{list_names(paths)}]) WHERE decode(key) = 'row_bytes'"
    ).fetchone()
    return found[0] if found and found[0] else 1


def _write_lines(path: Path, rows: Iterator[bytes]) -> int:
    """Write rows as lines, as many as one file takes; how many."""
    count = 0
    with path.open("wb") as file:
        while count < MAX_ROWS and file.tell() < _SORT_BYTES:
            part = list(islice(rows, min(_LINES, MAX_ROWS - count)))
            if not part:
                break
            file.write(b"\n".join(part) + b"\n")
            count += len(part)
    return count
