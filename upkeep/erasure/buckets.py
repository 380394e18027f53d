"""Take a user out of the rollups.

A bucket whose raw events are all there is rebuilt from them. Of one from before the raw horizon
the counts stay, and the user is taken out of the exact sets; a sketch cannot forget a member.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

from analytics.databases import mongo
from analytics.databases.documents import ErasureDayDocument, typed
from analytics.databases.mongo import collection
from analytics.databases.transactions import durable_transaction, repeat
from analytics.events.ids import day_of
from analytics.projects.policy import find_policy
from analytics.rollups import (
    BOTS_TOTAL,
    TOTAL,
    U64_MASK,
    Descriptor,
    Table,
    check_format,
    hash_user,
    sets_pieces,
)
from analytics.rollups.calendar import BUCKETS_PER_DAY, slot_moment
from analytics.rollups.heads import DayHead, heads_of
from analytics.rollups.sets import SetColumn
from ingestion.enrich.visitors import hash_visitor
from upkeep.erasure.job import Erasure
from upkeep.jobs.job import finish_step, save_progress
from upkeep.rollups.compaction import compact_day
from upkeep.rollups.heads import DayChange, read_head
from upkeep.rollups.runs import READ_PIECES, RunWriter, Tables, batched, merge_columns, read_columns
from upkeep.verify.raw_counts import is_countable
from upkeep.verify.rebuild import rebuild_day

OLD_DAYS = 20
_TOTALS = (TOTAL, BOTS_TOTAL)


def rebuild_buckets(job: Erasure) -> None:
    """One stride: the buckets of one day whose events were erased."""
    days = typed(ErasureDayDocument, mongo.ERASURE_DAYS)
    of_job = {"_id": {"$gt": f"{job.id}:", "$lt": f"{job.id};"}, "project": job.project_id}
    day = days.find_one(of_job, sort=[("_id", 1)])
    if day is None:
        with durable_transaction() as session:
            finish_step(job, session)
        return
    slots = sorted(day["buckets"])
    recent = [slot for slot in slots if is_countable(job.project_id, slot_moment(day["day"], slot))]
    if recent:
        rebuild_day(job.project_id, day["day"], recent)
    old = [slot for slot in slots if slot not in recent]
    forgotten = forget_in_buckets(job, day["day"], old) if old else Counter()
    with durable_transaction() as session:
        days.delete_one({"_id": day["_id"]}, session=session)
        save_progress(job, session, cursor=None, counts={"buckets": len(recent), **forgotten})


def forget_in_old_buckets(job: Erasure) -> None:
    """One stride: OLD_DAYS days from before the raw horizon, whose events nobody has any more."""
    first, end = job.cursor or 0, _raw_horizon_day(job.project_id)
    days = []
    if first < end:
        heads = collection(mongo.ROLLUP_DAYS).find(
            heads_of(job.project_id, range(first, end)), {"day": 1}
        )
        days = [head["day"] for head in heads.sort("_id", 1).limit(OLD_DAYS)]
    counts: Counter[str] = Counter()
    for day in days:
        old = [
            slot
            for slot in range(BUCKETS_PER_DAY)
            if not is_countable(job.project_id, slot_moment(day, slot))
        ]
        counts += forget_in_buckets(job, day, old)
    with durable_transaction() as session:
        if len(days) == OLD_DAYS:
            save_progress(job, session, cursor=days[-1] + 1, counts=counts)
        else:
            finish_step(job, session, counts)


def _raw_horizon_day(project_id: bytes) -> int:
    """The day after the last with a bucket from before the raw horizon; 0 where there is none."""
    horizon = find_policy(project_id).raw_horizon
    return day_of(horizon) + 1 if horizon else 0


@dataclass(frozen=True, slots=True)
class Person:
    """A user as the sets of the rollups know them: as one of the users, and of the visitors."""

    user: int
    visitor: int

    @classmethod
    def of(cls, project_id: bytes, user_id: str) -> "Person":
        visitor = hash_visitor(project_id, user_id, None, None, b"")
        return cls(hash_user(project_id, user_id), visitor & U64_MASK)


def forget_in_buckets(job: Erasure, day: int, slots: Sequence[int]) -> Counter[str]:
    """Take the user out of the exact sets of some buckets of a day.

    Counts `exactSets` that were changed, and `sketchedBuckets` that may still know the user.
    """
    person = Person.of(job.project_id, job.user_id)
    while compact_day(job.project_id, day):
        pass
    return repeat(lambda: _forget(person, read_head(job.project_id, day), slots))


def _forget(person: Person, head: DayHead, slots: Sequence[int]) -> Counter[str]:
    runs = {slot: head.buckets[slot] for slot in slots if slot in head.buckets}
    suspects = _find_suspects([run for found in runs.values() for run in found], person)
    counts: Counter[str] = Counter()
    writer = RunWriter()
    buckets: dict[int, list[Descriptor]] = {}
    replaced: list[Descriptor] = []
    for slot, found in runs.items():
        counts["sketchedBuckets"] += any(suspects.get(run["r"]) for run in found)
        kept = list(found)
        for index, run in enumerate(found):
            if run["r"] not in suspects:
                continue
            tables = merge_columns(read_columns([run]))
            if changed := forget_person(tables, person):
                kept[index] = writer.write(tables)
                replaced.append(run)
                counts["exactSets"] += changed
        if kept != found:
            buckets[slot] = kept
    if buckets:
        DayChange(head, buckets, replaced, ()).apply(writer)
    return counts


def _find_suspects(runs: Sequence[Descriptor], person: Person) -> dict[bytes, bool]:
    """The runs that may know the person, by run id, and whether it is a sketch that may.

    The totals of a run know everybody that its other tables know, so most runs are told by them.
    Raises CorruptTable for a run of a later format.
    """
    totals: dict[bytes, bytes] = {}
    for run in runs:
        check_format(run)
        totals |= {piece: run["r"] for name in _TOTALS for piece in sets_pieces(run, name)}
    suspects: dict[bytes, bool] = {}
    fields = {f"t.{name}": 1 for name in _TOTALS}
    for part in batched(totals, READ_PIECES):
        for piece in collection(mongo.ROLLUP_CHUNKS).find({"_id": {"$in": part}}, fields):
            run_id = totals[bytes(piece["_id"])]
            for name, encoded in piece["t"].items():
                total = Table.decode(encoded, counts=False, sets=True)
                is_sketched = any(column.sketches for column in _sets_of(total))
                if is_sketched or forget_person({name: total}, person):
                    suspects[run_id] = is_sketched or suspects.get(run_id, False)
    return suspects


def _sets_of(table: Table) -> list[SetColumn]:
    return [column for column in (table.users, table.visitors) if column is not None]


def forget_person(tables: Tables, person: Person) -> int:
    """Take a person out of the exact sets of `tables`, in place; how many sets changed."""
    changed = 0
    for name, table in tables.items():
        users = table.users and table.users.without(person.user)
        visitors = table.visitors and table.visitors.without(person.visitor)
        for before, after in ((table.users, users), (table.visitors, visitors)):
            changed += len(before.members) - len(after.members) if before and after else 0
        tables[name] = replace(table, users=users, visitors=visitors)
    return changed
