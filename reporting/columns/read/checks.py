"""Whether the files of the listed segments are what the list says, before an engine reads them."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from hashlib import file_digest
from os import stat_result
from pathlib import Path

import duckdb
import structlog

from analytics.databases.mongo import COLUMN_SEGMENTS, collection
from analytics.events.ids import PROJECT_ID_BYTES
from analytics.remembered import forgets
from columns.folder import ColumnsUnavailable, check_folder, find_folder
from columns.segments import Segment
from reporting.columns.slots import Engine, cannot_read, run
from reporting.snapshot import Snapshot

log = structlog.get_logger(__name__)

_Signature = tuple[int, int, int]
_Opened = tuple[Segment, Path, _Signature]

# By segment, what the system said of the file when it was read and found to be right. A plain
# dict, without gevent's locks: threads of the system use it.
_checked: dict[bytes, _Signature] = {}
_MOST_CHECKED = 100_000
forgets(_checked.clear)


def check_segments(
    snapshot: Snapshot, project_id: bytes, segments: Sequence[Segment]
) -> tuple[dict[bytes, Path], list[Segment]]:
    """The paths of the segments that can be read, by id, and the segments that are damaged.

    A file is read whole when this process first sees it as it is now. What is found damaged is
    marked in the list, for upkeep to make it anew. Raises Unavailable (`columns_unavailable`)
    where the folder cannot be used; then nothing is marked.
    """
    if not segments:
        return {}, []
    try:
        opened, damaged = _open(segments)
    except (ColumnsUnavailable, OSError) as exc:
        log.warning("columns_unavailable", error=repr(exc))
        raise cannot_read() from exc
    new = [each for each in opened if _checked.get(each[0].id) != each[2]]
    if new:
        found = run(project_id, snapshot.deadline, partial(_find_damaged, new, snapshot.deadline))
        damaged += found
    for segment in damaged:
        _mark(segment)
    lost = {segment.id for segment in damaged}
    return {each.id: path for each, path, _ in opened if each.id not in lost}, damaged


def check_again(paths: Iterable[str]) -> None:
    """Have segments read whole before their next use: an engine failed at one that was right."""
    for path in map(Path, paths):
        _checked.pop(bytes.fromhex(path.parent.name + path.stem), None)


def _open(segments: Sequence[Segment]) -> tuple[list[_Opened], list[Segment]]:
    """Raises ColumnsUnavailable and OSError."""
    folder = find_folder()
    opened: list[_Opened] = []
    damaged = []
    for segment in segments:
        path = folder.path_of(segment.id)
        try:
            signature = _sign(path.stat())
        except FileNotFoundError:
            damaged.append(segment)
            continue
        if segment.damaged_at:
            damaged.append(segment)
        else:
            opened.append((segment, path, signature))
    if damaged:
        check_folder()  # a file is missing in ours alone
    return opened, damaged


def _sign(found: stat_result) -> _Signature:
    return found.st_size, found.st_mtime_ns, found.st_ino


def _find_damaged(opened: Sequence[_Opened], deadline: float, engine: Engine) -> list[Segment]:
    """In another thread: reads files, and asks no store. Raises Unavailable."""
    damaged = []
    for segment, path, signature in opened:
        if time.monotonic() > deadline:  # who asks again finds these checked
            raise duckdb.InterruptException("the time is over")
        if _checked.get(segment.id) == signature:
            continue  # another question was faster
        try:
            with path.open("rb") as file:
                digest = file_digest(file, "sha256").digest()
        except OSError as exc:
            raise cannot_read() from exc
        if digest == segment.sum and _read_footer(engine, path) == _footer_of(segment):
            if len(_checked) >= _MOST_CHECKED:
                _checked.clear()
            _checked[segment.id] = signature
        else:
            damaged.append(segment)
    return damaged


def _footer_of(segment: Segment) -> tuple[object, ...]:
    project, own = segment.id[:PROJECT_ID_BYTES].hex(), segment.id[PROJECT_ID_BYTES:].hex()
    return segment.rows, project.encode(), own.encode()


def _read_footer(engine: Engine, path: Path) -> tuple[object, ...]:
    metadata = "SELECT value FROM parquet_kv_metadata($file) WHERE key = {}"
    found = engine.execute(
        "SELECT (SELECT num_rows FROM parquet_file_metadata($file)), "
        f"({metadata.format('$project')}), ({metadata.format('$segment')})",
        {"file": str(path), "project": b"project", "segment": b"segment"},
    ).fetchone()
    return found or ()


def _mark(segment: Segment) -> None:
    """If it is still listed."""
    if segment.damaged_at:
        return
    log.error("segment_damaged", project=segment.project_id.hex(), segment=segment.id.hex())
    collection(COLUMN_SEGMENTS).update_one(
        {"_id": segment.id, "damagedAt": None}, {"$set": {"damagedAt": datetime.now(UTC)}}
    )
