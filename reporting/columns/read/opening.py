"""What of a project a question reads, at the moment of its snapshot."""

import time
from collections.abc import Callable, Hashable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from analytics.databases import mongo
from analytics.databases.transactions import Conflict
from analytics.events.ids import ms_of_datetime
from analytics.projects.horizon import raw_horizon
from analytics.projects.models import Project
from analytics.web.problems import BadRequest, Unavailable
from columns.export import export_project
from columns.files.folder import ColumnsUnavailable
from columns.segments import Head, Segment, list_cut, overlapping, parse_head, parse_segment
from reporting.columns.read.checks import check_segments, name_segments
from reporting.columns.read.stored import RETRY_AFTER_SECONDS, Range, join_ranges, read_ranges
from reporting.columns.read.tail import Chunk, TailTooLong, read_tail
from reporting.columns.slots import cannot_read
from reporting.columns.view import StoredRange, Veil, View
from reporting.columns.widened import EVER, bounds_of
from reporting.questions.conditions import Condition
from reporting.questions.window import Window
from reporting.snapshot import Snapshot, open_snapshot

T = TypeVar("T")

_EXPORT_EVENTS = 20_000  # in one step


@dataclass(frozen=True, slots=True)
class ViewKey:
    """All that a view is of; equal keys, equal rows."""

    project_id: bytes
    segments: frozenset[bytes]
    fresh: frozenset[bytes]
    veils: tuple[Veil, ...]
    restriction: Condition | None = None


def in_snapshot(project_id: bytes, work: Callable[[Snapshot], T]) -> T:
    """Let `work` open views of a project in a snapshot.

    Where too many events wait for their segment they are exported first, and it begins anew; all
    within the time of one question. Raises Unavailable (`columns_behind`) where that is not
    enough, and what `open_snapshot` and `work` raise.
    """
    with open_snapshot() as snapshot:
        deadline = snapshot.deadline
        try:
            return work(snapshot)
        except TailTooLong:
            pass
    while time.monotonic() < deadline:
        _export(project_id)
        try:
            with open_snapshot(deadline) as snapshot:
                return work(snapshot)
        except TailTooLong:
            continue
        except BadRequest as exc:
            if exc.code != "query_timeout":
                raise
            raise _behind() from exc
    raise _behind()


def open_view(
    snapshot: Snapshot,
    project_id: bytes,
    window: Window,
    zone: str | None = None,
    restriction: Condition | None = None,
    *,
    remote: bool = False,
) -> View:
    """What to read for a window of a project; with `zone` for a question that needs visits.

    `zone` is an IANA name, and such a window is one of whole local days of it. Visits that segments
    hold are those of all events: with a `restriction` none of them counts. The view's files are
    there until the snapshot's deadline; with `remote` none of a segment is looked at. Raises
    Unavailable: `columns_unavailable` where the folder cannot be used; `columns_damaged` and
    `columns_behind` where segments are damaged, or do not hold all yet, and the stored events are
    too many or gone; and what `run` raises. Raises TailTooLong, unless within `in_snapshot`.
    """
    head = _read_head(snapshot, project_id)
    moments, veils = bounds_of(window), _read_veils(snapshot, project_id)
    tail = [chunk for chunk in read_tail(snapshot, project_id) if chunk.file.overlaps(*moments)]
    listed = _list_segments(snapshot, head, moments)
    find = name_segments if remote else check_segments
    paths, damaged = find(snapshot, project_id, listed)
    ranges = _list_ranges(head, moments, damaged)
    if damaged:
        _check_horizon(snapshot, project_id, join_ranges(map(_range_of, damaged)), moments)
    refusal = _damaged() if damaged else _behind()
    stored = read_ranges(snapshot, project_id, ranges, refusal) if ranges else ()
    sound = [segment for segment in listed if segment.id in paths]
    rows = sum(segment.rows for segment in sound)
    cut = {each.id for each in list_cut(sound, zone)} if zone and not restriction else set()
    unsettled = [
        *(_range_of(each) for each in sound if veils or each.id not in cut),
        *((chunk.file.from_ms, chunk.file.to_ms + 1) for chunk in tail),
        *((each.from_ms, each.to_ms) for each in stored),
    ]
    return View(
        segments=tuple(str(paths[segment.id]) for segment in sound),
        tail=tuple(str(chunk.file.path) for chunk in tail),
        stored=stored,
        veils=veils,
        fresh_as_of=snapshot.opened_at,
        key=_make_key(project_id, sound, tail, stored, veils, restriction),
        rows=rows + sum(chunk.file.rows for chunk in tail),
        cut=tuple(str(paths[segment.id]) for segment in sound if segment.id in cut),
        unsettled=None if zone is None else _span(unsettled),
        restriction=restriction,
        segment_rows=rows,
    )


