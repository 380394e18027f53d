"""Copies: a closed day as the sum of its 96 buckets, a closed month as the sum of its days.

A copy says of which version it is. One that is out of date is not used, so nothing need be
undone when an old event comes late: the copy is made again when the day has been quiet.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import structlog

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict, durable_transaction
from analytics.events.ids import day_of
from analytics.rollups import Descriptor
from analytics.rollups.calendar import days_of_month, month_of
from analytics.rollups.heads import month_key, note_versions, parse_head
from upkeep.jobs.setbacks import COPY_DAY, COPY_MONTH, Turns
from upkeep.rollups.day_parts import merge_day_parts
from upkeep.rollups.heads import read_heads
from upkeep.rollups.runs import RunWriter, merge_columns, read_columns

log = structlog.get_logger(__name__)

QUIET = timedelta(seconds=30)
CLOSED_FOR = timedelta(minutes=5)
STEP_UNITS = 200
# Rows that are merged in memory at once, at about 100 bytes each.
MAX_ROWS = 5_000_000


def build_days(quiet: timedelta = QUIET) -> int:
    """Copy the closed days that changed and have been quiet since; how many."""
    now = datetime.now(UTC)
    last = day_of(now - CLOSED_FOR)
    waiting = {"dirty": True, "changedAt": {"$lte": now - quiet}, "day": {"$lt": last}}
    return _build(mongo.ROLLUP_DAYS, waiting, _build_day, Turns(COPY_DAY))


def _build(name: str, waiting: Document, build: Callable[[Document], bool], turns: Turns) -> int:
    """Build the copies that waited longest; how many. What cannot be built holds up no other."""
    heads = collection(name)
    dirty = heads.find(waiting, {"project": 1}).sort("changedAt", 1)
    built = 0
    for head in turns.take(dirty, _unit_of, STEP_UNITS):
        with turns.attempt(_unit_of(head), bytes(head["project"])):
            found = heads.find_one({"_id": head["_id"]})
            built += bool(found and build(found))
    turns.end()
    return built


def _unit_of(head: Document) -> str:
    return bytes(head["_id"]).hex()


def _build_day(found: Document) -> bool:
    head = parse_head(found)
    by_slot = [(slot, run) for slot in sorted(head.buckets) for run in head.buckets[slot]]
    runs = [run for _, run in by_slot]
    if _too_large(runs):
        log.warning("day_not_copied", project=head.project_id.hex(), day=head.day)
        collection(mongo.ROLLUP_DAYS).update_one(
            {"_id": found["_id"], "version": head.version}, {"$set": {"dirty": False}}
        )
        return False
    writer = RunWriter()
    columns = read_columns(runs)
    tables = merge_columns(columns)
    tables |= merge_day_parts(
        [(slot, read) for (slot, _), read in zip(by_slot, columns, strict=True)]
    )
    run = writer.write(tables)
    older = [
        {"whole": None},
        {"whole.version": {"$lt": head.version}},
        {"whole.version": head.version, "whole.parts": None},
    ]
    built = _replace(
        mongo.ROLLUP_DAYS,
        {"_id": found["_id"], "$or": older},
        {
            "whole": {"$literal": {"run": run, "version": head.version, "parts": True}},
            "dirty": {"$ne": ["$version", head.version]},
        },
        writer,
        [head.whole["run"]] if head.whole else [],
    )
    if built and not head.state.is_copied:  # else only its day parts are new
        _mark_month(head.project_id, month_of(head.day))
    return built


def _mark_month(project_id: bytes, month: int) -> None:
    """If this is lost the month's copy stays out of date, which costs time and nothing else."""
    collection(mongo.ROLLUP_MONTHS).update_one(
        {"_id": month_key(project_id, month)},
        {
            "$set": {"dirty": True, "changedAt": datetime.now(UTC)},
            "$setOnInsert": {"project": project_id, "month": month, "days": {}},
        },
        upsert=True,
    )


def build_months(quiet: timedelta = QUIET) -> int:
    """Copy the closed months whose days are all copied and quiet; how many."""
    now = datetime.now(UTC)
    this_month = month_of(day_of(now - CLOSED_FOR))
    waiting = {"dirty": True, "changedAt": {"$lte": now - quiet}, "month": {"$lt": this_month}}
    return _build(mongo.ROLLUP_MONTHS, waiting, _build_month, Turns(COPY_MONTH))


def _build_month(found: Document) -> bool:
    project, month = bytes(found["project"]), found["month"]
    heads = read_heads(project, days_of_month(month))
    months = collection(mongo.ROLLUP_MONTHS)
    unchanged = {"_id": found["_id"], "changedAt": found["changedAt"]}
    if not all(head.state.is_copied for head in heads):  # it waits, and lets others go first
        months.update_one(unchanged, {"$set": {"changedAt": datetime.now(UTC)}})
        return False
    runs = [head.whole["run"] for head in heads if head.whole]
    if _too_large(runs):
        log.warning("month_not_copied", project=project.hex(), month=month)
        months.update_one({"_id": found["_id"]}, {"$set": {"dirty": False}})
        return False
    writer = RunWriter()
    changes: Document = {
        "run": {"$literal": writer.write(merge_columns(read_columns(runs)))},
        "days": {"$literal": note_versions(head.state for head in heads)},
        "dirty": False,
    }
    replaced = [found["run"]] if "run" in found else []
    return _replace(mongo.ROLLUP_MONTHS, unchanged, changes, writer, replaced)


def _replace(
    name: str,
    unchanged: Document,
    changes: Document,
    writer: RunWriter,
    replaced: list[Descriptor],
) -> bool:
    """Put a copy in place in one transaction, unless somebody was faster.

    `changes` are expressions over the head as it is then.
    """
    writer.flush()
    try:
        with durable_transaction() as session:
            changed = collection(name).update_one(unchanged, [{"$set": changes}], session=session)
            if not changed.matched_count:
                raise Conflict("another worker was faster")
            writer.adopt(session, replaced)
    except Conflict:
        return False
    return True


def _too_large(runs: list[Descriptor]) -> bool:
    return sum(int(run["n"]) for run in runs) > MAX_ROWS
