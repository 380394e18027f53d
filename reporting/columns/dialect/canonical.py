"""Objects and arrays of properties as they are shown: compact, with sorted keys."""

import json
from itertools import product
from typing import TYPE_CHECKING, Any

from analytics.web.problems import BadRequest
from reporting.columns.dialect.groups import Table, list_keys, pass_engaged
from reporting.columns.dialect.inputs import Canonical, Events, Inputs, is_nested
from reporting.columns.dialect.metrics import ENGAGED, OF_VISITS
from reporting.columns.dialect.numbers import INT64_MAX, INT64_MIN
from reporting.columns.dialect.values import Arguments

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_NESTED = 100_000
MAX_NESTED_CHARS = 16_000_000

_ROWS = 100


def find_canonical(
    engine: "DuckDBPyConnection", table: Table, *, sort_keys: bool, person: str = "visitor"
) -> Canonical:
    """Of all the objects and arrays that a table tells apart, those that are shown otherwise.

    `person` is the column of those whom `did` is about. Raises BadRequest
    (`query_too_large`) for more than MAX_NESTED different ones, or more than MAX_NESTED_CHARS of
    them.
    """
    query = table.query
    arguments = Arguments()
    parts = []
    has_engaged = any(metric.name in ENGAGED for metric in query.metrics)
    has_visits = any(metric.name in OF_VISITS for metric in query.metrics)
    kinds = (False, True) if has_visits else (False,)
    for span in filter(None, (query.span, query.compare)):
        events = Events(
            view=table.view,
            span=span,
            bots=query.bots,
            arguments=arguments,
            zone=query.visit_zone,
            person=person,
        )
        for field, by_visit in product(list_keys(query), kinds):
            inputs = Inputs(events, by_visit=by_visit)
            value, passes = f"p{inputs.number_of(field)}", inputs.test(query.condition)
            if has_engaged:
                passes = f"({passes} OR {pass_engaged(inputs, query)})"
            parts.append(f"SELECT {value} AS value FROM {inputs.rows()} WHERE {passes}")
    found = engine.execute(
        f"SELECT DISTINCT value FROM ({' UNION ALL '.join(parts)}) WHERE {is_nested('value')}",
        arguments.values,
    )
    return _canonicalise_all(found, sort_keys=sort_keys)


def _canonicalise_all(found: "DuckDBPyConnection", *, sort_keys: bool) -> Canonical:
    """Takes the values bit by bit: so whoever stops the engine stops this, and few are held."""
    shown: dict[str, str] = {}
    values = chars = 0
    while rows := found.fetchmany(_ROWS):
        values += len(rows)
        chars += sum(len(value) for (value,) in rows)
        if values > MAX_NESTED or chars > MAX_NESTED_CHARS:
            raise BadRequest(
                f"More than {MAX_NESTED:,} different objects or arrays, or {MAX_NESTED_CHARS:,} "
                "characters of them, are to be told apart.",
                code="query_too_large",
            )
        for (value,) in rows:
            text = canonicalise(value, sort_keys=sort_keys)
            if text != value:
                shown[value] = text
    return shown


def canonicalise(value: str, *, sort_keys: bool = True) -> str:
    """Compact JSON of a JSON text; numbers that are equal are written alike."""
    parsed = json.loads(value, parse_float=_shorten, parse_int=_read_whole)
    return json.dumps(parsed, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)


def _read_whole(text: str) -> int | float:
    """What is no integer of 64 bits was a double, which some engines write without a point."""
    return int(text) if INT64_MIN <= int(text) <= INT64_MAX else float(text)


def _shorten(text: str) -> Any:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