def _make_key(
    project_id: bytes,
    segments: Iterable[Segment],
    tail: Iterable[Chunk],
    stored: Sequence[StoredRange],
    veils: tuple[Veil, ...],
    restriction: Condition | None,
) -> Hashable:
    if stored:
        return object()  # they may change
    return ViewKey(
        project_id,
        frozenset(segment.id for segment in segments),
        frozenset(fresh for chunk in tail for fresh in chunk.fresh),
        veils,
        restriction,
    )


def _read_head(snapshot: Snapshot, project_id: bytes) -> Head:
    found = snapshot.find(mongo.COLUMN_HEADS, {"_id": project_id}, {})
    return parse_head(project_id, next(found, None))


def _read_veils(snapshot: Snapshot, project_id: bytes) -> tuple[Veil, ...]:
    found = snapshot.find(mongo.COLUMN_VEILS, {"project": project_id}, {})
    veils = [Veil(veil["userId"], bytes(veil["lastPlace"])) for veil in found]
    return tuple(sorted(veils, key=lambda veil: (veil.user_id, veil.last_place)))


def _list_segments(snapshot: Snapshot, head: Head, moments: Range) -> list[Segment]:
    found = snapshot.find(mongo.COLUMN_SEGMENTS, overlapping(head, *moments), {})
    return [parse_segment(segment) for segment in found]  # type: ignore[arg-type]


def _range_of(segment: Segment) -> Range:
    return segment.from_ms, segment.to_ms + 1


def _list_ranges(head: Head, moments: Range, damaged: Iterable[Segment]) -> list[Range]:
    """The parts of the window that the columns do not have."""
    ranges = [_range_of(segment) for segment in damaged]
    if head.old_until is not None:
        ranges.append((EVER[0], head.old_until))
    return join_ranges(_clip(each, moments) for each in ranges)


def _span(ranges: Sequence[Range]) -> Range:
    """All of them, and what lies between."""
    starts, ends = [each[0] for each in ranges], [each[1] for each in ranges]
    return min(starts, default=0), max(ends, default=0)


def _clip(moments: Range, to: Range) -> Range:
    return max(moments[0], to[0]), min(moments[1], to[1])


def _check_horizon(
    snapshot: Snapshot, project_id: bytes, ranges: Iterable[Range], moments: Range
) -> None:
    """Raises Unavailable where stored events of a damaged segment may be gone."""
    fields = {"retention_days": 1, "raw_since": 1}
    for project in snapshot.find(Project._meta.db_table, {"_id": project_id.hex()}, fields):
        horizon = raw_horizon(project["retention_days"], project.get("raw_since"))
        if horizon and any(_clip(each, moments)[0] < ms_of_datetime(horizon) for each in ranges):
            raise _damaged()


def _export(project_id: bytes) -> None:
    try:
        export_project(project_id, most=_EXPORT_EVENTS)
    except Conflict:
        time.sleep(0.05)  # the exporter was faster
    except ColumnsUnavailable as exc:
        raise cannot_read() from exc


def _behind() -> Unavailable:
    return Unavailable(
        "Too many events are in no segment of the columns yet. Ask again in a moment, or for a "
        "shorter window.",
        code="columns_behind",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )


def _damaged() -> Unavailable:
    return Unavailable(
        "A part of the columns is damaged and is being made anew. Ask again in a moment, or for a "
        "window without it.",
        code="columns_damaged",
        retry_after_seconds=RETRY_AFTER_SECONDS,
    )
