"""What a question counts: the events that pass, with their dimensions and properties."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count

from reporting.columns.dialect.conditions import Conditions
from reporting.columns.dialect.relation import index_units, select_events
from reporting.columns.dialect.values import (
    Arguments,
    coalesce,
    is_number,
    is_real,
    list_paths,
    look_up,
    quote_name,
)
from reporting.columns.view import View
from reporting.questions.bots import Bots
from reporting.questions.conditions import Condition
from reporting.questions.fields import PROPERTIES, Field
from reporting.questions.table import Dimension, Span, Unit

Canonical = Mapping[str, str]
"""Objects and arrays as they are, and as they are shown; what is not in it is shown as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The events of a span, in one statement."""

    view: View
    span: Span
    bots: Bots
    arguments: Arguments

    def select(self) -> str:
        return select_events(self.view, self.span.window, self.bots, self.arguments)

    def select_visitors(self, condition: Condition) -> str:
        """Who did it in the span, whatever else is asked of events."""
        inputs = Inputs(self)
        passes = inputs.test(condition)
        return f"SELECT visitor FROM {inputs.rows()} WHERE visitor IS NOT NULL AND {passes}"


class Inputs:
    """The events of a span as rows, with the properties that are used of them, by number.

    p0 is the JSON text of the first property, k0 the one text of all values that equal it (null of
    null), n0 its double and i0 its integer, where it is a number.
    """

    def __init__(self, events: Events, canonical: Canonical | None = None) -> None:
        self._events = events
        self._canonical = canonical or {}
        self._fields: list[Field] = []

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

        arguments, did = self._events.arguments, self._events.select_visitors
        return Conditions(arguments, value_of, did).compile(condition)

    def rows(self) -> str:
        """All events with the properties that are known by now; an event's JSON is parsed once."""
        events = self._events.select()
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

    def select(self, dimensions: Sequence[Dimension], passes: str, converted: str = "false") -> str:
        """The events that pass; d0 and d1 are the dimensions."""
        keys = [f"{self._key_of(each)} AS d{n}" for n, each in enumerate(dimensions)]
        own = [quote_name(each.name) for each in dimensions if _is_column(each)]
        named = dict.fromkeys(['"timestamp"', "event", "visitor", '"userId"', *own])
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
        return quote_name(dimension.name)

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


def _is_column(dimension: Dimension) -> bool:
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
