"""Read, in one snapshot, where everything lies that a window's answer adds up.

That is: the runs of the units that cover it, the summaries in its buckets, and the tables of its
raw edges. Each belongs to one *point*: the whole of an answer, or a point of a series.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np

from analytics.databases.mongo import EVENTS, SUMMARIES, Document
from analytics.rollups import (
    BOT,
    TOTAL,
    WITHOUT_VALUES,
    Descriptor,
    EncodedTable,
    check_format,
    first_slot,
    list_fields,
    read_summaries,
    summarize,
)
from analytics.rollups.calendar import (
    bucket_at,
    bucket_moment,
    bucket_of,
    first_day_of,
    list_months,
)
from analytics.rollups.codec import Hashes
from reporting.questions.bots import Bots
from reporting.questions.query import Window
from reporting.rollups.cover import Frame, choose_units
from reporting.rollups.heads import find_bucket_runs, find_day_runs, read_day_states, read_months
from reporting.rollups.names import name_tables
from reporting.snapshot import Snapshot

# Raw events of an edge are counted in chunks, so that a busy one does not fill the memory.
EDGE_CHUNK_EVENTS = 5_000
# What every event has to tell to be summarized.
_FACTS = ("timestamp", "path", "event", "userId", "visitor", BOT)


@dataclass(frozen=True, slots=True)
class Run:
    """A stored run, whose tables are yet to be read."""

    point: int
    descriptor: Descriptor

    @property
    def id(self) -> bytes:
        return bytes(self.descriptor["r"])


@dataclass(frozen=True, slots=True)
class DayParts(Run):
    """Some day parts, in the run of its copy."""

    numbers: Sequence[int]

    @property
    def keys(self) -> Hashes:
        """Of their rows."""
        return np.array(self.numbers, np.uint64)


@dataclass(frozen=True, slots=True)
class Loose:
    """The tables of a summary, or of raw events: complete and at hand."""

    point: int
    tables: Mapping[str, EncodedTable]


@dataclass(slots=True)
class Gathered:
    """Everything that an answer adds up, and whether bots are of it."""

    bots: Bots
    runs: list[Run] = field(default_factory=list)
    day_parts: list[DayParts] = field(default_factory=list)
    loose: list[Loose] = field(default_factory=list)


def gather(
    snapshot: Snapshot,
    project: bytes,
    frame: Frame,
    dimensions: Sequence[str],
    cuts: Sequence[int],
    bots: Bots,
) -> Gathered:
    """Find everything within `frame`; of loose tables the total and those of `dimensions`.

    `cuts` are the ascending buckets at which the second and later points begin. Raises
    CorruptTable for what a later release counted.
    """
    gathered = Gathered(bots)
    names = [name for wanted in (TOTAL, *dimensions) for name in name_tables(wanted, bots)]
    if frame.has_buckets:
        _add_runs(gathered, snapshot, project, frame, cuts, totals_only=not dimensions)
        for moment, tables in read_summaries(_find_summaries(snapshot, project, frame, names)):
            gathered.loose.append(Loose(bisect_right(cuts, bucket_of(moment)), tables))
    if frame.edges:
        fields = (*_FACTS, *dimensions)
        for bucket, tables in _count_edges(snapshot, project, frame.edges, fields, names):
            gathered.loose.append(Loose(bisect_right(cuts, bucket), tables))
    return gathered


def _add_runs(
    gathered: Gathered,
    snapshot: Snapshot,
    project: bytes,
    frame: Frame,
    cuts: Sequence[int],
    *,
    totals_only: bool,
) -> None:
    """Find the runs of the units that cover `frame`, and the day parts."""

    def point_of(bucket: int) -> int:
        return bisect_right(cuts, bucket)

    states = read_day_states(snapshot, project, frame.days)
    if not states:
        return
    days = range(states[0].day, states[-1].day + 1)
    months = read_months(snapshot, project, list_months(days))
    copies = {month: found["days"] for month, found in months.items()}
    units = choose_units(frame, cuts, states, copies, totals_only=totals_only)
    runs = [(bucket_at(first_day_of(month)), months[month]["run"]) for month in units.months]
    for day, descriptor in find_day_runs(snapshot, project, [*units.days, *units.day_parts]):
        check_format(descriptor)
        first = bucket_at(day)
        by_point: dict[int, list[int]] = {}
        for day_part in units.day_parts.get(day, ()):
            by_point.setdefault(point_of(bucket_at(day, first_slot(day_part))), []).append(day_part)
        gathered.day_parts += [
            DayParts(point, descriptor, numbers) for point, numbers in by_point.items()
        ]
        if not by_point:
            runs.append((first, descriptor))
    runs += find_bucket_runs(snapshot, project, units.slots)
    for _, descriptor in runs:
        check_format(descriptor)
    gathered.runs += [Run(point_of(bucket), found) for bucket, found in runs if found["n"]]


def _find_summaries(
    snapshot: Snapshot, project: bytes, frame: Frame, names: Sequence[str]
) -> Iterator[Document]:
    condition: Document = {"project": project}
    bounds: Document = {}
    if frame.window.start is not None:
        bounds["$gte"] = bucket_moment(frame.first)
    if frame.window.end is not None:
        bounds["$lt"] = bucket_moment(frame.end)
    if bounds:
        condition["bucket"] = bounds
    fields = {"_id": 0, "bucket": 1, "v": 1, "facts": 1} | {
        f"tables.{name}.{column}": 1
        for name in names
        for column in list_fields(counts=True, values=name not in WITHOUT_VALUES, sets=True)
    }
    return snapshot.find(SUMMARIES, condition, fields)


def _count_edges(
    snapshot: Snapshot,
    project: bytes,
    edges: Sequence[Window],
    fields: Sequence[str],
    names: Sequence[str],
) -> Iterator[tuple[int, Mapping[str, EncodedTable]]]:
    """The bucket and the tables `names` of each chunk of the raw events in `edges`."""
    ranges: list[dict[str, Any]] = []
    for edge in edges:
        bounds = {"$gte": edge.start, "$lt": edge.end}
        known = {sign: moment for sign, moment in bounds.items() if moment is not None}
        ranges.append({"project": project, "timestamp": known})
    events = snapshot.find(EVENTS, {"$or": ranges}, dict.fromkeys(fields, 1) | {"_id": 0})
    while chunk := list(islice(events, EDGE_CHUNK_EVENTS)):
        snapshot.check_time()
        for bucket, tables in summarize(project, chunk).items():
            chosen = {name: tables[name] for name in names if name in tables}
            yield bucket_of(bucket), chosen
