"""Objects and arrays of properties as they are shown: compact, with sorted keys."""

import json
from typing import TYPE_CHECKING, Any

from analytics.web.problems import BadRequest
from reporting.columns.dialect.inputs import Canonical, Events, Inputs, is_nested
from reporting.columns.dialect.statement import Table, list_keys
from reporting.columns.dialect.values import Arguments

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_NESTED = 100_000


def find_canonical(engine: "DuckDBPyConnection", table: Table, *, sort_keys: bool) -> Canonical:
    """Of all the objects and arrays that a table tells apart, those that are shown otherwise.

    Raises BadRequest (`query_too_large`) for more than MAX_NESTED different ones.
    """
    query = table.query
    arguments = Arguments()
    parts = []
    for span in filter(None, (query.span, query.compare)):
        events = Events(view=table.view, span=span, bots=query.bots, arguments=arguments)
        for field in list_keys(query):
            inputs = Inputs(events)
            value, passes = f"p{inputs.number_of(field)}", inputs.test(query.condition)
            parts.append(f"SELECT {value} AS value FROM {inputs.rows()} WHERE {passes}")
    found = engine.execute(
        f"SELECT DISTINCT value FROM ({' UNION ALL '.join(parts)}) WHERE {is_nested('value')} "
        f"LIMIT {MAX_NESTED + 1}",
        arguments.values,
    ).fetchall()
    if len(found) > MAX_NESTED:
        raise BadRequest(
            f"More than {MAX_NESTED:,} different objects or arrays are to be told apart.",
            code="query_too_large",
        )
    shown = {value: canonicalise(value, sort_keys=sort_keys) for (value,) in found}
    return {value: text for value, text in shown.items() if text != value}


def canonicalise(value: str, *, sort_keys: bool = True) -> str:
    """Compact JSON of a JSON text; numbers that are equal are written alike."""
    parsed = json.loads(value, parse_float=_shorten)
    return json.dumps(parsed, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)


def _shorten(text: str) -> Any:
    number = float(text)
    return int(number) if number.is_integer() and abs(number) < 2**53 else number
