"""The chain of steps that counts of each person, as a SELECT of person and chain.

From the last moment of a person back, each has the chain that goes on from there: a list of times.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reporting.columns.dialect.behaviour.chains import (
    BITS,
    MAX_SIGNATURES,
    MOST_OF_A_MASK,
    read_signature,
    select_best,
    solve,
    too_many_ways,
)
from reporting.columns.dialect.behaviour.hits import Hits

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_LATER = (
    "OVER (PARTITION BY person ORDER BY t DESC ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
)


def select_chains(
    engine: "DuckDBPyConnection", hits: Hits, steps: int, within_ms: int | None
) -> str:
    """Raises BadRequest (`query_too_large`)."""
    rows = _select_moments(hits)
    ties = _solve_ties(engine, rows, hits.arguments.values, steps)
    if ties:
        signatures, gained = (hits.arguments.add(list(part)) for part in (ties, ties.values()))
        rows = (
            f"SELECT person, t, mask, gained FROM ({rows}) LEFT JOIN "
            f"(SELECT unnest({signatures}) AS signature, unnest({gained}) AS gained) "
            "USING (signature)"
        )
    for done in range(steps - 1, 0, -1):
        rows = f"SELECT *, {_go_on(done, steps, ties)} AS own{done} FROM ({rows})"
        later = f"min_by(own{done}, t) FILTER (WHERE len(own{done}) > 0) {_LATER}"
        rows = f"SELECT *, coalesce({later}, []) AS c{done} FROM ({rows})"
    chain = _go_on(0, steps, ties)
    if within_ms is not None:
        chain = f"list_filter({chain}, lambda later: later <= t + {within_ms:d})"
    chains = f"SELECT person, {chain} AS chain FROM ({rows}) WHERE mask & 1 <> 0"
    return f"SELECT person, {select_best('chain')} AS chain FROM ({chains}) GROUP BY person"


def join_signature(parts: str) -> str:
    """A list of `spell_count` as one text, in whatever order the list is."""
    return f"array_to_string(list_sort({parts}), ' ')"


def spell_count(events: str, most: int) -> str:
    """How many events there are of a mask: as many as there can be steps are enough to know."""
    return f"CAST(mask AS VARCHAR) || ':' || CAST(least({events}, {most:d}) AS VARCHAR)"


def _select_moments(hits: Hits) -> str:
    """Rows of person, t, mask and signature, which is null where no two of the events of a moment
    can be steps that follow each other."""
    masks = (
        "SELECT person, t, mask, count(*) AS events "
        f"FROM ({hits.select()}) GROUP BY person, t, mask"
    )
    counts = f"list({spell_count('events', MOST_OF_A_MASK)})"
    moments = (
        "SELECT person, t, bit_or(mask) AS mask, sum(events) AS events, "
        f"{join_signature(counts)} AS signature "
        f"FROM ({masks}) GROUP BY person, t"
    )
    is_tied = "events > 1 AND mask & (mask >> 1) <> 0"
    return (
        f"SELECT person, t, mask, CASE WHEN {is_tied} THEN signature END AS signature "
        f"FROM ({moments})"
    )


def _solve_ties(
    engine: "DuckDBPyConnection", moments: str, values: Mapping[str, Any], steps: int
) -> dict[str, int]:
    """By signature, how many steps are gained."""
    signatures = list_signatures(engine, f"({moments}) WHERE signature IS NOT NULL", values)
    return {each: solve(read_signature(each), steps) for each in signatures}


def list_signatures(
    engine: "DuckDBPyConnection", rows: str, values: Mapping[str, Any]
) -> list[str]:
    """The different ones of rows, which stand in a FROM. Raises BadRequest (`query_too_large`)."""
    found = engine.execute(
        f"SELECT DISTINCT signature FROM {rows} LIMIT {MAX_SIGNATURES + 1:d}", values
    ).fetchall()
    if len(found) > MAX_SIGNATURES:
        raise too_many_ways()
    return [signature for (signature,) in found]


def _go_on(done: int, steps: int, ties: dict[str, int]) -> str:
    """The times of further steps from a moment on, where it is the first of them, else none."""
    gained = f"(mask >> {done}) & 1"
    most = 1
    if ties:
        gained = f"coalesce((gained >> {BITS * done}) & {2**BITS - 1}, {gained})"
        most = steps - done
    cases = (f"WHEN {gained} = {n} THEN {_append(done, n, steps)}" for n in range(1, most + 1))
    return f"CASE {' '.join(cases)} ELSE [] END"


def _append(done: int, gained: int, steps: int) -> str:
    here = f"[{', '.join(['t'] * gained)}]"
    return here if done + gained == steps else f"list_concat({here}, c{done + gained})"
