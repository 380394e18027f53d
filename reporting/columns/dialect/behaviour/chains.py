"""The chain of steps that counts of each person, in the engine.

Tables on the way, which end with the connection: `hits` (person, t, mask) are the events that match
a step; `reached` (n, person, chain) has each person who reached one, and the times of the chain.
From each moment on, the earliest events go as far as any: so chains are found from the last step
back, as what comes next after each moment.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analytics.web.problems import BadRequest
from reporting.columns.dialect.behaviour.matching import Counts, reach

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_SIGNATURES = 100_000

MOST_OF_A_MASK = 8  # as many as there can be steps
BITS = 4  # that hold how many steps a moment can be

_ROWS = 1_000
_PERSONS = 20_000  # that are looked at one by one before what was found is written
_LATER = "OVER (PARTITION BY person ORDER BY t ROWS BETWEEN 1 FOLLOWING AND UNBOUNDED FOLLOWING)"
_FIRST = 2**50  # more than any time has milliseconds


def find_chains(engine: "DuckDBPyConnection", steps: int, within_ms: int | None) -> None:
    """From `hits` to `reached`. Raises BadRequest (`query_too_large`)."""
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE candidates AS SELECT person FROM hits GROUP BY person "
        "HAVING max(t) FILTER (WHERE mask & 2 <> 0) >= min(t) FILTER (WHERE mask & 1 <> 0)"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE moments AS SELECT person, t, bit_or(mask) AS mask, "
        "count(*) AS events FROM hits SEMI JOIN candidates USING (person) GROUP BY person, t"
    )
    if solve_ties(engine, steps):
        persons = "(SELECT DISTINCT person FROM ties) USING (person)"
        tied = f"SELECT * FROM moments SEMI JOIN {persons}"
        moments = f"SELECT * FROM moments ANTI JOIN {persons}"
        chains = (
            f"{_chain(moments, steps, within_ms)} UNION ALL {_chain_tied(tied, steps, within_ms)}"
        )
    else:
        chains = _chain("SELECT * FROM moments", steps, within_ms)
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE reached AS SELECT row_number() OVER () AS n, * FROM ("
        f"SELECT person, {select_best('chain')} AS chain FROM ({chains}) GROUP BY person UNION ALL "
        "SELECT person, [min(t)] FROM hits ANTI JOIN candidates USING (person) "
        "WHERE mask & 1 <> 0 GROUP BY person)"
    )


def _chain(moments: str, steps: int, within_ms: int | None) -> str:
    """The chains of persons of whom no moment can be more than one step.

    So the next moment of a step is as good as any.
    """

    def moments_of(step: int) -> str:
        return f"SELECT person, t AS t{step} FROM ({moments}) WHERE mask & {1 << step - 1} <> 0"

    chains = moments_of(steps)
    for step in range(steps - 1, 0, -1):
        later = ", ".join(f"t{n}" for n in range(step + 1, steps + 1))
        comes_later = f"own.person = later.person AND t{step} < t{step + 1}"
        chains = (
            f"SELECT own.person, t{step}, {later} FROM ({moments_of(step)}) own "
            f"ASOF LEFT JOIN ({chains}) later ON {comes_later}"
        )
    times = ", ".join(f"t{n}" for n in range(1, steps + 1))
    last = "IS NOT NULL" if within_ms is None else f"<= t1 + {within_ms:d}"
    lengths = " ".join(f"WHEN t{n} {last} THEN {n}" for n in range(steps, 1, -1))
    return f"SELECT person, [{times}][:CASE {lengths} ELSE 1 END] AS chain FROM ({chains})"


def _chain_tied(moments: str, steps: int, within_ms: int | None) -> str:
    """The chains of persons who have a moment that can be several steps."""
    rows = f"SELECT moments.*, gained FROM ({moments}) moments LEFT JOIN ties USING (person, t)"
    for done in range(steps - 1, 0, -1):
        later = f"first_value({_go_on(done, steps)} IGNORE NULLS) {_LATER}"
        rows = f"SELECT *, {later} AS c{done} FROM ({rows})"
    chain = _go_on(0, steps)
    if within_ms is not None:
        chain = f"list_filter({chain}, lambda later: later <= t + {within_ms:d})"
    return f"SELECT person, {chain} AS chain FROM ({rows}) WHERE mask & 1 <> 0"


def select_best(chain: str) -> str:
    """Of the chains of a person the longest, of equal ones the first, as an aggregate.

    The chain of a moment is the earliest from there: so its first time tells chains apart.
    """
    return f"max_by({chain}, len({chain}) * {_FIRST:d} - {chain}[1])"


def list_batches(engine: "DuckDBPyConnection") -> Iterator[str]:
    """Conditions on n, each for so many of `reached` that what is held of them is bounded."""
    [(most,)] = engine.execute("SELECT coalesce(max(n), 0) FROM reached").fetchall()
    for low in range(0, most + 1, _PERSONS):
        yield f"n >= {low:d} AND n < {low + _PERSONS:d}"


def _go_on(done: int, steps: int) -> str:
    """The times of further steps from a moment on, where it is the first of them, else null."""
    most = range(1, steps - done + 1)
    cases = " ".join(f"WHEN {gained} THEN {_append(done, gained, steps)}" for gained in most)
    gained = f"coalesce(gained >> {BITS * done} & {2**BITS - 1}, mask >> {done} & 1)"
    return f"CASE {gained} {cases} END"


def _append(done: int, gained: int, steps: int) -> str:
    here = f"[{', '.join(['t'] * gained)}]"
    return here if done + gained == steps else f"{here} || coalesce(c{done + gained}, [])"


def solve_ties(engine: "DuckDBPyConnection", steps: int) -> bool:
    """Make the table `ties`: how many steps can be done in moments of several events.

    Where no event of a moment matches a step that follows one of another, one is what can be done.
    Returns whether there are others.
    """
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE alike AS SELECT person, t, "
        "string_agg(mask || ':' || events, ' ' ORDER BY mask) AS signature FROM ("
        f"SELECT person, t, hits.mask, least(count(*), {MOST_OF_A_MASK}) AS events "
        "FROM hits JOIN moments USING (person, t) "
        "WHERE moments.events > 1 AND moments.mask & (moments.mask >> 1) <> 0 "
        "GROUP BY person, t, hits.mask) GROUP BY person, t"
    )
    found = engine.execute("SELECT DISTINCT signature FROM alike")
    solved: dict[str, int] = {}
    while rows := found.fetchmany(_ROWS):
        solved |= {signature: solve(read_signature(signature), steps) for (signature,) in rows}
        if len(solved) > MAX_SIGNATURES:
            raise too_many_ways()
    if solved:
        engine.execute(
            "CREATE OR REPLACE TEMP TABLE ties AS SELECT person, t, gained FROM alike JOIN ("
            "SELECT unnest($signatures) AS signature, unnest($gained) AS gained) USING (signature)",
            {"signatures": list(solved), "gained": list(solved.values())},
        )
    return bool(solved)


def too_many_ways() -> BadRequest:
    return BadRequest(
        f"Events of one millisecond match the steps in more than {MAX_SIGNATURES:,} ways. "
        "Ask for a shorter window, or for fewer steps.",
        code="query_too_large",
    )


def read_signature(signature: str) -> Counts:
    """How many events there are of each mask."""
    pairs = (pair.split(":") for pair in signature.split())
    return {int(mask): int(events) for mask, events in pairs}


def solve(counts: Counts, steps: int) -> int:
    """How many steps are gained, by how many were done before: a few bits for each."""
    return sum((reach(counts, done, steps) - done) << BITS * done for done in range(steps))
