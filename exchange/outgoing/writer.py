"""The parts of an export's file: row groups as they are, or rows that pass, written anew."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import msgspec

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.events.ids import MS_PER_DAY, ms_of_datetime
from columns.export import read_events
from columns.files.engine import open_engine, quote, read_files
from columns.files.folder import find_folder
from columns.files.layout import TYPES
from columns.files.rows import encode_row, select_rows
from columns.pins import Pinned
from columns.segments import Segment, hold_file
from exchange.formats import ADDRESSES, list_columns
from exchange.outgoing.asking import read_question
from exchange.outgoing.job import Export
from exchange.outgoing.parquet.groups import MAGIC, CannotCopy, copy_groups, make_footer
from exchange.outgoing.select import Passing, Writing, page, with_addresses
from exchange.outgoing.work import Work
from reporting.columns.dialect.values import Arguments
from reporting.columns.view import Veil
from reporting.questions.window import Window
from upkeep.exports.folder import check_room

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

STRIDE_ROWS: Final = 200_000
STRIDE_ROWS_WITH_ADDRESSES: Final = 20_000
_MEMORY_MB: Final = 256
_FIND_EVENTS: Final = 1_000
_COLUMNS: Final = ", ".join(f'"{name}"' for name in TYPES)
_PART: Final = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 16384"


class Done(msgspec.Struct, frozen=True):
    """How far the step is: the cursor of the job."""

    source: int = 0
    row: int = 0  # of the source: so many that pass are written
    strides: int = 0
    bytes: int = 0  # of the file
    days: dict[str, int] = {}  # events by UTC day


@dataclass(frozen=True, slots=True)
class Part:
    """What one stride wrote: where the file ends, of which days, whether the source has more."""

    bytes: int
    days: Counter[int]
    more: bool = False


class RowWriter:
    """Writes the parts of one export."""

    def __init__(self, job: Export, work: Work, pinned: Pinned) -> None:
        self._job = job
        self._work = work
        self._pinned = pinned
        window, condition = read_question(job.query)
        veils = tuple(Veil(veil["userId"], bytes(veil["lastPlace"])) for veil in pinned.veils)
        self._passing = Passing(window, condition, veils)
        self._with_addresses = job.query["withAddresses"]
        self._writing = Writing(job.query["format"], self._with_addresses, job.query["spreadsheet"])
        self._columns = list(list_columns(with_addresses=self._with_addresses))
        self._is_parquet = job.query["format"] == "parquet"
        self._begin = MAGIC if self._is_parquet else self._writing.header()

    @property
    def sources(self) -> int:
        """The segments, and what was fresh."""
        return len(self._pinned.segments) + bool(self._pinned.fresh_keys)

    def write(self, done: Done) -> Part:
        """Raises DamagedSegment, ColumnsUnavailable, ExportsFull, OSError and duckdb.Error."""
        if done.source == len(self._pinned.segments):
            return self._write_fresh(done)
        segment = self._pinned.segments[done.source]
        with hold_file(find_folder(), segment) as path:
            if self._is_parquet and done.row == 0 and self._passes_whole(segment):
                try:
                    return self._copy(path, segment, done)
                except CannotCopy:
                    pass  # of an earlier format: written anew
            return self._write_page(path, done, path.parent)

    def close(self, done: Done) -> int:
        """Write the end of the file; how long it is."""

        def write(to: IO[bytes]) -> None:
            if self._is_parquet:
                groups = self._work.read_groups(done.strides)
                to.write(make_footer(self._columns, groups, sum(done.days.values())))

        return self._work.append(done.bytes, self._begin, write)

    def _passes_whole(self, segment: Segment) -> bool:
        passing = self._passing
        is_cut = self._with_addresses or passing.condition or passing.veils
        return not is_cut and _covers(passing.window, segment)

    def _copy(self, path: Path, segment: Segment, done: Done) -> Part:
        """The row groups of a segment as they are."""
        check_room(self._job.project_id, segment.file_bytes)
        size = self._append_groups(path, done)
        with self._open(path.parent) as engine:
            return Part(size, _count_days(engine, path))

    def _append_groups(self, source: Path, done: Done) -> int:
        told: list[bytes] = []

        def write(to: IO[bytes]) -> None:
            told.extend(copy_groups(source, self._columns, to))

        size = self._work.append(done.bytes, self._begin, write)
        self._work.keep_groups(done.strides, told)
        return size

    def _write_page(self, path: Path, done: Done, folder: Path) -> Part:
        """The next rows of a file that pass."""
        most = STRIDE_ROWS_WITH_ADDRESSES if self._with_addresses else STRIDE_ROWS
        arguments = Arguments()
        rows = page(
            f"SELECT {_COLUMNS} FROM ({self._passing.select(str(path), arguments)})", done.row, most
        )
        with self._open(folder) as engine:
            found = self._work.path("page.parquet")
            engine.execute(f"COPY ({rows}) TO {quote(found)} ({_PART})", arguments.values)
            days = _count_days(engine, found)
            size = self._write_part(engine, found, done)
        return Part(size, days, more=days.total() == most)

    def _write_part(self, engine: "DuckDBPyConnection", found: Path, done: Done) -> int:
        rows = f"SELECT * FROM {read_files([found])}"
        if self._with_addresses:
            addresses = self._work.path("addresses.jsonl")
            self._write_addresses(engine, found, addresses)
            rows = with_addresses(rows, str(addresses))
        part = self._work.path("part")
        engine.execute(self._writing.copy(rows, str(part)))
        check_room(self._job.project_id, part.stat().st_size)
        if not self._is_parquet:
            return self._work.append_file(done.bytes, self._begin, part)
        return self._append_groups(part, done)

    def _write_addresses(self, engine: "DuckDBPyConnection", found: Path, addresses: Path) -> None:
        """A line for each row, in the order of rows: what its stored event says."""
        ids = engine.execute(f'SELECT "id" FROM {read_files([found])}')
        with addresses.open("wb") as file:
            while rows := ids.fetchmany(_FIND_EVENTS):
                keys = [self._job.project_id + rest for (rest,) in rows]
                stored = _find_addresses(self._job.project_id, keys)
                file.writelines(_line_of(stored.get(key, {})) for key in keys)

    def _write_fresh(self, done: Done) -> Part:
        """The next rows of what was in no segment yet."""
        keys = sorted(self._pinned.fresh_keys)
        events = read_events(self._job.project_id, keys)
        lines, path = self._work.path("fresh.jsonl"), self._work.path("fresh.parquet")
        _write_lines(lines, map(encode_row, events))
        with self._open(self._work.folder) as engine:
            engine.execute(f"COPY ({select_rows(lines)}) TO {quote(path)} ({_PART})")
        return self._write_page(path, done, self._work.folder)

    def _open(self, folder: Path) -> "DuckDBPyConnection":
        """An engine that sees a folder, and that of the work."""
        return open_engine(
            memory_mb=_MEMORY_MB,
            threads=1,
            folders=[folder, self._work.folder],
            temp_folder=self._work.path("spill"),
        )


def _covers(window: Window, segment: Segment) -> bool:
    begins = window.start is None or ms_of_datetime(window.start) <= segment.from_ms
    return begins and (window.end is None or segment.to_ms < ms_of_datetime(window.end))


def _count_days(engine: "DuckDBPyConnection", path: Path) -> Counter[int]:
    found = engine.execute(
        f'SELECT "timestamp" // {MS_PER_DAY}, count(*) FROM {read_files([path])} GROUP BY ALL'
    ).fetchall()
    return Counter(dict(found))


def _find_addresses(project_id: bytes, keys: list[bytes]) -> dict[bytes, Document]:
    found = collection(mongo.EVENTS).find(
        {"_id": {"$in": keys}, "project": project_id},
        dict.fromkeys(ADDRESSES, 1),
        batch_size=_FIND_EVENTS + 1,
    )
    return {bytes(event["_id"]): event for event in found}


def _line_of(event: Document) -> bytes:
    return _encode({name: event.get(name) for name in ADDRESSES}) + b"\n"


_encode = msgspec.json.encode


def _write_lines(path: Path, lines: Iterable[bytes]) -> None:
    with path.open("wb") as file:
        rows = iter(lines)
        while some := list(islice(rows, _FIND_EVENTS)):
            file.write(b"\n".join(some) + b"\n")
