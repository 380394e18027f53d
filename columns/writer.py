"""Write the files of one change, each under the garbage entry that says "delete these".

The short transaction that lists the files (change.py) deletes the entry. Whoever dies in between
leaves garbage, and nothing else.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import file_digest
from itertools import chain, islice
from pathlib import Path
from typing import Any, Final

import duckdb
from bson import ObjectId
from bson.binary import Binary
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.documents import ColumnGarbageDocument, typed
from analytics.databases.mongo import Document
from analytics.databases.transactions import Conflict
from analytics.events.ids import MS_PER_DAY, PROJECT_ID_BYTES
from columns.engine import open_engine, quote
from columns.folder import SEGMENT_ID_BYTES, ColumnsUnavailable, Folder, sync
from columns.layout import FORMAT, TYPES
from columns.rows import encode_row, select_rows
from columns.segments import Segment
from columns.sums import check_file

MAX_ROWS: Final = 1_000_000
"""Of one segment."""

WRITE_TIME: Final = timedelta(hours=1)
"""So long after its last file was begun a change is given up for dead."""

_MEMORY_MB = 128
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
        self._entry = ObjectId()
        self._garbage = typed(ColumnGarbageDocument, mongo.COLUMN_GARBAGE)
        now = datetime.now(UTC)
        self._garbage.insert_one(
            {
                "_id": self._entry,
                "project": Binary(project_id),
                "segments": [],
                "dueAt": now + WRITE_TIME,
                "madeAt": now,
            }
        )

    def write_events(self, events: Iterable[Document]) -> list[Written]:
        """Write stored events of the project, by `rows.PROJECTION`; none: no file.

        Raises ColumnsUnavailable.
        """
        written = []
        remaining = iter(events)
        for first in remaining:
            part = chain([first], islice(remaining, MAX_ROWS - 1))
            written.append(self._write_events(part))
        return written

    def _write_events(self, events: Iterable[Document]) -> Written:
        segment_id = self._draw_id()
        with self._folder.work(segment_id) as work:
            lines = work / "events.jsonl"
            count = _write_lines(lines, events)
            written = self._write(segment_id, work, select_rows(lines), ())
            if written is None or written.rows != count:
                raise AssertionError(f"{written} of {count} events")
            return written

    def write_from(
        self, sources: Sequence[Segment], condition: str = "true", parameters: Sequence[Any] = ()
    ) -> Written | None:
        """Write the rows of listed segments that meet an SQL condition; None where none does.

        Raises DamagedSegment for a source that is not what the list says, and ColumnsUnavailable.
        """
        if any(source.project_id != self._project_id for source in sources):
            raise ValueError("a source of another project")
        for source in sources:
            check_file(self._folder, source)
        segment_id = self._draw_id()
        files = ", ".join(quote(self._folder.path_of(source.id)) for source in sources)
        select = (
            f"SELECT {_COLUMNS} FROM read_parquet([{files}], hive_partitioning = false) "
            f"WHERE coalesce({condition}, false)"
        )
        with self._folder.work(segment_id) as work:
            return self._write(segment_id, work, select, parameters)

    def _draw_id(self) -> bytes:
        """The id of the next file, which the entry knows of before there is a file."""
        segment_id = self._project_id + os.urandom(SEGMENT_ID_BYTES - PROJECT_ID_BYTES)
        known = self._garbage.update_one(
            {"_id": self._entry, "collecting": None},
            {
                "$push": {"segments": Binary(segment_id)},
                "$set": {"dueAt": datetime.now(UTC) + WRITE_TIME},
            },
        )
        if not known.matched_count:
            raise Conflict("the files took too long to write")
        return segment_id

    def _write(
        self, segment_id: bytes, work: Path, select: str, parameters: Sequence[Any]
    ) -> Written | None:
        made = work / "segment.parquet"
        try:
            rows, from_ms, to_ms = self._copy(segment_id, made, select, parameters)
        except duckdb.IOException as exc:
            raise ColumnsUnavailable(repr(exc)) from exc
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

    def _copy(
        self, segment_id: bytes, made: Path, select: str, parameters: Sequence[Any]
    ) -> tuple[int, int, int]:
        """Sort rows into a file; how many it says there are, and their first and last moment."""
        with open_engine(
            memory_mb=_MEMORY_MB,
            threads=1,
            folders=[self._folder.root],
            temp_folder=made.parent / "spill",
        ) as engine:
            engine.execute(
                f"COPY ({select} ORDER BY {_ORDER}) TO {quote(made)} (FORMAT parquet, "
                f"COMPRESSION zstd, KV_METADATA {{project: '{self._project_id.hex()}', "
                f"segment: '{segment_id[PROJECT_ID_BYTES:].hex()}', format: '{FORMAT}'}})",
                parameters,
            )
            found = engine.execute(
                'SELECT count(*), min("timestamp"), max("timestamp") '
                f"FROM read_parquet({quote(made)}, hive_partitioning = false)"
            ).fetchone()
        assert found is not None, "an aggregate has one row"
        return found

    def adopt(self, session: ClientSession) -> None:
        """In the transaction that lists the files: they are no garbage. Raises Conflict."""
        kept = self._garbage.delete_one({"_id": self._entry, "collecting": None}, session=session)
        if not kept.deleted_count:
            raise Conflict("the files took too long to write")

    def discard(self) -> None:
        """Have the files collected now, which nobody will list."""
        self._garbage.update_one({"_id": self._entry}, {"$set": {"dueAt": datetime.now(UTC)}})


def _write_lines(path: Path, events: Iterable[Document]) -> int:
    """Write events as lines of JSON; how many."""
    rows: Iterator[bytes] = map(encode_row, events)
    count = 0
    with path.open("wb") as file:
        while part := list(islice(rows, _LINES)):
            file.write(b"\n".join(part) + b"\n")
            count += len(part)
    return count
