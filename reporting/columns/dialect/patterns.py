"""Patterns of RE2, which the engine itself judges."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import duckdb

from analytics.web.problems import BadRequest
from reporting.columns.dialect.conditions import with_flags
from reporting.questions.conditions import And, Compare, Condition, Did, Not, Or

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection


def check_patterns(
    engine: "DuckDBPyConnection", condition: Condition | None, goal: Condition | None = None
) -> None:
    """As `check_places`, of a question with a filter and a goal."""
    check_places(engine, {"filter": condition, "goal": goal})


def check_places(engine: "DuckDBPyConnection", places: Mapping[str, Condition | None]) -> None:
    """Raises BadRequest (`bad_pattern`) for one that RE2 refuses, as too large for instance.

    Each tree stands as the filter that it was read from, so it tells the pattern's place in that.
    """
    patterns = (found for place, each in places.items() for found in _list_patterns(each, place))
    for place, pattern in patterns:
        try:
            engine.execute("SELECT regexp_matches('', $pattern)", {"pattern": pattern})
        except duckdb.InvalidInputException as exc:
            reason = str(exc).removeprefix("Invalid Input Error: ")
            detail = f"{place} is a pattern that is refused: {reason}."
            error = {"field": place, "code": "bad_pattern", "detail": detail}
            raise BadRequest(detail, code="bad_pattern", errors=[error]) from None


def _list_patterns(condition: Condition | None, place: str) -> Iterator[tuple[str, str]]:
    match condition:
        case And(parts) | Or(parts):
            name = "and" if isinstance(condition, And) else "or"
            for index, part in enumerate(parts):
                yield from _list_patterns(part, f"{place}.{name}[{index}]")
        case Not(part):
            yield from _list_patterns(part, f"{place}.not")
        case Did(part):
            yield from _list_patterns(part, f"{place}.did")
        case Compare(operator="matches", values=values):
            for index, value in enumerate(values):
                yield f"{place}.values[{index}]", with_flags(condition, value)
