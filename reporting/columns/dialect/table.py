"""Tables of metrics by dimensions, out of columns."""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from reporting.answers import Number, Provenance, TableAnswer, TableRow
from reporting.columns.dialect.canonical import find_canonical
from reporting.columns.dialect.groups import Table
from reporting.columns.dialect.metrics import is_zero
from reporting.columns.dialect.patterns import check_patterns
from reporting.columns.dialect.statement import select_page
from reporting.columns.dialect.values import Arguments
from reporting.columns.view import View
from reporting.questions.fields import Field
from reporting.questions.table import Dimension, TableQuery, Unit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


@dataclass(frozen=True, slots=True)
class Found:
    """A row of the engine: its keys, the metrics of both spans, and which add up currencies."""

    keys: tuple[Any, ...]
    metrics: tuple[Any, ...]
    mixed: tuple[bool, ...]
    compared: tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Page:
    rows: Sequence[Found]
    totals: Found
    total: int


def answer_table(engine: "DuckDBPyConnection", view: View, query: TableQuery) -> TableAnswer:
    """Raises BadRequest (`bad_pattern`, `query_too_large`)."""
    check_patterns(engine, query.condition, query.goal)
    asked = Table(view=view, query=query)
    page = read_series(engine, asked) if query.is_series else read_page(engine, asked)
    reader = Reader(query)
    rows = [reader.read(row) for row in page.rows]
    totals = reader.read_totals(page.totals)
    mixed = zip(page.totals.mixed, (m.text for m in query.metrics if m.name == "sum"), strict=True)
    return TableAnswer(
        rows=rows if query.dimensions else [totals],
        totals=totals,
        total=page.total if query.dimensions else 1,
        provenance=Provenance("columns", "exact", 0, view.fresh_as_of),
        rows_read=view.rows,
        not_finite=reader.not_finite,
        mixed=[text for is_mixed, text in mixed if is_mixed],
    )


def read_page(engine: "DuckDBPyConnection", table: Table, *, sort_keys: bool = True) -> Page:
    """The groups of a page, in order, and the totals; of no dimension there is no group."""
    arguments = Arguments()
    rows = engine.execute(select_page(table, arguments, {}), arguments.values).fetchall()
    if any(nested for _, _, nested, *_ in rows):
        canonical = find_canonical(engine, table, sort_keys=sort_keys)
        arguments = Arguments()
        rows = engine.execute(select_page(table, arguments, canonical), arguments.values).fetchall()
    *page, totals = rows
    return Page([_split(table, row) for row in page], _split(table, totals), totals[1])


def read_series(engine: "DuckDBPyConnection", table: Table) -> Page:
    """A group for each unit; those of the compared span are matched by number."""
    query, compare = table.query, table.query.compare
    now = read_page(engine, replace(table, query=replace(query, compare=None)))
    before = Page((), Found((), (), (), ()), 0)
    if compare is not None:
        before = read_page(engine, replace(table, query=replace(query, span=compare, compare=None)))
    nothing = (None,) * len(query.metrics)
    metrics = {row.keys[0]: row.metrics for row in now.rows}
    compared = {row.keys[0]: row.metrics for row in before.rows}
    rows = [
        Found((unit,), metrics.get(unit, nothing), (), compared.get(unit, nothing))
        for unit in range(len(query.span.boundaries) - 1)
    ]
    return Page(rows, replace(now.totals, compared=before.totals.metrics), len(rows))


def _split(table: Table, row: Sequence[Any]) -> Found:
    ends = [3]
    for width in (len(table.keys), len(table.query.metrics), len(table.sums)):
        ends.append(ends[-1] + width)
    first, second, third, last = ends
    return Found(*map(tuple, (row[first:second], row[second:third], row[third:last], row[last:])))


def read_key(field: Field, key: str | None) -> Any:
    """A value as it is shown: that of a property was JSON."""
    return key if key is None or not field.is_property else json.loads(key)


class Reader:
    """Rows of the engine as rows of an answer; counts the numbers that are not finite."""

    def __init__(self, query: TableQuery) -> None:
        self._query = query
        self._zeros = tuple(0 if is_zero(metric) else None for metric in query.metrics)
        self.not_finite = 0

    def read(self, found: Found) -> TableRow:
        pairs = zip(self._query.dimensions, found.keys, strict=True)
        dimensions = tuple(self._read_dimension(dimension, key) for dimension, key in pairs)
        metrics = self._read_all(found.metrics)
        if self._query.is_series and dimensions[0] >= self._query.now:
            metrics = (None,) * len(metrics)  # a unit that has not begun
        return TableRow(dimensions, metrics, self._read_compared(found))

    def read_totals(self, found: Found) -> TableRow:
        return TableRow((), self._read_all(found.metrics), self._read_compared(found))

    def _read_dimension(self, dimension: Dimension, key: Any) -> Any:
        if isinstance(dimension, Unit):
            return self._query.span.boundaries[key]
        return read_key(dimension, key)

    def _read_compared(self, found: Found) -> tuple[Number, ...] | None:
        return None if self._query.compare is None else self._read_all(found.compared)

    def _read_all(self, values: Sequence[Any]) -> tuple[Number, ...]:
        pairs = zip(values, self._zeros, strict=True)
        return tuple(zero if value is None else self._read(value) for value, zero in pairs)

    def _read(self, value: Any) -> Number:
        number: int | float = value if not isinstance(value, dict) else _of_struct(value)
        if math.isfinite(number):
            return number
        self.not_finite += 1
        return None


def _of_struct(value: dict[str, Any]) -> int | float:
    number: int | float = value["d"] if value["i"] is None else value["i"]
    return number
