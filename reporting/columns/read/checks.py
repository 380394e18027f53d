"""Whether the files of the listed segments are what the list says, before an engine reads them."""

import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import duckdb
import structlog

from analytics.databases.mongo import COLUMN_SEGMENTS, collection
from analytics.events.ids import PROJECT_ID_BYTES
from analytics.remembered import forgets
from analytics.web.problems import BadRequest, Problem
from columns.files.folder import (
    CacheFull,
    ColumnsUnavailable,
    DamagedFile,
    Folder,
    check_folder,
    digest_of,
    find_folder,
)
from columns.files.remote import name_of
from columns.segments import Segment
from reporting.columns.slots import Engine, cannot_read, run
from reporting.snapshot import Snapshot

log = structlog.get_logger(__name__)

_Signature = tuple[int, int, int]

# By segment, what the system said of the file when it was read and found to be right. A plain
# dict, without gevent's locks: threads of the system use it.
_checked: dict[bytes, _Signature] = {}
_MOST_CHECKED = 100_000
forgets(_checked.clear)


def check_segments(
    snapshot: Snapshot, project_id: bytes, segments: Sequence[Segment]
) -> tuple[dict[bytes, Path], list[Segment]]:
    """The files of the segments that can be read, by id, and the segments that are damaged.

    They stay for as long as a question may take. A file is read whole when this process first sees
    it as it is now. What is found damaged is marked in the list, for upkeep to make it anew. Raises
    Unavailable (`columns_unavailable`) where the folder cannot be used, BadRequest
    (`query_too_large`) where a host has no room for all of them; then nothing is marked.
    """
    if not segments:
        return {}, []
    try:
        folder = find_folder()
        here = _find_known(folder, segments)
        new = [each for each in segments if each.id not in here and not each.damaged_at]
        lost = [each for each in segments if each.damaged_at]
        if new:
            work = partial(_bring, folder, new, snapshot.deadline)
            found = run(project_id, snapshot.deadline, work)
            here |= found
            lost += [each for each in new if each.id not in found]
        if lost:
            check_folder()  # a file is missing in ours alone
    except (ColumnsUnavailable, OSError) as exc:
        log.warning("columns_unavailable", error=repr(exc))
        raise cannot_read() from exc
    for segment in lost:
        _mark(segment)
    return here, lost


def name_segments(
    snapshot: Snapshot, project_id: bytes, segments: Sequence[Segment]
) -> tuple[dict[bytes, Path], list[Segment]]:
    """As `check_segments`, where another reads the files: their names below the folder, of all that
    nobody found damaged."""
    sound = [segment for segment in segments if not segment.damaged_at]
    names = {segment.id: Path(name_of(segment.id)) for segment in sound}
    return names, [segment for segment in segments if segment.damaged_at]


def check_again(paths: Iterable[str]) -> None:
    """Have segments read whole before their next use: an engine failed at one that was right."""
    for path in map(Path, paths):
        _checked.pop(bytes.fromhex(path.parent.name + path.stem), None)


def _find_known(folder: Folder, segments: Iterable[Segment]) -> dict[bytes, Path]:
    """The files of this host that are as they were when this process checked them."""
    known = {}
    for segment in segments:
        if segment.damaged_at or segment.id not in _checked:
            continue
        if (path := folder.find(segment.id)) and _checked.get(segment.id) == _sign(path):
            known[segment.id] = path
    return known


def _sign(path: Path) -> _Signature | None:
    try:
        found = path.stat()
    except FileNotFoundError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ino


def _bring(
    folder: Folder, segments: Sequence[Segment], deadline: float, engine: Engine
) -> dict[bytes, Path]:
    """The files of those that are not damaged, by id.

    In another thread: asks no store but that of the files. Raises Unavailable and BadRequest.
    """
    found = {}
    for segment in segments:
        if time.monotonic() > deadline:  # who asks again finds these checked
            raise duckdb.InterruptException("the time is over")
        try:
            path = _bring_sound(folder, segment, deadline, engine)
        except CacheFull as exc:
            raise _full(exc, segments) from exc
        except (ColumnsUnavailable, OSError) as exc:
            log.warning("columns_unavailable", error=repr(exc))
            raise cannot_read() from exc
        if path:
            found[segment.id] = path
    return found


def _full(exc: CacheFull, segments: Sequence[Segment]) -> Problem:
    """Others read what takes the room, or this question alone is too much."""
    log.warning("columns_cache_full", error=str(exc))
    if sum(segment.file_bytes for segment in segments) <= exc.most_bytes:
        return cannot_read()
    return BadRequest(
        "The question reads more of the columns than fits on a reporting host at once "
        "(COLUMNS_CACHE_MB). Ask for a shorter window.",
        code="query_too_large",
    )


def _bring_sound(folder: Folder, segment: Segment, deadline: float, engine: Engine) -> Path | None:
    """None: it is damaged, and where what was here is a copy, the folder's own is, too."""
    for anew in (False, True):
        try:
            path = folder.bring(segment, deadline, anew=anew)
            signature = _sign(path)
            if signature and _checked.get(segment.id) == signature:
                return path  # another question was faster
            is_sound = digest_of(path) == segment.sum
        except DamagedFile:
            continue
        if is_sound and signature and _read_footer(engine, path) == _footer_of(segment):
            if len(_checked) >= _MOST_CHECKED:
                _checked.clear()
            _checked[segment.id] = signature
            return path
    return None


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
