"""Patterns of RE2, which the engine itself judges.

It can be interrupted between two chunks of 2,048 rows, and matches all texts of one in one go: of
long texts and a pattern that is hard on them that takes minutes. So a row takes as many rows' room
of a chunk as its texts are long, and is matched in the first of them, before the others go.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Final

import duckdb

from analytics.web.problems import BadRequest
from reporting.columns.dialect.conditions import with_flags
from reporting.questions.conditions import And, Compare, Condition, Did, Not, Or

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

ROOM_BYTES: Final = 16
"""So much of a row's texts, for each pattern, takes the room of a row more."""


def match_each(rows: str, matches: Sequence[tuple[str, str]]) -> str:
    """What can stand in a FROM: `rows`, with a column match0 .. for each of `matches`, a text and
    the SQL that tells whether a pattern is found in it.

    What is there is the first row of each: others are null in these columns. They come out of
    `unnest`, so that the engine neither works them out elsewhere nor lets go of the room before.
    """
    long = " + ".join(f"coalesce(strlen({text}), 0)" for text, _ in matches)
    spread = f"SELECT *, unnest(range(1 + ({long}) // {ROOM_BYTES})) AS room FROM {rows}"
    found = ", ".join(
        f"unnest([CASE WHEN room = 0 THEN coalesce({each}, false) END]) AS match{n}"
        for n, (_, each) in enumerate(matches)
    )
    return f"(SELECT * FROM (SELECT *, {found} FROM ({spread})) WHERE match0 IS NOT NULL)"


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
