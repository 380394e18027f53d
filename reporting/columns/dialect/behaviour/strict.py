"""Strict funnels: chains that no other event comes between.

Of most persons the engine finds them: the next event of a person is the next step, or the chain
ends. Of the others, who have events of one moment, or events with reserved names that might serve,
they are looked for person by person.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from analytics.web.problems import BadRequest
from reporting.columns.dialect.behaviour.chains import list_batches, select_best
from reporting.columns.dialect.behaviour.hits import Hits
from reporting.columns.dialect.behaviour.strict_line import Line, find_strict_chain

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_EVENTS_OF_ONE = 100_000
"""Of one person; so few that what is done for one is stopped soon after the deadline."""

_ROWS = 1_000


def make_strict(
    engine: "DuckDBPyConnection", hits: Hits, steps: int, within_ms: int | None
) -> None:
    """Let no other event come between those of the chains of `reached`.

    Raises BadRequest (`query_too_large`) for a person of more than MAX_EVENTS_OF_ONE.
    """
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE lines AS SELECT n, t, mask, reserved FROM "
        f"({hits.select(with_others=True)}) "
        "JOIN (SELECT n, person FROM reached WHERE len(chain) > 1) USING (person) ORDER BY n, t",
        hits.arguments.values,
    )
    engine.execute(f"CREATE OR REPLACE TEMP TABLE odd AS {_select_odd()}")
    engine.execute(f"CREATE OR REPLACE TEMP TABLE runs AS {_select_runs(steps, within_ms)}")
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE unclear AS SELECT n FROM odd UNION SELECT n FROM runs "
        "WHERE unclear"
    )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE mended AS "
        "SELECT n, chain FROM runs ANTI JOIN unclear USING (n)"
    )
    for batch in list_batches(engine):
        lines = _read_lines(engine, batch)
        found = [(n, find_strict_chain(line, steps, within_ms)) for n, line in lines]
        engine.execute(
            "INSERT INTO mended SELECT unnest($n), unnest($chains)",
            {"n": [n for n, _ in found], "chains": [chain for _, chain in found]},
        )
    engine.execute(
        "CREATE OR REPLACE TEMP TABLE reached AS "
        "SELECT n, person, coalesce(mended.chain, reached.chain) AS chain "
        "FROM reached LEFT JOIN mended USING (n)"
    )


def _select_odd() -> str:
    """The persons of whom an event with a reserved name might be a step that no other can be.

    It cannot, but as the first, where it matches no step that the event before it does not match as
    well, and that one no two steps that follow each other. Persons with events of one moment, too.
    """
    neighbours = "lag(n) OVER () AS n0, lag(t) OVER () AS t0, lag(mask) OVER () AS mask0"
    serves = "n0 IS DISTINCT FROM n OR mask & ~mask0 <> 0 OR mask0 & (mask0 >> 1) <> 0"
    return (
        f"SELECT DISTINCT n FROM (SELECT n, t, mask, reserved, {neighbours} FROM lines) "
        f"WHERE n0 = n AND t0 = t OR reserved AND ({serves})"
    )


def _select_runs(steps: int, within_ms: int | None) -> str:
    """The best chain of each person, of events without reserved names.

    It is unclear where the time ran out for one, and such an event could begin it later.
    """
    again = "lead(n) OVER () = n AND lead(reserved) OVER () AND lead(mask) OVER () & 1 <> 0"
    own = (
        "SELECT * FROM "
        f"(SELECT *, coalesce({again}, false) AS begun_again FROM lines) WHERE NOT reserved"
    )
    nexts = ", ".join(
        f"lead({name}, {step - 1}) OVER () AS {name}{step}"
        for step in range(2, steps + 1)
        for name in ("n", "t", "mask")
    )
    lengths = " ".join(
        f"WHEN NOT coalesce(n{step} = n AND mask{step} & {1 << step - 1} <> 0, false) "
        f"THEN {step - 1}"
        for step in range(2, steps + 1)
    )
    times = ", ".join(["t", *(f"t{step}" for step in range(2, steps + 1))])
    runs = (
        f"SELECT n, begun_again, [{times}][:CASE {lengths} ELSE {steps} END] AS run "
        f"FROM (SELECT *, {nexts} FROM ({own})) WHERE mask & 1 <> 0"
    )
    kept = "run"
    if within_ms is not None:
        kept = f"list_filter(run, lambda time: time <= run[1] + {within_ms:d})"
    return (
        f"SELECT n, {select_best('chain')} AS chain, "
        "bool_or(begun_again AND len(chain) < len(run)) AS unclear "
        f"FROM (SELECT *, {kept} AS chain FROM ({runs})) GROUP BY n"
    )


def _read_lines(engine: "DuckDBPyConnection", batch: str) -> Iterator[tuple[int, Line]]:
    """Takes the events bit by bit: so whoever stops the engine stops this."""
    found = engine.execute(
        f"SELECT n, t, mask, reserved FROM lines SEMI JOIN unclear USING (n) WHERE {batch} "
        "ORDER BY n, t"
    )
    person, line = 0, Line()
    while rows := found.fetchmany(_ROWS):
        for n, time, mask, reserved in rows:
            if n != person:
                if line.times:
                    yield person, line
                person, line = n, Line()
            line.add(time, mask, reserved)
        check_length(line)
    if line.times:
        yield person, line


def check_length(line: Line) -> None:
    """Raises BadRequest (`query_too_large`)."""
    if len(line.times) > MAX_EVENTS_OF_ONE:
        raise BadRequest(
            f"One person has more than {MAX_EVENTS_OF_ONE:,} events, which is too many to look "
            "at what comes between. Ask for a shorter window, or with a filter.",
            code="query_too_large",
        )
