"""Patterns of RE2, which the engine itself judges."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import duckdb

from analytics.web.problems import BadRequest
from reporting.columns.dialect.conditions import with_flags
from reporting.questions.conditions import And, Compare, Condition, Did, Not, Or

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def check_patterns(engine: "DuckDBPyConnection", *conditions: Condition | None) -> None:
    """Raises BadRequest (`bad_pattern`) for one that RE2 refuses, as too large for instance."""
    for condition in conditions:
        for pattern in _list_patterns(condition):
            try:
                engine.execute("SELECT regexp_matches('', $pattern)", {"pattern": pattern})
            except duckdb.InvalidInputException as exc:
                reason = str(exc).removeprefix("Invalid Input Error: ")
                raise BadRequest(f"A pattern is refused: {reason}.", code="bad_pattern") from None


def _list_patterns(condition: Condition | None) -> Iterator[str]:
    match condition:
        case And(parts) | Or(parts):
            for part in parts:
                yield from _list_patterns(part)
        case Not(part) | Did(part):
            yield from _list_patterns(part)
        case Compare(operator="matches", values=values):
            yield from (with_flags(condition, value) for value in values)
