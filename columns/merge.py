"""Merge the segments of a project: fresh ones are cut by its local days, few and large ones stay.

plan.py says which and how. Rows are only moved: veils are not looked at, and what a merge writes is
clear of those that each of its sources was clear of.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from functools import lru_cache
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.events.ids import datetime_of_ms, ms_of_datetime
from analytics.projects.policy import find_policy
from analytics.projects.zones import find_day, first_instant, zone_at
from columns.change import Change
from columns.engine import read_files
from columns.folder import Folder, find_folder
from columns.plan import MIN_ROWS, MOST_LOOSE, Group, choose_loose, choose_more, cut
from columns.scratch import open_scratch_engine
from columns.segments import (
    Segment,
    check_file,
    list_segments,
    read_head,
)
from columns.writer import SegmentWriter, Written

_EVER_MS: Final = 1 << 62
# All offsets from UTC since 1972 are whole multiples of it.
_QUARTER_MS: Final = 900_000
_EPOCH: Final = date(1970, 1, 1).toordinal()
_MEMORY_MB: Final = 64
# Whose visit a row is of; a row of nobody's goes anywhere.
_OWNER: Final = (
    f'coalesce("anonymous", "visitor", CAST(CAST(hash("id") AS HUGEINT) - {1 << 63} AS BIGINT))'
)


@dataclass(frozen=True, slots=True)
class Loose:
    """How many loose segments a project has, and since when it has fresh ones."""

    project_id: bytes
    segments: int
    fresh_since: datetime | None


def list_merges(now: datetime) -> list[Loose]:
    """The projects with something to merge, those with the most loose segments first."""
    is_loose = {"$or": [{"days": None}, {"rows": {"$lt": MIN_ROWS}}]}
    fresh_at = {"$cond": [{"$eq": [{"$type": "$days"}, "array"]}, None, "$madeAt"]}
    found = collection(mongo.COLUMN_SEGMENTS).aggregate(
        [
            {"$match": {"damagedAt": None, **is_loose}},
            {"$group": {"_id": "$project", "n": {"$sum": 1}, "since": {"$min": fresh_at}}},
            {"$sort": {"n": -1}},
        ]
    )
    loose = [Loose(bytes(row["_id"]), row["n"], row["since"]) for row in found]
    return [one for one in loose if _is_due(one, now)]


def _is_due(loose: Loose, now: datetime) -> bool:
    if loose.segments >= MOST_LOOSE:
        return True
    if loose.fresh_since is None:
        return False
    midnight = find_day(find_policy(loose.project_id).zones, ms_of_datetime(now)).begin_ms
    return loose.fresh_since < datetime_of_ms(midnight)


def merge_project(project_id: bytes, now: datetime | None = None) -> int:
    """One merge; how many segments it took, 0: there is nothing to merge.

    Raises Conflict, DamagedSegment and ColumnsUnavailable; then all is as it was.
    """
    if not choose_loose(list_segments(read_head(project_id))):
        return 0
    now_ms = ms_of_datetime(now or datetime.now(UTC))
    zone = zone_at(find_policy(project_id).zones, now_ms)
    today = _day_of(now_ms, zone)
    folder = find_folder()
    with Change(project_id, folder) as change:
        segments = list_segments(change.head)
        chosen = choose_loose(segments)
        counts = _count_days(folder, chosen, zone)
        more = choose_more(counts, chosen, segments, today)
        sources = [*chosen, *more]
        counts += _count_days(folder, more, zone)
        added = list(_write(change.writer, cut(counts, today), sources, zone))
        rows = sum(written.rows for written in added)
        if rows != sum(source.rows for source in sources):
            raise AssertionError(f"{rows} rows of {sources}")
        change.apply(added, sources)
    return len(sources)


def _count_days(folder: Folder, segments: Sequence[Segment], zone: str) -> Counter[int]:
    """The rows of each local day, in days since 1970. Raises as `check_file`."""
    counts: Counter[int] = Counter()
    if not segments:
        return counts
    for segment in segments:
        check_file(folder, segment)
    files = read_files(folder.path_of(segment.id) for segment in segments)
    with open_scratch_engine(_MEMORY_MB, [folder.root]) as (engine, _):
        found = engine.execute(
            f'SELECT "timestamp" // {_QUARTER_MS}, count(*) FROM {files} GROUP BY 1'
        ).fetchall()
    for quarter, rows in found:
        counts[_day_of(quarter * _QUARTER_MS, zone)] += rows
    return counts


def _write(
    writer: SegmentWriter, groups: Sequence[Group], sources: Sequence[Segment], zone: str
) -> Iterator[Written]:
    """Write the rows of `sources` group by group; whatever their moment, each is in one of them."""
    clear_of = frozenset.intersection(*(source.clear_of for source in sources))
    bounds = [-_EVER_MS, *(_begin_of(group.first, zone) for group in groups[1:]), _EVER_MS]
    for group, (begin, end) in zip(groups, pairwise(bounds), strict=True):
        within = [source for source in sources if source.from_ms < end and source.to_ms >= begin]
        for low, high in pairwise(_share_owners(group.parts)):
            written = writer.write_from(
                within,
                f'"timestamp" >= ? AND "timestamp" < ? AND {_OWNER} BETWEEN ? AND ?',
                [begin, end, low, high - 1],
            )
            if written:
                yield replace(written, days=(group.first, group.last), clear_of=clear_of)


def _share_owners(parts: int) -> list[int]:
    """The bounds of equal shares of what an owner's hash may be."""
    return [(part << 64) // parts - (1 << 63) for part in range(parts + 1)]


@lru_cache(10_000)
def _day_of(moment_ms: int, zone: str) -> int:
    """The local day of a moment, in days since 1970."""
    return datetime_of_ms(moment_ms).astimezone(ZoneInfo(zone)).date().toordinal() - _EPOCH


def _begin_of(day: int, zone: str) -> int:
    """Unix milliseconds of the begin of a local day."""
    found = date.fromordinal(_EPOCH + day)
    return first_instant(found.year, found.month, found.day, zone)
