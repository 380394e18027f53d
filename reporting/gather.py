"""Read, in one snapshot, where everything lies that a window's answer adds up.

That is: the runs of the units that cover it, the summaries in its buckets, and the tables of its
raw edges. Each belongs to one *point*: the whole of an answer, or a point of a series.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from analytics.mongo import EVENTS, ROLLUP_DAYS, ROLLUP_MONTHS, SUMMARIES, Document
from analytics.rollups import DIMENSIONS, TOTAL, Descriptor, EncodedTable, list_fields, summarize
from analytics.rollups.dimensions import bucket_number
from reporting.cover import (
    BUCKETS_PER_DAY,
    Frame,
    Head,
    Units,
    bucket_moment,
    choose_units,
    first_day_of,
    list_months,
)
from reporting.query import Window
from reporting.snapshot import Snapshot

# Raw events of an edge are counted in parts, so that a busy one does not fill the memory.
EDGE_PART_EVENTS = 5_000


@dataclass(frozen=True, slots=True)
class Run:
    """A stored run, whose tables are yet to be read."""

    point: int
    descriptor: Descriptor


@dataclass(frozen=True, slots=True)
class Loose:
    """The tables of a summary, or of raw events: complete and at hand."""

    point: int
    tables: Mapping[str, EncodedTable]


@dataclass(frozen=True, slots=True)
class Gathered:
    """Everything that an answer adds up."""

    runs: list[Run] = field(default_factory=list)
    loose: list[Loose] = field(default_factory=list)


def gather(
    snapshot: Snapshot, project: bytes, frame: Frame, dimensions: Sequence[str], cuts: Sequence[int]
) -> Gathered:
    """Find everything within `frame`; of loose tables the total and those of `dimensions`.

    `cuts` are the ascending buckets at which the second and later points begin.
    """

    def point_of(bucket: int) -> int:
        return bisect_right(cuts, bucket)

    gathered = Gathered()
    if frame.has_buckets:
        for bucket, descriptor in _find_runs(snapshot, project, frame, cuts):
            if descriptor["n"]:
                gathered.runs.append(Run(point_of(bucket), descriptor))
        for summary in _read_summaries(snapshot, project, frame, dimensions):
            point = point_of(bucket_number(summary["bucket"]))
            gathered.loose.append(Loose(point, summary["tables"]))
    if frame.edges:
        for bucket, tables in _count_edges(snapshot, project, frame.edges, dimensions):
            gathered.loose.append(Loose(point_of(bucket), tables))
    return gathered


def _find_runs(
    snapshot: Snapshot, project: bytes, frame: Frame, cuts: Sequence[int]
) -> Iterator[tuple[int, Descriptor]]:
    """The first bucket and the descriptor of every run."""
    heads = [
        Head(found["day"], found["version"], (found.get("whole") or {}).get("version"))
        for found in _find_heads(
            snapshot, ROLLUP_DAYS, project, frame.days, ("day", "version", "whole.version")
        )
    ]
    if not heads:
        return
    days = range(heads[0].day, heads[-1].day + 1)
    months = {
        found["month"]: found
        for found in _find_heads(
            snapshot, ROLLUP_MONTHS, project, list_months(days), ("month", "run", "days")
        )
        if "run" in found
    }
    copies = {month: found["days"] for month, found in months.items()}
    units = choose_units(frame, cuts, heads, copies)
    for month in units.months:
        yield first_day_of(month) * BUCKETS_PER_DAY, months[month]["run"]
    yield from _find_day_runs(snapshot, project, units)


def _find_day_runs(
    snapshot: Snapshot, project: bytes, units: Units
) -> Iterator[tuple[int, Descriptor]]:
    if units.days:
        for found in _find_heads(snapshot, ROLLUP_DAYS, project, units.days, ("day", "whole.run")):
            yield found["day"] * BUCKETS_PER_DAY, found["whole"]["run"]
    if units.buckets:
        for found in _find_heads(
            snapshot, ROLLUP_DAYS, project, list(units.buckets), ("day", "buckets")
        ):
            wanted = units.buckets[found["day"]]
            for number, descriptors in found["buckets"].items():
                if int(number) in wanted:
                    for descriptor in descriptors:
                        yield found["day"] * BUCKETS_PER_DAY + int(number), descriptor


def _find_heads(
    snapshot: Snapshot,
    name: str,
    project: bytes,
    numbers: range | list[int],
    fields: Sequence[str],
) -> list[Document]:
    """The heads of days or months: of all in a range, or of those in a list; ascending."""

    def key(number: int) -> bytes:
        return project + number.to_bytes(4, "big")

    if isinstance(numbers, range):
        condition: Document = {"$gte": key(numbers[0]), "$lte": key(numbers[-1])}
    else:
        condition = {"$in": [key(number) for number in numbers]}
    projection = dict.fromkeys(fields, 1) | {"_id": 0}
    found = list(snapshot.find(name, {"_id": condition}, projection))
    return sorted(found, key=lambda head: int(head.get("day", 0)))


def _read_summaries(
    snapshot: Snapshot, project: bytes, frame: Frame, dimensions: Sequence[str]
) -> Iterator[Document]:
    condition: Document = {"project": project}
    bounds: Document = {}
    if frame.window.start is not None:
        bounds["$gte"] = bucket_moment(frame.first)
    if frame.window.end is not None:
        bounds["$lt"] = bucket_moment(frame.end)
    if bounds:
        condition["bucket"] = bounds
    fields = {"_id": 0, "bucket": 1} | {
        f"tables.{table}.{column}": 1
        for table in {TOTAL, *dimensions}
        for column in list_fields(counts=True, values=table != TOTAL, sets=True)
    }
    return snapshot.find(SUMMARIES, condition, fields)


def _count_edges(
    snapshot: Snapshot, project: bytes, edges: Sequence[Window], dimensions: Sequence[str]
) -> Iterator[tuple[int, Mapping[str, EncodedTable]]]:
    """The bucket and the tables of each part of the raw events in `edges`."""
    ranges: list[dict[str, Any]] = []
    for edge in edges:
        bounds = {"$gte": edge.start, "$lt": edge.end}
        known = {sign: moment for sign, moment in bounds.items() if moment is not None}
        ranges.append({"project": project, "timestamp": known})
    fields = dict.fromkeys(("timestamp", "event", "userId", "visitor", *dimensions), 1)
    wanted = {name for name in DIMENSIONS if name in dimensions}
    events = snapshot.find(EVENTS, {"$or": ranges}, fields | {"_id": 0})
    while part := list(islice(events, EDGE_PART_EVENTS)):
        snapshot.check_time()
        for bucket, tables in summarize(project, part).items():
            chosen = {name: tables[name] for name in (TOTAL, *wanted) if name in tables}
            yield bucket_number(bucket), chosen
