"""What a question counts: the events that pass, with their dimensions and properties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import TypeGuard

from columns.files.layout import OF_VISITS
from reporting.columns.dialect.conditions import Conditions
from reporting.columns.dialect.patterns import match_each
from reporting.columns.dialect.relation import bound, index_units, select_events
from reporting.columns.dialect.values import (
    Arguments,
    coalesce,
    is_number,
    is_real,
    list_paths,
    look_up,
    quote_name,
)
from reporting.columns.dialect.visited import select_visited
from reporting.columns.view import View
from reporting.questions.bots import Bots
from reporting.questions.conditions import Condition
from reporting.questions.fields import PROPERTIES, Field
from reporting.questions.table import Dimension, Span, Unit

Canonical = Mapping[str, str]
"""Objects and arrays as they are, and as they are shown; what is not in it is shown as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The events of a span, in one statement; visits end at the midnights of `zone`."""

    view: View
    span: Span
    bots: Bots
    arguments: Arguments
    zone: str = "UTC"
    person: str = "visitor"  # the column of those whom `did` is about

    def select(self, columns: Sequence[str] = ()) -> str:
        """Those in the window, with some columns of layout.VISIT_TYPES."""
        if not columns:
            return select_events(self.view, self.span.window, self.bots, self.arguments)
        return self._bound(f"SELECT * FROM ({self._select_visited(columns)})")

    def select_by_visit(self, columns: Sequence[str]) -> str:
        """Those of the visits that begin in the window, at the time at which these begin; `moment`
        is their own."""
        visited = self._select_visited(["visitStart", *columns])
        # In this order: to ClickHouse the other "timestamp" would be the one that replaces it.
        at_begin = '"timestamp" AS moment, * REPLACE ("visitStart" AS "timestamp")'
        return self._bound(f"SELECT {at_begin} FROM ({visited})")

    def _select_visited(self, columns: Sequence[str]) -> str:
        return select_visited(
            self.view, self.span.window, self.bots, self.arguments, self.zone, columns
        )

    def _bound(self, events: str) -> str:
        conditions = bound(self.span.window)
        return f"SELECT * FROM ({events}) WHERE {' AND '.join(conditions) or 'true'}"

    def select_persons(self, condition: Condition) -> str:
        """Who did it in the span, whatever else is asked of events."""
        inputs = Inputs(self)
        passes, person = inputs.test(condition), self.person
        return f"SELECT {person} FROM {inputs.rows()} WHERE {person} IS NOT NULL AND {passes}"

    def did(self, condition: Condition) -> str:
        """Whether the person of an event did it."""
        return f"coalesce({self.person} IN ({self.select_persons(condition)}), false)"


class Inputs:
    """The events of a span as rows, with the properties that are used of them, by number.

    p0 is the JSON text of the first property, k0 the one text of all values that equal it (null of
    null), n0 its double and i0 its integer, where it is a number. With `by_visit` the events are
    those of the visits that begin in the span, at the time at which these begin.
    """

    def __init__(
        self, events: Events, canonical: Canonical | None = None, *, by_visit: bool = False
    ) -> None:
        self._events = events
        self._canonical = canonical or {}
        self._by_visit = by_visit
        self._fields: list[Field] = []
        self._visit_columns: list[str] = []
        self._matches: list[tuple[str, str]] = []  # of patterns, each with its text

    def column_of(self, field: Field) -> str:
        """What holds a field that is no property."""
        if not field.of_visit:
            return quote_name(field.name)
        return self.visit_column(OF_VISITS.get(field.name, field.name))

    def visit_column(self, name: str) -> str:
        """One of layout.VISIT_TYPES."""
        if name not in self._visit_columns:
            self._visit_columns.append(name)
        return quote_name(name)

    def number_of(self, field: Field) -> int:
        for number, known in enumerate(self._fields):
            if known.keys == field.keys:
                return number
        self._fields.append(field)
        return len(self._fields) - 1

    def test(self, condition: Condition | None) -> str:
        """Whether an event passes, in SQL over `rows`."""

        def value_of(field: Field) -> str:
            return f"p{self.number_of(field)}"

        def match(text: str, found: str) -> str:
            self._matches.append((text, found))
            return f"match{len(self._matches) - 1}"

        arguments, did = self._events.arguments, self._events.did
        return Conditions(arguments, self.column_of, value_of, did, match).compile(condition)

    def rows(self) -> str:
        """All events with the properties and columns of visits that are known by now.

        An event's JSON is parsed once. What was tested by then may have patterns, nothing after it.
        """
        found = self._rows()
        return match_each(found, self._matches) if self._matches else found

    def _rows(self) -> str:
        select = self._events.select_by_visit if self._by_visit else self._events.select
        events = select(self._visit_columns)
        if not self._fields:
            return f"({events})"
        paths = [path for field in self._fields for path in list_paths(field)]
        many = len(paths) > 1
        asked = f"[{', '.join(paths)}]" if many else paths[0]
        found = (f"found[{at}]" if many else "found" for at in count(1))
        values = []
        for n, field in self._numbered():
            value = look_up(coalesce([next(found) for _ in list_paths(field)]), field.keys[1:])
            values.append(f"{_take_once(value) if field.keys[1:] else value} AS p{n}")
        json = _take_once(f"json_extract({quote_name(PROPERTIES)}, {asked})")
        return f"(SELECT *, {', '.join(values)} FROM (SELECT *, {json} AS found FROM ({events})))"

    def select(
        self,
        dimensions: Sequence[Dimension],
        passes: str,
        converted: str = "false",
        also: Sequence[str] = (),
    ) -> str:
        """The events that pass; d0 and d1 are the dimensions, `also` what else is to be there."""
        keys = [f"{self._key_of(each)} AS d{n}" for n, each in enumerate(dimensions)]
        own = [self.column_of(each) for each in dimensions if _is_column(each)]
        named = dict.fromkeys(['"timestamp"', "event", "visitor", '"userId"', *own, *also])
        columns = [*named, *(f"p{n}" for n, _ in self._numbered()), f"{converted} AS converted"]
        rows = f"SELECT {', '.join(columns)} FROM {self.rows()} WHERE {passes}"
        return f"SELECT {', '.join(['*', *keys])} FROM ({self._add_numbers(rows)})"

    def _numbered(self) -> list[tuple[int, Field]]:
        return list(enumerate(self._fields))

    def _key_of(self, dimension: Dimension) -> str:
        """A text, the number of a unit, or the key of a property."""
        if isinstance(dimension, Unit):
            return index_units(self._events.span.boundaries)
        if dimension.is_property:
            return f"k{self.number_of(dimension)}"
        return self.column_of(dimension)

    def _add_numbers(self, rows: str) -> str:
        numbers = range(len(self._fields))
        if not numbers:
            return rows
        doubles = ", ".join(f"{_double(n)} AS n{n}" for n in numbers)
        integers = ", ".join(f"{_integer(n)} AS i{n}" for n in numbers)
        keys = ", ".join(f"{self._key(n)} AS k{n}" for n in numbers)
        rows = f"SELECT *, {integers} FROM (SELECT *, {doubles} FROM ({rows}))"
        return f"SELECT *, {keys} FROM ({rows}){self._join_canonical()}"

    def _key(self, n: int) -> str:
        shown = f"coalesce(c{n}.shown, p{n})" if self._canonical else f"p{n}"
        return (
            f"CASE WHEN starts_with(p{n}, '\"') THEN p{n} WHEN p{n} = 'null' THEN NULL "
            f"WHEN {is_nested(f'p{n}')} THEN CAST(to_json({shown}) AS VARCHAR) "
            f"ELSE coalesce(CAST(i{n} AS VARCHAR), p{n}) END"
        )

    def _join_canonical(self) -> str:
        if not self._canonical:
            return ""
        stored = self._events.arguments.add(list(self._canonical))
        shown = self._events.arguments.add(list(self._canonical.values()))
        table = f"(SELECT unnest({stored}) AS stored, unnest({shown}) AS shown)"
        joins = (f" LEFT JOIN {table} c{n} ON c{n}.stored = p{n}" for n, _ in self._numbered())
        return "".join(joins)


def _take_once(expression: str) -> str:
    """The engine moves a plain expression into each place where it is used, and works it out there
    again; what comes out of `unnest` it takes once for each row."""
    return f"unnest([{expression}])"


def _is_column(dimension: Dimension) -> TypeGuard[Field]:
    return isinstance(dimension, Field) and not dimension.is_property


def _double(n: int) -> str:
    return f"CASE WHEN {is_number(f'p{n}')} THEN TRY_CAST(p{n} AS DOUBLE) END"


def _integer(n: int) -> str:
    """Also of a double that is whole: 5 of 5.0."""
    whole = f"CASE WHEN n{n} = trunc(n{n}) THEN TRY_CAST(n{n} AS BIGINT) END"
    written = f"CASE WHEN n{n} IS NOT NULL THEN TRY_CAST(p{n} AS BIGINT) END"
    return f"CASE WHEN {is_real(f'p{n}')} THEN {whole} ELSE {written} END"


def is_nested(value: str) -> str:
    """Whether a property is an object or an array."""
    return f"(starts_with({value}, '{{') OR starts_with({value}, '['))"
