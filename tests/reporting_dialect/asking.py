"""Files of events as dicts, and short ways to put a question to them."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb

from columns.files.days import day_of, index_days, list_midnights
from columns.files.layout import TYPES, VISIT_TYPES
from columns.files.visits import work_out
from reporting.answers import TableAnswer
from reporting.columns.dialect.table import answer_table
from reporting.columns.view import StoredRange, Veil, View
from reporting.questions.conditions import And, Compare, Condition, Operator, Or
from reporting.questions.fields import Field, parse_field
from reporting.questions.table import Metric, Order, Span, TableQuery, Unit
from reporting.questions.window import Window

NOON = datetime(2026, 11, 10, 12, tzinfo=UTC)
DAY = Window(datetime(2026, 11, 10, tzinfo=UTC), datetime(2026, 11, 11, tzinfo=UTC))
NOW = datetime(2026, 11, 20, tzinfo=UTC)

Event = Mapping[str, Any]


def ms(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


@dataclass
class Files:
    """Writes segments and asks them."""

    root: Path
    engine: duckdb.DuckDBPyConnection
    segments: list[str] = field(default_factory=list)
    tail: list[str] = field(default_factory=list)
    stored: list[StoredRange] = field(default_factory=list)
    veils: list[Veil] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    unsettled: tuple[int, int] | None = None

    def write(self, *events: Event, name: str | None = None) -> str:
        """A Parquet file of events; what one leaves out is null, but for what all have."""
        path = self.root / (name or f"{len(list(self.root.iterdir()))}.parquet")
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = ", ".join(f'"{column}" {type_}' for column, type_ in TYPES.items())
        with duckdb.connect() as connection:
            connection.execute(f"CREATE TABLE events ({columns})")
            marks = ", ".join("?" * len(TYPES))
            for number, event in enumerate(events):
                connection.execute(f"INSERT INTO events VALUES ({marks})", _row(event, number))
            target = str(path).replace("'", "''")
            connection.execute(f"COPY events TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
        return str(path)

    def store(self, *events: Event) -> None:
        self.segments.append(self.write(*events))
        self._unsettle(self.segments[-1])

    def cut_by(self, zone: str, *events: Event) -> None:
        """A segment whose visits hold by a zone, if no other has an owner of it on one day."""
        path = self.write(*events)
        first, last = self._bound(path)
        days = index_days(list_midnights(day_of(first, zone), day_of(last, zone), zone))
        made = path.replace(".parquet", "-cut.parquet")
        select = work_out(f"'{path}'", days, list(VISIT_TYPES))
        with duckdb.connect() as connection:
            connection.execute(f"COPY ({select}) TO '{made}' (FORMAT parquet, COMPRESSION zstd)")
        self.segments.append(made)
        self.cut.append(made)

    def _unsettle(self, path: str) -> None:
        first, last = self._bound(path)
        low, high = self.unsettled or (first, last + 1)
        self.unsettled = min(low, first), max(high, last + 1)

    def _bound(self, path: str) -> tuple[int, int]:
        with duckdb.connect() as connection:
            found = connection.execute(
                f'SELECT min("timestamp"), max("timestamp") FROM \'{path}\''
            ).fetchone()
        assert found is not None
        return found[0], found[1]

    @property
    def view(self) -> View:
        return View(
            segments=tuple(self.segments),
            tail=tuple(self.tail),
            stored=tuple(self.stored),
            veils=tuple(self.veils),
            fresh_as_of=NOW,
            key=None,
            rows=0,
            cut=tuple(self.cut),
            unsettled=self.unsettled,
        )

    def ask(
        self,
        *metrics: str,
        by: Sequence[str | Unit] = (),
        where: Condition | None = None,
        window: Window = DAY,
        boundaries: Sequence[datetime] = (),
        order: Iterable[tuple[str, int, bool]] = (),
        **more: Any,
    ) -> TableAnswer:
        query = TableQuery(
            project=b"project.",
            metrics=tuple(map(metric, metrics)),
            dimensions=tuple(each if isinstance(each, Unit) else at(each) for each in by),
            span=Span(window=window, boundaries=tuple(boundaries)),
            timezone=more.pop("timezone", UTC),
            condition=where,
            order=tuple(Order(*each) for each in order),  # type: ignore[arg-type]
            now=more.pop("now", NOW),
            **more,
        )
        return answer_table(self.engine, self.view, query)

    def totals(self, *metrics: str, **more: Any) -> tuple[Any, ...]:
        return self.ask(*metrics, **more).totals.metrics

    def count(self, where: Condition, **more: Any) -> int:
        """How many events pass."""
        [found] = self.totals("events", where=where, **more)
        return int(found)

    def table(self, *metrics: str, **more: Any) -> list[tuple[Any, ...]]:
        """Rows as their dimensions, then their metrics."""
        return [(*row.dimensions, *row.metrics) for row in self.ask(*metrics, **more).rows]


def _row(event: Event, number: int) -> list[Any]:
    given = {
        "id": number.to_bytes(16, "big"),
        "place": number.to_bytes(14, "big"),
        "timestamp": NOON,
        "ingestedAt": NOON,
        "event": "pageview",
        "path": "/",
        **event,
    }
    for name in ("timestamp", "ingestedAt"):
        if isinstance(given[name], datetime):
            given[name] = ms(given[name])
    if isinstance(given.get("properties"), dict):
        given["properties"] = json.dumps(given["properties"])
    assert given.keys() <= TYPES.keys(), given
    return [given.get(column) for column in TYPES]


def at(name: str) -> Field:
    """Any field, an event's own; one of its visit as `visit.country`."""
    if name.startswith("visit."):
        return Field(name.removeprefix("visit."), of_visit=True)
    return parse_field(name) if name.startswith("properties") else Field(name)


def metric(text: str) -> Metric:
    """`views`, or `sum` of a property as `sum(properties.price)`."""
    name, _, rest = text.partition("(")
    return Metric(text, name, at(rest[:-1]) if rest else None)


def compare(name: str, operator: Operator, *values: str, case: bool = True) -> Compare:
    return Compare(at(name), operator, values, case)


def is_(name: str, *values: str) -> Compare:
    return compare(name, "is", *values)


def all_of(*parts: Condition) -> And:
    return And(parts)


def any_of(*parts: Condition) -> Or:
    return Or(parts)
