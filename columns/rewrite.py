"""Make the segments of a range of time anew from the stored events, or without what has to go.

So old events come into the columns, so a damaged segment is made good, so an operator rebuilds.
A long range is done newest first, in strides: MongoDB keeps a snapshot for minutes only.
"""

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict, repeat
from analytics.events.ids import ms_of_datetime
from analytics.projects.policy import find_policy
from columns.change import Change
from columns.files.folder import find_folder, make_folder
from columns.segments import (
    DamagedSegment,
    Segment,
    list_segments,
    read_head,
)
from columns.stored import BEGINNING_MS, EVER_MS, find_settled, find_start
from columns.writer import Written

OLD_EVENTS: Final = 50_000
REBUILD_EVENTS: Final = 250_000
"""Of one stride: of what is exported beside questions, and of what somebody waits for."""

LEAST_EVENTS: Final = 5_000
"""Of a stride while others change the list all the time."""


def replace_range(
    project_id: bytes, from_ms: int, to_ms: int, head: dict[str, dict[str, Any]] | None = None
) -> int:
    """Make all rows with from_ms <= timestamp < to_ms anew, in one change; how many events.

    `head` as in `Change.apply`. What is fresh stays fresh. A segment that is known as damaged is
    not read, so the range must reach to its end: of one that begins before the range, the rest is
    what remains to be made good. Raises Conflict, DamagedSegment, ColumnsUnavailable.
    """
    with Change(project_id, make_folder()) as change:
        with mongo.client().start_session(snapshot=True) as session:
            segments = list_segments(change.head, session, from_ms=from_ms, to_ms=to_ms)
            added = change.writer.write_events(find_settled(project_id, session, from_ms, to_ms))
        events = sum(written.rows for written in added)
        removed: list[Segment] = []
        shortened: list[Segment] = []
        for segment in segments:
            if from_ms <= segment.from_ms and segment.to_ms < to_ms:
                removed.append(segment)
            elif segment.damaged_at is None:
                removed.append(segment)
                added += _write_rest(change, segment, from_ms, to_ms)
            elif segment.to_ms < to_ms:
                shortened.append(segment)
            else:
                raise DamagedSegment(segment, "is known as damaged")

        def shorten(session: ClientSession) -> None:
            _shorten(session, shortened, from_ms)

        if added or segments or head:
            change.apply(added, removed, head=head, also=shorten)
        return events


def _write_rest(change: Change, segment: Segment, from_ms: int, to_ms: int) -> list[Written]:
    """The rows of a segment outside of a range, as a segment that is clear of what it was."""
    rest = change.writer.write_rest(
        segment, '"timestamp" < ? OR "timestamp" >= ?', [from_ms, to_ms]
    )
    return [rest] if rest else []


def _shorten(session: ClientSession, segments: Sequence[Segment], to_ms: int) -> None:
    """Damaged segments end before `to_ms` from now on: what came after is made good."""
    for segment in segments:
        found = collection(mongo.COLUMN_SEGMENTS).update_one(
            {"_id": segment.id, "to": segment.to_ms}, {"$set": {"to": to_ms - 1}}, session=session
        )
        if not found.matched_count:
            raise Conflict("somebody else changed a damaged segment")


def find_beginning(project_id: bytes) -> int:
    """From when on the stored events can make a segment anew, in unix milliseconds.

    Where columns are kept for longer than they are, what is older is the only copy.
    """
    policy = find_policy(project_id)
    if policy.columns_retention_days is None or policy.raw_horizon is None:
        return BEGINNING_MS
    return ms_of_datetime(policy.raw_horizon)


def export_old(project_id: bytes) -> bool:
    """One stride: the newest events of before there were columns; whether more are left."""
    try:
        return repeat(lambda: _export_old(project_id))
    except DamagedSegment as exc:
        repair(exc.segment)
        return True


def _export_old(project_id: bytes) -> bool:
    head = read_head(project_id)
    if head.old_until is None or (head.old_from and datetime.now(UTC) < head.old_from):
        return False
    beginning = find_beginning(project_id)
    start = find_start(project_id, beginning, max(beginning, head.old_until), OLD_EVENTS)
    is_last = start == beginning
    ending = {"$unset": {"oldUntil": "", "oldFrom": ""}}
    fields: dict[str, dict[str, Any]] = ending if is_last else {"$set": {"oldUntil": start}}
    replace_range(project_id, start, max(start, head.old_until), fields)
    return not is_last


