"""Merge the segments of a project: loose ones come to those that are cut by its local days.

plan.py says which and how. Rows are only moved, and the visits of those that are cut worked out
anew: veils are not looked at, and what a merge writes is clear of those that each of its sources
was clear of.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from analytics.databases import mongo
from analytics.databases.documents import ProjectRow, typed
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict
from analytics.events.ids import datetime_of_ms, ms_of_datetime
from analytics.projects.models import Project
from analytics.projects.policy import find_policy
from analytics.projects.zones import Zones, find_day, zone_at
from columns.change import Change
from columns.cuts import Box, Counts, count_rows, make_cut
from columns.files.days import day_of
from columns.files.engine import read_files
from columns.files.folder import Folder, find_folder
from columns.files.scratch import open_scratch_engine
from columns.leaves import Leaves
from columns.plan import (
    LARGE_ROWS,
    MOST_LOOSE,
    Group,
    choose_groups,
    choose_loose,
    choose_taken,
    cut,
    is_due,
)
from columns.segments import Segment, hold_file, list_cut, list_segments, read_head
from columns.writer import SegmentWriter, Written

_MEMORY_MB: Final = 64


@dataclass(frozen=True, slots=True)
class Loose:
    """What is loose of a project: small segments and large ones, and since when."""

    project_id: bytes
    small: int
    large: int
    since: datetime | None
    zones: frozenset[str]  # those that others are cut by


def list_merges(now: datetime) -> list[Loose]:
    """The projects with something to merge, those with the most loose segments first."""
    is_cut = {"$and": [{"$eq": [{"$type": "$days"}, "array"]}, {"$gte": ["$v", 2]}]}
    large = {"$gte": ["$rows", LARGE_ROWS]}
    since = {"$cond": [is_cut, None, {"$ifNull": ["$since", "$madeAt"]}]}
    found = collection(mongo.COLUMN_SEGMENTS).aggregate(
        [
            {"$match": {"damagedAt": None}},
            {
                "$group": {
                    "_id": "$project",
                    "small": {"$sum": {"$cond": [{"$or": [is_cut, large]}, 0, 1]}},
                    "large": {"$sum": {"$cond": [{"$and": [{"$not": is_cut}, large]}, 1, 0]}},
                    "since": {"$min": since},
                    "zones": {"$addToSet": {"$cond": [is_cut, "$zone", None]}},
                }
            },
            {"$sort": {"small": -1, "large": -1}},
        ]
    )
    loose = [
        Loose(
            bytes(row["_id"]), row["small"], row["large"], row["since"],
            frozenset(filter(None, row["zones"])),
        )
        for row in found
    ]  # fmt: skip
    moved = _list_moved()
    return [one for one in loose if _is_due(one, moved, now)]


def _list_moved() -> set[bytes]:
    """The projects that have had more than one time zone."""
    rows = typed(ProjectRow, Project._meta.db_table).find(
        {"zones.1": {"$exists": True}}, {"_id": 1}
    )
    return {bytes.fromhex(row["_id"]) for row in rows}


def _is_due(loose: Loose, moved: set[bytes], now: datetime) -> bool:
    if max(loose.small, loose.large) >= MOST_LOOSE:
        return True
    if loose.since is None and loose.project_id not in moved:
        return False
    zones = find_policy(loose.project_id).zones
    if loose.zones - {zone_at(zones, ms_of_datetime(now))}:
        return True
    return loose.since is not None and loose.since < _midnight(zones, now)


def _midnight(zones: Zones, now: datetime) -> datetime:
    """The last one of a project."""
    return datetime_of_ms(find_day(zones, ms_of_datetime(now)).begin_ms)


@dataclass(frozen=True, slots=True)
class Merge:
    """What is to be merged: loose segments, and the groups that they come to."""

    zone: str
    today: int
    loose: Sequence[Segment]
    groups: Sequence[Group]

    @property
    def left(self) -> int:
        """The rows that come to none."""
        newer = sum(group.newer.total() for group in self.groups)
        return sum(segment.rows for segment in self.loose) - newer

    @property
    def sources(self) -> list[Segment]:
        return [*self.loose, *(segment for group in self.groups for segment in group.segments)]


def merge_project(project_id: bytes, now: datetime | None = None) -> int:
    """One merge; how many segments it took, 0: there is nothing to merge.

    Raises Conflict, DamagedSegment and ColumnsUnavailable; then all is as it was.
    """
    head = read_head(project_id)
    merge = _plan(list_segments(head), now or datetime.now(UTC))
    if merge is None:
        return 0
    sources = merge.sources
    with Change(project_id, find_folder()) as change:
        if change.head.revision != head.revision:
            raise Conflict("somebody else changed the list")
        added = list(_write(change.writer, merge))
        rows = sum(written.rows for written in added)
        if rows != sum(source.rows for source in sources):
            raise AssertionError(f"{rows} rows of {sources}")
        clear_of = frozenset.intersection(*(source.clear_of for source in sources))
        change.apply([replace(written, clear_of=clear_of) for written in added], sources)
    return len(sources)


def _plan(segments: Sequence[Segment], now: datetime) -> Merge | None:
    """None: it is not worth while."""
    if not segments:
        return None
    now_ms = ms_of_datetime(now)
    zones = find_policy(segments[0].project_id).zones
    zone, midnight = zone_at(zones, now_ms), _midnight(zones, now)
    held = list_cut(segments, zone)
    loose = choose_loose(segments, held, midnight)
    if not loose:
        return None
    folder, today = find_folder(), day_of(now_ms, zone)
    counts = _count(folder, loose, zone)
    leaves = Leaves(held, today)
    for each in counts.values():
        leaves.add(each)
    due = {key for each in loose if is_due(each, midnight) for key in counts[each.id]}
    groups = choose_groups(leaves, due)
    taken = choose_taken(loose, counts, groups)
    return Merge(zone, today, taken, groups) if taken else None


def _count(folder: Folder, segments: Sequence[Segment], zone: str) -> dict[bytes, Counts]:
    """The rows of each segment by local day and owner. Raises as `hold_file`."""
    if not segments:
        return {}
    counts: dict[bytes, Counts] = {}
    with open_scratch_engine(_MEMORY_MB, [folder.engine_folder]) as (engine, _):
        for segment in segments:
            days = day_of(segment.from_ms, zone), day_of(segment.to_ms, zone)
            with hold_file(folder, segment) as path:
                counts[segment.id] = count_rows(engine, read_files([path]), days, zone)
    return counts


def _list_sources(segments: Sequence[Segment], box: Box, zone: str) -> list[Segment]:
    """Those that may have rows in a box."""
    begin, end = box.bounds(zone)
    return [each for each in segments if each.from_ms < end and each.to_ms >= begin]


def _write(writer: SegmentWriter, merge: Merge) -> Iterator[Written]:
    """Write the rows group by group, and what is of no group: each is in one file."""
    boxes: list[Box] = []
    for group in merge.groups:
        counts = group.newer
        for each in _count(find_folder(), group.segments, merge.zone).values():
            counts.update(each)
        for box in cut(counts, group, merge.today):
            boxes.append(box)
            sources = _list_sources([*group.segments, *merge.loose], box, merge.zone)
            made = make_cut(box, merge.zone)
            written = writer.write_from(sources, box.select(merge.zone), cut=made)
            if written:
                yield written
    left = " AND ".join(f"NOT ({box.select(merge.zone)})" for box in boxes) or "true"
    if merge.left and (written := writer.write_from(merge.loose, left)):
        yield replace(written, since=min(segment.since for segment in merge.loose))
