"""Count raw events again: verify the rollups against them, or rebuild the rollups from them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import structlog
from pymongo.client_session import ClientSession

from analytics import mongo
from analytics.ids import datetime_of_day
from analytics.mongo import Document, collection
from analytics.projects import find_policy
from analytics.rollups import BUCKET, DIMENSIONS, TABLES, Descriptor, Table, summarize
from ingestion.compaction import MAX_CONFLICTS
from ingestion.heads import BUCKETS_PER_DAY, DayChange, DayHead, bucket_of, read_head
from ingestion.run_store import (
    Columns,
    RunConflict,
    RunWriter,
    Tables,
    merge_columns,
    read_columns,
    split,
)

log = structlog.get_logger(__name__)

# Buckets whose raw events are counted in one read.
BLOCK_BUCKETS = 16
_FIELDS = dict.fromkeys((*DIMENSIONS, "timestamp", "userId", "visitor"), 1)


@dataclass(frozen=True, slots=True)
class Difference:
    """A table of a bucket (or of a day's copy) that is not what its raw events say."""

    project_id: bytes
    start: datetime
    unit: str  # bucket or day
    dimension: str
    raw: str
    rollup: str


def verify_day(project_id: bytes, day: int) -> list[Difference]:
    """Compare every bucket of a day, and its copy, with the raw events, in one snapshot.

    Buckets from before the raw horizon are left out: their events are gone, or going.
    """
    differences: list[Difference] = []
    with mongo.client().start_session(snapshot=True) as session:
        head = read_head(project_id, day, session)
        kept: list[Columns] = []
        for numbers in _blocks(range(BUCKETS_PER_DAY)):
            runs = read_columns([run for n in numbers for run in head.buckets.get(n, [])], session)
            kept += runs
            summaries = _read_summaries(session, project_id, day, numbers)
            counted = count_buckets(session, project_id, day, numbers)
            taken = iter(runs)
            for number in numbers:
                own = [next(taken) for _ in head.buckets.get(number, [])]
                if is_countable(project_id, bucket := bucket_of(day, number)):
                    rollup = merge_columns([*own, *summaries.get(bucket, [])])
                    raw = counted.get(bucket, {})
                    differences += _compare(project_id, bucket, "bucket", raw, rollup)
        if head.is_clean and head.whole:
            whole = merge_columns(read_columns([head.whole["run"]], session))
            start = datetime_of_day(day)
            differences += _compare(project_id, start, "day", merge_columns(kept), whole)
    for found in differences:
        log.error("rollup_drift", project=found.project_id.hex(), start=found.start.isoformat(),
                  unit=found.unit, dimension=found.dimension)  # fmt: skip
    return differences


def is_countable(project_id: bytes, bucket: datetime) -> bool:
    """Whether all raw events of a bucket are still there."""
    days = find_policy(project_id).retention_days
    return days is None or bucket >= datetime.now(UTC) - timedelta(days=days)


def count_buckets(
    session: ClientSession, project_id: bytes, day: int, numbers: range
) -> dict[datetime, Tables]:
    """The tables of neighbouring buckets, counted from their raw events."""
    events = collection(mongo.EVENTS).find(
        {"project": project_id, "timestamp": _window(day, numbers)}, _FIELDS, session=session
    )
    return {
        bucket: {name: Table.decode_all(encoded[name]) for name in TABLES if name in encoded}
        for bucket, encoded in summarize(project_id, events).items()
    }


def _blocks(numbers: Sequence[int]) -> Iterator[range]:
    """Ascending `numbers` as ranges without gaps, of at most BLOCK_BUCKETS."""
    first = last = None
    for number in numbers:
        if first is None or last is None:
            first = number
        elif number != last + 1 or number - first == BLOCK_BUCKETS:
            yield range(first, last + 1)
            first = number
        last = number
    if first is not None and last is not None:
        yield range(first, last + 1)


def _window(day: int, numbers: range) -> Document:
    return {"$gte": bucket_of(day, numbers[0]), "$lt": bucket_of(day, numbers[-1]) + BUCKET}


def _read_summaries(
    session: ClientSession, project_id: bytes, day: int, numbers: range
) -> dict[datetime, list[Columns]]:
    """The summaries of neighbouring buckets, by bucket."""
    found = collection(mongo.SUMMARIES).find(
        {"project": project_id, "bucket": _window(day, numbers)}, session=session
    )
    by_bucket: dict[datetime, list[Columns]] = {}
    for summary in found:
        by_bucket.setdefault(summary["bucket"], []).append(split(summary["tables"]))
    return by_bucket


def _compare(
    project_id: bytes, start: datetime, unit: str, raw: Tables, rollup: Tables
) -> Iterator[Difference]:
    for dimension in TABLES:
        left, right = raw.get(dimension), rollup.get(dimension)
        if left is None and right is None:
            continue
        if left is None or right is None or not left.equals(right):
            yield Difference(project_id, start, unit, dimension, _describe(left), _describe(right))


def _describe(table: Table | None) -> str:
    if table is None:
        return "nothing"
    views: Any = table.views
    events: Any = table.events
    return f"{len(table)} rows, {int(views.sum())} views, {int(events.sum())} events"


def rebuild_day(
    project_id: bytes, day: int, numbers: Sequence[int] = range(BUCKETS_PER_DAY)
) -> int:
    """Replace the rollups of a day by what its raw events say, beside running drains.

    Of the whole day, or of the buckets `numbers`, ascending; those from before the raw horizon
    are left as they are.

    In one snapshot it reads the events, the ids of the summaries and the version of the head;
    one short transaction then replaces the runs where the version is unchanged and deletes
    exactly those summaries. Returns the number of events. Raises RunConflict if the day keeps
    changing.
    """
    for attempt in range(MAX_CONFLICTS):
        try:
            return _rebuild_day(project_id, day, numbers)
        except RunConflict:
            if attempt == MAX_CONFLICTS - 1:
                raise
    raise AssertionError("unreachable")


def _rebuild_day(project_id: bytes, day: int, wanted: Sequence[int]) -> int:
    writer = RunWriter()
    buckets: dict[int, list[Descriptor]] = {}
    events = 0
    with mongo.client().start_session(snapshot=True) as session:
        head = read_head(project_id, day, session)
        numbers = [n for n in wanted if is_countable(project_id, bucket_of(day, n))]
        if not numbers:
            return 0
        summary_ids = _summary_ids(session, project_id, day, numbers)
        for block in _blocks(numbers):
            counted = count_buckets(session, project_id, day, block)
            for number in block:
                tables = counted.get(bucket_of(day, number), {})
                buckets[number] = [writer.write(tables)] if tables else []
                events += _events_of(tables)
    if not events and not summary_ids and head.version == 0:
        return 0
    replaced = _runs_of(head, numbers)
    DayChange(head, buckets, replaced, summary_ids).apply(writer)
    return events


def _summary_ids(
    session: ClientSession, project_id: bytes, day: int, numbers: list[int]
) -> list[Any]:
    buckets = [bucket_of(day, number) for number in numbers]
    found = collection(mongo.SUMMARIES).find(
        {"project": project_id, "bucket": {"$in": buckets}}, {"_id": 1}, session=session
    )
    return [summary["_id"] for summary in found]


def _runs_of(head: DayHead, numbers: list[int]) -> list[Descriptor]:
    return [run for number in numbers for run in head.buckets.get(number, [])]


def _events_of(tables: Tables) -> int:
    if "total" not in tables:
        return 0
    counted: Any = tables["total"].events
    return int(counted.sum())


def find_days(
    project_id: bytes, start: datetime | None = None, end: datetime | None = None
) -> range:
    """The UTC days that `[start, end)` touches, or those the project has raw events of."""
    events = collection(mongo.EVENTS)
    for bound, direction in ((start, 1), (end, -1)):
        if bound is None:
            found = events.find_one(
                {"project": project_id}, {"timestamp": 1}, sort=[("timestamp", direction)]
            )
            if found is None:
                return range(0)
            bound = found["timestamp"] + (
                timedelta(milliseconds=1) if direction < 0 else timedelta()
            )
        if direction > 0:
            first = int(bound.timestamp()) // 86_400
        else:
            last = -(-int(bound.timestamp() * 1000) // 86_400_000)
    return range(first, last)