def note_damage(segment: Segment) -> bool:
    """Have it read no more, and what it held made anew (`repair_next`); whether it is listed."""
    found = collection(mongo.COLUMN_SEGMENTS).update_one(
        {"_id": segment.id}, [{"$set": {"damagedAt": {"$ifNull": ["$damagedAt", "$$NOW"]}}}]
    )
    return found.matched_count > 0


def repair(segment: Segment) -> None:
    """Make good what a damaged segment held, and all other damage of its project."""
    note_damage(segment)
    while repair_next(segment.project_id):
        pass


def repair_next(project_id: bytes) -> bool:
    """One stride over what damaged segments held, newest first; whether there was any to be made.

    What is before `find_beginning` stays as it is, until it is restored or struck.
    """
    beginning = find_beginning(project_id)
    segments = list_segments(read_head(project_id), from_ms=beginning)
    damaged = [segment for segment in segments if segment.damaged_at is not None]
    if not damaged:
        return False
    newest = max(damaged, key=lambda segment: segment.to_ms)
    end = newest.to_ms + 1
    try:
        _replace_some(project_id, max(newest.from_ms, beginning), end, REBUILD_EVENTS)
    except DamagedSegment as exc:
        note_damage(exc.segment)
    return True


def rebuild(
    project_id: bytes, from_ms: int = BEGINNING_MS, to_ms: int = EVER_MS
) -> Iterator[tuple[int, int]]:
    """Make a range anew, newest first; after each stride where it has come to, and its events.

    As far back as `find_beginning`. Raises Conflict when others change the list all the time, and
    ColumnsUnavailable.
    """
    from_ms = max(from_ms, find_beginning(project_id))
    while to_ms > from_ms:
        if repair_next(project_id):
            continue
        try:
            to_ms, events = _replace_some(project_id, from_ms, to_ms, REBUILD_EVENTS)
        except DamagedSegment as exc:
            note_damage(exc.segment)
        else:
            yield to_ms, events


def _replace_some(project_id: bytes, from_ms: int, to_ms: int, most: int) -> tuple[int, int]:
    """The end of a range, of about `most` events, or fewer while others are faster each time."""
    while True:
        start = find_start(project_id, from_ms, to_ms, most)
        try:
            return start, replace_range(project_id, start, to_ms)
        except Conflict:
            if most <= LEAST_EVENTS:
                raise
            most //= 2


def cut_before(project_id: bytes, horizon_ms: int) -> int:
    """Let rows with a timestamp before the horizon go; how many segments were changed.

    Raises Conflict and ColumnsUnavailable.
    """
    changed = 0
    while True:
        try:
            found = repeat(lambda: _cut_some(project_id, horizon_ms))
        except DamagedSegment as exc:
            repair(exc.segment)
            continue
        if not found:
            break
        changed += found
    collection(mongo.COLUMN_HEADS).update_one(
        {"_id": project_id}, {"$set": {"cutAt": datetime.now(UTC)}}
    )
    return changed


def _cut_some(project_id: bytes, horizon_ms: int) -> int:
    """All segments that go as a whole, and one that goes in part; how many."""
    old = list_segments(read_head(project_id), to_ms=horizon_ms)
    beginning = find_beginning(project_id)
    # One that nobody can make anew goes when all of it is too old.
    old = [each for each in old if not each.damaged_at or not horizon_ms <= each.to_ms < beginning]
    if not old:
        return 0
    whole = [segment for segment in old if segment.to_ms < horizon_ms]
    partly = [segment for segment in old if segment.to_ms >= horizon_ms][:1]
    for segment in partly:
        if segment.damaged_at is not None:
            raise DamagedSegment(segment, "is known as damaged")
    with Change(project_id, find_folder()) as change:
        kept = [
            written
            for segment in partly
            for written in _write_rest(change, segment, BEGINNING_MS, horizon_ms)
        ]
        change.apply(kept, [*whole, *partly])
    return len(whole) + len(partly)
