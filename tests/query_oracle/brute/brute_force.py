"""POST /query answered by loops over stored documents, written from the contract alone."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cmp_to_key
from itertools import product
from typing import Any
from zoneinfo import ZoneInfo

from tests.query_oracle.brute.measures import Part, measure, round_number
from tests.query_oracle.brute.values import Event, dimension_of, identity, is_number, value_at
from tests.query_oracle.brute.visits import VISIT, place_in_visits
from tests.query_oracle.brute.windows import (
    Window,
    compared_window,
    list_units,
    read_window,
    unit_end,
    unit_start,
)

Body = dict[str, Any]
Key = tuple[Any, ...]


@dataclass(frozen=True)
class Project:
    """What an answer needs to know of a project."""

    zone: ZoneInfo
    leaves_out_bots: bool


@dataclass
class Row:
    dimensions: list[Any]
    metrics: list[Any]
    compared: list[Any] | None = None


def answer(documents: Iterable[Event], body: Body, project: Project, now: datetime) -> Body:
    """The JSON body of the answer, as far as the contract says it word by word."""
    zone = ZoneInfo(body["timezone"]) if "timezone" in body else project.zone
    stored = choose_events(documents, body, project)
    first = min((found["timestamp"] for found in stored), default=None)
    window = read_window(body, zone, now, first)
    spans = [window]
    if "compare" in body:
        spans.append(compared_window(body, window, zone, now))
    tables = [Table(stored, body, span, zone) for span in spans]
    rows = tables[0].rows(now)
    totals = tables[0].totals()
    if len(tables) > 1:
        for row in rows:
            row.compared = tables[1].find(row, tables[0])
    limit, offset = body.get("limit", 100), body.get("offset", 0)
    is_paged = tables[0].names and not tables[0].is_series
    shown = rows[offset : offset + limit] if is_paged else rows
    result = {
        "results": [write_row(row) for row in shown],
        "totals": [round_number(value) for value in totals],
        "total": len(rows),
        "window": spans,
    }
    if tables[0].is_series:
        result["partial"] = tables[0].list_partial(now)
    return result


def choose_events(documents: Iterable[Event], body: Body, project: Project) -> list[Event]:
    """Those asked for, as questions see them; visits go by the zone of the project."""
    seen = place_in_visits(documents, project.zone)
    return [event for event in seen if is_asked_for(event, body, project)]


def is_asked_for(event: Event, body: Body, project: Project) -> bool:
    bots = body.get("bots", not project.leaves_out_bots)
    return bots is True or ("bot" in event) == (bots == "only")


class Table:
    """The rows of one window."""

    def __init__(self, stored: Sequence[Event], body: Body, window: Window, zone: ZoneInfo) -> None:
        self.body, self.window, self.zone = body, window, zone
        self.names: list[str] = body.get("dimensions", [])
        self.part = Part(
            [event for event in stored if event["timestamp"] in window],
            [event for event in stored if VISIT in event and event[VISIT].begin in window],
        )
        self.units: list[datetime] = []
        for name in self.names:
            if name.startswith("time:"):
                self.units = list_units(window, name.removeprefix("time:"), zone)

    @property
    def is_series(self) -> bool:
        return len(self.names) == 1 and self.names[0].startswith("time:")

    def values_of(self, event: Event, moment: datetime) -> Key:
        """Units by their number from the start."""
        return tuple(
            self.units.index(unit_start(moment, name.removeprefix("time:"), self.zone))
            if name.startswith("time:")
            else dimension_of(value_at(event, name))
            for name in self.names
        )

    def measure(self, part: Part) -> list[Any]:
        return [measure(name, part, self.part.events, self.body) for name in self.body["metrics"]]

    def totals(self) -> list[Any]:
        return self.measure(self.part)

    def groups(self) -> dict[Key, tuple[Key, Part]]:
        """A visit is in each row that one of its events falls into, in the unit it began in."""
        found: dict[Key, tuple[Key, Part]] = {}

        def find_part(values: Key) -> Part:
            return found.setdefault(tuple(map(identity, values)), (values, Part()))[1]

        for event in self.part.events:
            find_part(self.values_of(event, event["timestamp"])).events.append(event)
        for event in self.part.of_visits:
            find_part(self.values_of(event, event[VISIT].begin)).of_visits.append(event)
        return found

    def rows(self, now: datetime) -> list[Row]:
        if not self.names:
            return [Row([], self.totals())]
        groups = self.groups()
        if self.is_series:
            return [
                Row(
                    [start.astimezone(self.zone).isoformat()],
                    self.measure(groups.get((identity(n),), ((), Part()))[1])
                    if start < now
                    else [None] * len(self.body["metrics"]),
                )
                for n, start in enumerate(self.units)
            ]
        made = [Row(list(values), self.measure(part)) for values, part in groups.values()]
        made = [row for row in made if any(row.metrics)]
        made.sort(key=cmp_to_key(self.compare_rows))
        for row, (n, name) in product(made, enumerate(self.names)):
            if name.startswith("time:"):
                row.dimensions[n] = self.units[row.dimensions[n]].astimezone(self.zone).isoformat()
        return made

    def find(self, row: Row, other: "Table") -> list[Any]:
        """The metrics here of a row of the other window."""
        wanted = []
        for name, value in zip(self.names, row.dimensions, strict=True):
            if name.startswith("time:"):
                value = other.units.index(datetime.fromisoformat(value))
            wanted.append(identity(value))
        part = self.groups().get(tuple(wanted), ((), Part()))[1] if self.names else self.part
        return self.measure(part)

    def compare_rows(self, one: Row, other: Row) -> int:
        metrics = self.body["metrics"]
        for name, direction in self.body.get("order", [[metrics[0], "desc"]]):
            falling = direction == "desc"
            if name in metrics:
                index = metrics.index(name)
                found = compare(one.metrics[index], other.metrics[index], falling)
            else:
                index = self.names.index(name)
                found = compare(one.dimensions[index], other.dimensions[index], falling)
            if found:
                return found
        for mine, theirs in zip(one.dimensions, other.dimensions, strict=True):
            if found := compare(mine, theirs, falling=False):
                return found
        return 0

    def list_partial(self, now: datetime) -> list[str]:
        """Units that are not over, or are cut by the window."""
        unit = self.names[0].removeprefix("time:")
        return [
            start.astimezone(self.zone).isoformat()
            for start in self.units
            if start < self.window.start
            or (end := unit_end(start, unit, self.zone)) > self.window.end
            or end > now
        ]


def compare(one: Any, other: Any, falling: bool) -> int:
    """null is last, rising or falling."""
    if one is None or other is None:
        return (one is None) - (other is None)
    mine, theirs = rank(one), rank(other)
    return ((mine > theirs) - (mine < theirs)) * (-1 if falling else 1)


def rank(value: Any) -> tuple[int, Any]:
    """Numbers by their size, before constants, before texts by their UTF-8 bytes."""
    if isinstance(value, str):
        return 2, value.encode()
    return (0, value) if is_number(value) else (1, value)


def write_row(row: Row) -> Body:
    written: Body = {
        "dimensions": row.dimensions,
        "metrics": [round_number(value) for value in row.metrics],
    }
    if row.compared is not None:
        pairs = list(zip(row.metrics, row.compared, strict=True))
        written["compare"] = {
            "metrics": [round_number(before) for before in row.compared],
            "change": [round_number(change(now, before)) for now, before in pairs],
            "difference": [
                None if now is None or before is None else round_number(now - before)
                for now, before in pairs
            ],
        }
    return written


def change(now: Any, before: Any) -> float | None:
    if now is None or not before:
        return None
    return float((now - before) / before)
