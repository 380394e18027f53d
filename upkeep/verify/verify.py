"""Count raw events again: verify the rollups against them, or rebuild the rollups from them."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.events.ids import datetime_of_day
from analytics.rollups import CorruptTable, Descriptor, read_summaries
from analytics.rollups.calendar import BUCKETS_PER_DAY, days_of_month, first_day_of, slot_moment
from analytics.rollups.heads import DayHead, is_month_copied, month_key
from upkeep.rollups.day_parts import merge_day_parts, read_day_parts
from upkeep.rollups.heads import read_head, read_heads
from upkeep.rollups.runs import (
    Columns,
    merge_columns,
    read_columns,
    split,
)
from upkeep.verify.differences import Difference, compare, report
from upkeep.verify.raw_counts import count_buckets, is_countable, split_blocks, window_of


def verify_day(project_id: bytes, day: int) -> list[Difference]:
    """Compare every bucket of a day, and its copy, with the raw events, in one snapshot.

    Buckets from before the raw horizon are left out: their events are gone, or going. So are
    those that an erasure took events from and has yet to rebuild. What cannot be read, since it
    is damaged or of a later format, is a difference of its day.
    """
    try:
        differences = _compare_day(project_id, day)
    except CorruptTable as exc:
        differences = [_describe_damage(project_id, datetime_of_day(day), "day", exc)]
    return report(differences)


def _compare_day(project_id: bytes, day: int) -> list[Difference]:
    differences: list[Difference] = []
    with mongo.client().start_session(snapshot=True) as session:
        head = read_head(project_id, day, session)
        erased = _find_erased(session, project_id, day)
        kept: list[tuple[int, Columns]] = []
        for slots in split_blocks(range(BUCKETS_PER_DAY)):
            owners = [slot for slot in slots for _ in head.buckets.get(slot, [])]
            runs = read_columns(_runs_of(head, slots), session)
            kept += zip(owners, runs, strict=True)
            summaries = _read_summaries(session, project_id, day, slots)
            counted = count_buckets(session, project_id, day, slots)
            taken = iter(runs)
            for slot in slots:
                own = [next(taken) for _ in head.buckets.get(slot, [])]
                bucket = slot_moment(day, slot)
                if slot not in erased and is_countable(project_id, bucket):
                    rollup = merge_columns([*own, *summaries.get(bucket, [])])
                    raw = counted.get(bucket, {})
                    differences += compare(project_id, bucket, "bucket", raw, rollup)
        if head.state.is_copied and head.whole:
            differences += _compare_copy(session, head, kept)
    return differences


def verify_month(project_id: bytes, month: int) -> list[Difference]:
    """Compare the copy of a month, if it is in force, with those of its days."""
    with mongo.client().start_session(snapshot=True) as session:
        found = collection(mongo.ROLLUP_MONTHS).find_one(
            {"_id": month_key(project_id, month), "run": {"$exists": True}}, session=session
        )
        heads = read_heads(project_id, days_of_month(month), session)
        states = [head.state for head in heads]
        if found is None or not is_month_copied(found["days"], states):
            return []
        runs = [head.whole["run"] for head in heads if head.whole]
        start = datetime_of_day(first_day_of(month))
        try:
            merged = merge_columns(read_columns(runs, session))
            copied = merge_columns(read_columns([found["run"]], session))
        except CorruptTable as exc:
            return report([_describe_damage(project_id, start, "month", exc)])
    return report(list(compare(project_id, start, "month", merged, copied)))


def _describe_damage(
    project_id: bytes, start: datetime, unit: str, exc: CorruptTable
) -> Difference:
    return Difference(project_id, start, unit, "all", "not compared", str(exc))


def _find_erased(session: ClientSession, project_id: bytes, day: int) -> set[int]:
    """The buckets of a day that an erasure has yet to rebuild."""
    found = collection(mongo.ERASURE_DAYS).find(
        {"project": project_id, "day": day}, {"buckets": 1}, session=session
    )
    return {slot for erasure in found for slot in erasure["buckets"]}


def _read_summaries(
    session: ClientSession, project_id: bytes, day: int, slots: range
) -> dict[datetime, list[Columns]]:
    """The summaries of neighbouring buckets, by bucket."""
    found = collection(mongo.SUMMARIES).find(
        {"project": project_id, "bucket": window_of(day, slots)}, session=session
    )
    by_bucket: dict[datetime, list[Columns]] = {}
    for bucket, tables in read_summaries(found):
        by_bucket.setdefault(bucket, []).append(split(tables))
    return by_bucket


def _compare_copy(
    session: ClientSession, head: DayHead, buckets: Sequence[tuple[int, Columns]]
) -> Iterator[Difference]:
    """A day's copy and its day parts with the runs of its buckets."""
    assert head.whole
    start, run = datetime_of_day(head.day), head.whole["run"]
    merged = merge_columns([columns for _, columns in buckets])
    copied = merge_columns(read_columns([run], session))
    if head.whole.get("parts"):
        merged |= merge_day_parts(buckets)
        copied |= read_day_parts(run, session)
    yield from compare(head.project_id, start, "day", merged, copied)


def _runs_of(head: DayHead, slots: Iterable[int]) -> list[Descriptor]:
    return [run for slot in slots for run in head.buckets.get(slot, [])]
