"""Compaction: summaries become runs of their bucket, and few runs stay few.

Like an LSM tree: what is written is never changed, only merged into something larger. A step
takes the summaries of one project and day and ends in one short transaction.
"""

import math
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import structlog

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict, repeat
from analytics.events.ids import PROJECT_ID_BYTES, datetime_of_day, day_of
from analytics.rollups import Descriptor, check_summary, read_summaries
from analytics.rollups.calendar import slot_of
from analytics.rollups.heads import day_key
from upkeep.jobs.setbacks import COMPACT_DAY, Turns
from upkeep.rollups.heads import DayChange, read_head
from upkeep.rollups.runs import RunWriter, merge_columns, read_columns, split

log = structlog.get_logger(__name__)

# A bucket has at most this many runs; one more merges them all.
MAX_RUNS = 4
FIND_SUMMARIES = 5_000
SEEK_DAYS = 200
STEP_SUMMARIES = 400
STEP_BYTES = 16 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class ProjectDay:
    project_id: bytes
    day: int

    @property
    def unit(self) -> str:
        return day_key(self.project_id, self.day).hex()


def compact_summaries(budget_seconds: float = math.inf) -> int:
    """Compact the summaries that wait, until the time is up; how many, 0 when none is left.

    Days that cannot be compacted hold up no others; the error of the last is raised at the end.
    """
    deadline = time.monotonic() + budget_seconds
    compacted = 0
    turns = Turns(COMPACT_DAY)
    for waiting in find_waiting_days(turns):
        with turns.attempt(waiting.unit, waiting.project_id):
            while summaries := compact_day(waiting.project_id, waiting.day):
                compacted += summaries
                if time.monotonic() > deadline:
                    return compacted
    turns.end()
    return compacted


def find_waiting_days(turns: Turns) -> list[ProjectDay]:
    """The days with the oldest summaries; where those are of days that rest, also any others."""
    rows = collection(mongo.SUMMARIES).find({}, {"project": 1, "bucket": 1})
    found = {
        ProjectDay(bytes(row["project"]), day_of(row["bucket"])): None
        for row in rows.sort("_id").limit(FIND_SUMMARIES)
    }
    ready = [waiting for waiting in found if not turns.is_resting(waiting.unit)]
    if len(ready) < len(found):
        others = (other for other in _seek_days() if other not in found)
        ready += turns.take(others, lambda other: other.unit, SEEK_DAYS)
    return ready


def _seek_days() -> Iterator[ProjectDay]:
    """Every day with summaries, one look at the index for each, from a random project on."""
    start = os.urandom(PROJECT_ID_BYTES)
    for projects in ({"$gte": start}, {"$lt": start}):
        found = _first_summary({"project": projects})
        while found:
            project_id, day = bytes(found["project"]), day_of(found["bucket"])
            yield ProjectDay(project_id, day)
            following = {"project": project_id, "bucket": {"$gte": datetime_of_day(day + 1)}}
            beyond = {"project": {**projects, "$gt": project_id}}
            beyond["project"].pop("$gte", None)
            found = _first_summary(following) or _first_summary(beyond)


def _first_summary(condition: Document) -> Document | None:
    return collection(mongo.SUMMARIES).find_one(
        condition, {"project": 1, "bucket": 1}, sort=[("project", 1), ("bucket", 1)]
    )


def compact_day(project_id: bytes, day: int) -> int:
    """Compact summaries of one day, a bounded part of them; how many."""
    try:
        return repeat(lambda: _compact_day(project_id, day))
    except Conflict as exc:
        log.warning("compaction_left", project=project_id.hex(), day=day, error=str(exc))
        return 0


def _compact_day(project_id: bytes, day: int) -> int:
    head = read_head(project_id, day)
    summaries = _read_summaries(project_id, day)
    if not summaries:
        return 0
    by_slot: dict[int, list[Document]] = {}
    for summary in summaries:
        by_slot.setdefault(slot_of(summary["bucket"]), []).append(summary)
    writer = RunWriter()
    buckets: dict[int, list[Descriptor]] = {}
    replaced: list[Descriptor] = []
    for slot, found in by_slot.items():
        runs = head.buckets.get(slot, [])
        merged = runs if len(runs) >= MAX_RUNS else []
        kept = [] if merged else runs
        buckets[slot] = [*kept, _write_run(writer, found, merged)]
        replaced += merged
    ids = [summary["_id"] for summary in summaries]
    DayChange(head, buckets, replaced, ids).apply(writer)
    return len(summaries)


def _write_run(
    writer: RunWriter, summaries: Sequence[Document], runs: Sequence[Descriptor]
) -> Descriptor:
    """One run that adds up `summaries` and `runs`."""
    found = [tables for _, tables in read_summaries(summaries)]
    if len(found) == 1 and not runs:
        return writer.write_summary(found[0])
    return writer.write(merge_columns([*map(split, found), *read_columns(runs)]))


def _read_summaries(project_id: bytes, day: int) -> list[Document]:
    """The oldest summaries of a day, as many as one step takes.

    Raises CorruptTable for one of a later format.
    """
    bounds = {"$gte": datetime_of_day(day), "$lt": datetime_of_day(day + 1)}
    cursor = collection(mongo.SUMMARIES).find({"project": project_id, "bucket": bounds})
    found: list[Document] = []
    size = 0
    for summary in cursor.sort("bucket").limit(STEP_SUMMARIES):
        check_summary(summary)
        found.append(summary)
        size += len(summary["facts"]) if "facts" in summary else approx_bytes(summary["tables"])
        if size > STEP_BYTES:
            break
    return found


def approx_bytes(tables: Mapping[str, Mapping[str, object]]) -> int:
    return sum(
        len(column)
        for table in tables.values()
        for column in table.values()
        if isinstance(column, bytes)
    )
