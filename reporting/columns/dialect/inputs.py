"""What a question counts: the events that pass, with their dimensions and properties."""

from collections.abc import Sequence
from dataclasses import dataclass

from reporting.columns.dialect.conditions import Conditions
from reporting.columns.dialect.relation import index_units, select_events
from reporting.columns.dialect.values import Arguments, is_real, property_value, quote_name
from reporting.columns.view import View
from reporting.questions.bots import Bots
from reporting.questions.conditions import Condition
from reporting.questions.fields import Field
from reporting.questions.table import Dimension, Span, Unit

Canonical = dict[str, str]
"""Objects and arrays as they are, and as they are shown; what is not in it is shown as it is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Events:
    """The events of a span, in one statement."""

    view: View
    span: Span
    bots: Bots
    arguments: Arguments

    @property
    def sql(self) -> str:
        return select_events(self.view, self.span.window, self.bots, self.arguments)

    def test(self, condition: Condition | None) -> str:
        return Conditions(self.arguments, self.select_visitors).compile(condition)

    def select_visitors(self, condition: Condition) -> str:
        """Who did it in the span, whatever else is asked of events."""
        passes = self.test(condition)
        return f"SELECT visitor FROM ({self.sql}) WHERE visitor IS NOT NULL AND {passes}"


class Properties:
    """The properties that a statement uses, by number.

    As inputs p0 is the JSON text of the first, k0 the one text of all values that equal it (null
    of null), n0 its double and i0 its integer, where it is a number.
    """

    def __init__(self, canonical: Canonical) -> None:
        self._fields: list[Field] = []
        self._canonical = canonical

    def number_of(self, field: Field) -> int:
        for number, known in enumerate(self._fields):
            if known.keys == field.keys:
                return number
        self._fields.append(field)
        return len(self._fields) - 1

    def add_to(self, columns: str, relation: str, arguments: Arguments) -> str:
        """A SELECT of `columns` of a relation, and of the properties."""
        numbers = range(len(self._fields))
        values = [f"{property_value(field)} AS p{n}" for n, field in enumerate(self._fields)]
        sql = f"SELECT {', '.join([columns, *values])} FROM {relation}"
        if not numbers:
            return sql
        doubles = ", ".join(f"TRY_CAST(p{n} AS DOUBLE) AS n{n}" for n in numbers)
        integers = ", ".join(f"{_integer(n)} AS i{n}" for n in numbers)
        keys = ", ".join(f"{self._key(n)} AS k{n}" for n in numbers)
        sql = f"SELECT *, {integers} FROM (SELECT *, {doubles} FROM ({sql}))"
        return f"SELECT *, {keys} FROM ({sql}){self._join_canonical(arguments)}"

    def _key(self, n: int) -> str:
        shown = f"coalesce(c{n}.shown, p{n})" if self._canonical else f"p{n}"
        return (
            f"CASE WHEN p{n} = 'null' THEN NULL WHEN {is_nested(f'p{n}')} "
            f"THEN CAST(to_json({shown}) AS VARCHAR) "
            f"ELSE coalesce(CAST(i{n} AS VARCHAR), p{n}) END"
        )

    def _join_canonical(self, arguments: Arguments) -> str:
        if not self._canonical:
            return ""
        stored = arguments.add(list(self._canonical))
        shown = arguments.add(list(self._canonical.values()))
        table = f"(SELECT unnest({stored}) AS stored, unnest({shown}) AS shown)"
        numbers = range(len(self._fields))
        return "".join(f" LEFT JOIN {table} c{n} ON c{n}.stored = p{n}" for n in numbers)


def _integer(n: int) -> str:
    """Also of a double that is whole: 5 of 5.0."""
    whole = f"CASE WHEN n{n} = trunc(n{n}) THEN TRY_CAST(n{n} AS BIGINT) END"
    return f"CASE WHEN {is_real(f'p{n}')} THEN {whole} ELSE TRY_CAST(p{n} AS BIGINT) END"


def is_nested(value: str) -> str:
    """Whether a property is an object or an array."""
    return f"(starts_with({value}, '{{') OR starts_with({value}, '['))"


def select_dimension(dimension: Dimension, span: Span, properties: Properties) -> str:
    """A text, the number of a unit, or the key of a property."""
    if isinstance(dimension, Unit):
        return index_units(span.boundaries)
    if dimension.is_property:
        return f"k{properties.number_of(dimension)}"
    return quote_name(dimension.name)


def select_inputs(
    events: Events,
    dimensions: Sequence[Dimension],
    properties: Properties,
    condition: str,
    converted: str = "false",
) -> str:
    """`properties` must know all that the statement uses. d0 and d1 are the dimensions."""
    made = [select_dimension(each, events.span, properties) for each in dimensions]
    own = [
        quote_name(each.name)
        for each in dimensions
        if isinstance(each, Field) and not each.is_property
    ]
    columns = ", ".join(dict.fromkeys(['"timestamp"', "event", "visitor", '"userId"', *own]))
    relation = f"(SELECT * FROM ({events.sql}) WHERE {condition})"
    rows = properties.add_to(f"{columns}, {converted} AS converted", relation, events.arguments)
    keys = "".join(f", {sql} AS d{n}" for n, sql in enumerate(made))
    return f"SELECT *{keys} FROM ({rows})"
