"""Write the files of one change, each under the garbage entry that says "delete these".

The short transaction that lists the files (change.py) deletes the entry. Whoever dies in between
leaves garbage, and nothing else.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from hashlib import file_digest
from itertools import chain, islice
from pathlib import Path
from typing import TYPE_CHECKING, Final

from bson.binary import Binary
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict
from analytics.events.ids import MS_PER_DAY, PROJECT_ID_BYTES
from columns.cuts import Cut
from columns.cutting import Parameters, Rows, select_cut
from columns.files.engine import TEMP_FACTOR, list_names, open_engine, quote, read_files
from columns.files.folder import SEGMENT_ID_BYTES, ColumnsUnavailable, Folder
from columns.files.layout import FORMAT, TYPES
from columns.files.rows import encode_row, select_rows
from columns.files.visits import OWNER
from columns.garbage import add_entry, due_after
from columns.segments import Segment, hold_files

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
_ORDER = f'"timestamp" // {MS_PER_DAY}, {OWNER}, "timestamp", "id"'
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
    cut: Cut | None = None
    clear_of: frozenset[str] = frozenset()
    since: datetime | None = None  # None: from now on


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
        """Write stored events of the project, as `rows.encode_row` takes them; none: no file.

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
            lying = Rows(f"{select_rows(lines)} ORDER BY {_ORDER}")
            written = self._write(engine, segment_id, work, lying, row_bytes)
            if written is None or written.rows != count:
                raise AssertionError(f"{written} of {count} events")
            return written

    def write_from(
        self,
        sources: Sequence[Segment],
        condition: str = "true",
        parameters: Parameters = (),
        cut: Cut | None = None,
    ) -> Written | None:
        """Write the rows of listed segments that meet an SQL condition; None where none does.

        With `cut`, in which all of them have to lie, their visits are in the file too. Rows are
        sorted, on the disk where they are many. One after the other they come where they are too
        many for that, and where one source is not cut: it is sorted.

        Raises DamagedSegment for a source that is not what the list says, ColumnsUnavailable, and
        duckdb.OutOfMemoryException.
        """
        if any(source.project_id != self._project_id for source in sources):
            raise ValueError("a source of another project")
        with hold_files(self._folder, sources) as paths:
            return self._write_from(sources, paths, condition, parameters, cut)

    def _write_from(
        self,
        sources: Sequence[Segment],
        paths: Sequence[Path],
        condition: str,
        parameters: Parameters,
        cut: Cut | None,
    ) -> Written | None:
        segment_id = self._draw_id()
        # Files with visits and without: what all of them have is named, and nothing else is read.
        select = f"SELECT {_COLUMNS} FROM {read_files(paths)} WHERE coalesce({condition}, false)"
        with self._folder.work(segment_id) as work, self._open(work) as engine:
            row_bytes = _read_row_bytes(engine, paths)
            most, sorts = _SORT_BYTES // row_bytes + 1, _SPILL_BYTES // row_bytes
            if not cut and len(sources) > 1 and sum(each.rows for each in sources) < sorts:
                select += f" ORDER BY {_ORDER}"
            found = Rows(select, parameters)
            rows = select_cut(engine, work, found, cut, most=most, sorts=sorts) if cut else found
            written = self._write(engine, segment_id, work, rows, row_bytes) if rows else None
            return replace(written, cut=cut) if written else None

    def write_rest(self, source: Segment, condition: str, parameters: Parameters) -> Written | None:
        """As `write_from`, of one segment, for one that takes its place and is cut as it was.

        Where the rules of its zone are others since, it is of whatever days.
        """
        cut = source.cut if source.cut and source.cut.holds(source.cut.zone) else None
        rest = self.write_from([source], condition, parameters, cut)
        return replace(rest, clear_of=source.clear_of, since=source.since) if rest else None

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
        rows: Rows,
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
            f"COPY ({rows.select}) TO {quote(made)} (FORMAT parquet, COMPRESSION zstd, "
            f"ROW_GROUP_SIZE {max(least, min(most, _GROUP_BYTES // row_bytes))}, "
            f"KV_METADATA {{{told}}})",
            rows.parameters,
        )
        found = engine.execute(
            f'SELECT count(*), min("timestamp"), max("timestamp") FROM {read_files([made])}'
        ).fetchone()
        count, from_ms, to_ms = found or (0, 0, 0)
        if not count:
            return None
        with made.open("rb") as file:
            digest = file_digest(file, "sha256").digest()
            size = os.fstat(file.fileno()).st_size
        self._folder.keep(segment_id, made, digest)
        return Written(segment_id, count, from_ms, to_ms, size, digest)

    @contextmanager
    def _open(self, work: Path) -> "Iterator[DuckDBPyConnection]":
        from duckdb import IOException  # as in engine.py

        try:
            with open_engine(
                memory_mb=_MEMORY_MB,
                threads=1,
                folders=[self._folder.engine_folder, work],
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
