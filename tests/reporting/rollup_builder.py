"""Stored events and any mixture of the ways their counts may be stored, current and outdated."""

import os
import random
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from bson import Int64

from analytics.databases.mongo import (
    EVENTS,
    ROLLUP_CHUNKS,
    ROLLUP_DAYS,
    ROLLUP_MONTHS,
    SUMMARIES,
    Document,
    collection,
)
from analytics.rollups import (
    TABLES,
    WITHOUT_VALUES,
    Descriptor,
    EncodedTable,
    Table,
    hash_value,
    make_run_id,
    merge_encoded,
    pack_run,
    summarize,
)
from analytics.rollups.calendar import EPOCH, days_of_month, month_of, slot_of
from tests.stored import leave_fresh
from upkeep.rollups.day_parts import merge_day_parts
from upkeep.rollups.runs import split

Events = list[Document]


@dataclass(frozen=True)
class Mixture:
    """How likely each form of storage is, from 0 to 1.

    An outdated copy counts events that never were, so that whoever uses it is found out.
    """

    summaries: float = 0.3
    clean_days: float = 0.5
    outdated_days: float = 0.5  # of those that are not clean
    parts: float = 0.7  # of the copies of days
    valid_months: float = 0.5
    outdated_months: float = 0.5  # of those that are not valid
    max_runs: int = 3


def store_events(project: bytes, events: Iterable[Document]) -> Events:
    """Complete events and store them; who they are of is their `userId`, else `visitor`.

    With a `visitor` of None they are of nobody.
    """
    documents = []
    for given in events:
        event: Document = {"path": "/", "event": "pageview"} | given
        person = event.get("userId", event.get("visitor", 0))
        if person is None:
            del event["visitor"]
        else:
            event["visitor"] = Int64(hash_value(str(person)) - 2**63)
        identity = {"_id": project + os.urandom(16), "project": project}
        documents.append(identity | event | {"ingestedAt": event["timestamp"]})
    if documents:
        collection(EVENTS).insert_many(documents)
        leave_fresh(project, documents)
    return documents


def store_summaries(project: bytes, events: Events) -> None:
    found = summarize(project, events)
    if found:
        collection(SUMMARIES).insert_many(
            [
                {"project": project, "bucket": bucket, "tables": tables}
                for bucket, tables in found.items()
            ]
        )


def store_rollups(
    project: bytes, events: Events, chance: random.Random, mixture: Mixture = Mixture()
) -> None:
    """Store the counts of `events` in a random mixture of all there is."""
    waiting: Events = []
    days: defaultdict[int, Events] = defaultdict(list)
    for event in events:
        if chance.random() < mixture.summaries:
            waiting.append(event)
        else:
            days[(event["timestamp"] - EPOCH).days].append(event)
    for batch in _deal(waiting, chance, 5):
        store_summaries(project, batch)
    months: defaultdict[int, list[int]] = defaultdict(list)
    versions = {day: chance.randint(1, 9) for day in days}
    for day, found in days.items():
        months[month_of(day)].append(day)
        _store_day(project, day, versions[day], found, chance, mixture)
    for month, found_days in months.items():
        _store_month(
            project, month, {day: versions[day] for day in found_days}, days, chance, mixture
        )


def _store_day(
    project: bytes, day: int, version: int, events: Events, chance: random.Random, mixture: Mixture
) -> None:
    buckets: defaultdict[str, Events] = defaultdict(list)
    for event in events:
        buckets[str(slot_of(event["timestamp"]))].append(event)
    runs = {
        slot: [store_run(project, part) for part in _deal(found, chance, mixture.max_runs)]
        for slot, found in buckets.items()
    }
    head: Document = {
        "_id": project + day.to_bytes(4, "big"),
        "project": project,
        "day": day,
        "version": version,
        "buckets": runs,
    }
    with_parts = chance.random() < mixture.parts
    if chance.random() < mixture.clean_days:
        head["whole"] = _store_copy(project, events, with_parts) | {"version": version}
    elif chance.random() < mixture.outdated_days:
        head["whole"] = _store_copy(project, _fakes(events), with_parts) | {"version": version - 1}
    collection(ROLLUP_DAYS).insert_one(head)


def _store_copy(project: bytes, events: Events, with_parts: bool) -> Document:
    """The run of a day, with the table of its day parts or, as there were before, without."""
    summaries = summarize(project, events)
    tables = merge_summaries(summaries.values())
    if not with_parts:
        return {"run": store_tables(tables)}
    totals = [(slot_of(bucket), split(summary)) for bucket, summary in summaries.items()]
    return {"run": store_tables(tables | merge_day_parts(totals)), "parts": True}


def _store_month(
    project: bytes,
    month: int,
    versions: dict[int, int],
    days: dict[int, Events],
    chance: random.Random,
    mixture: Mixture,
) -> None:
    copied = {str(day): version for day, version in versions.items()}
    events = [event for day in versions for event in days[day]]
    if chance.random() >= mixture.valid_months:
        if chance.random() >= mixture.outdated_months:
            return
        events = _fakes(events)
        day = str(chance.choice(list(versions)))
        match chance.randrange(3):
            case 0:
                copied[day] -= 1
            case 1:
                del copied[day]
            case _:
                copied[str(_another_day(month, versions))] = 1
    document: Document = {
        "_id": project + month.to_bytes(4, "big"),
        "project": project,
        "month": month,
        "days": copied,
    }
    if chance.random() < 0.9 or copied == {str(day): v for day, v in versions.items()}:
        document["run"] = store_run(project, events)
    collection(ROLLUP_MONTHS).insert_one(document)


def _another_day(month: int, versions: dict[int, int]) -> int:
    days = days_of_month(month)
    return next((day for day in days if day not in versions), days[-1] + 1)


def _fakes(events: Events) -> Events:
    return [event | {"path": "/fake", "userId": "fake", "visitor": Int64(1)} for event in events]


def store_run(project: bytes, events: Events) -> Descriptor:
    """Store a run of all `events`, whatever buckets they lie in."""
    return store_tables(merge_summaries(summarize(project, events).values()))


def store_tables(tables: dict[str, Table]) -> Descriptor:
    descriptor, pieces = pack_run(make_run_id(), tables)
    if pieces:
        collection(ROLLUP_CHUNKS).insert_many(pieces)
    return descriptor


def merge_summaries(summaries: Iterable[dict[str, EncodedTable]]) -> dict[str, Table]:
    found = list(summaries)
    return {
        name: merge_encoded(tables, values=name not in WITHOUT_VALUES)
        for name in TABLES
        if (tables := [summary[name] for summary in found if name in summary])
    }


def _deal(items: Sequence[Any], chance: random.Random, most: int) -> list[list[Any]]:
    parts: list[list[Any]] = [[] for _ in range(chance.randint(1, most))]
    for item in items:
        chance.choice(parts).append(item)
    return [part for part in parts if part]
