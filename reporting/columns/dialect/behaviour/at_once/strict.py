"""Strict chains, as a SELECT of person and chain (`behaviour.strict` says what is looked for).

Those that are looked for person by person are sent with the statement.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from reporting.columns.dialect.behaviour.chains import select_best
from reporting.columns.dialect.behaviour.hits import Hits
from reporting.columns.dialect.behaviour.strict import check_length
from reporting.columns.dialect.behaviour.strict_line import Line, find_strict_chain
from reporting.columns.untranslatable import Untranslatable

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

MAX_LINES = 200_000
"""Events of those who are looked at one by one: all of them are held at once."""

_FIRST = "min(t) FILTER (WHERE mask & 1 <> 0)"
_GOES_ON = f"coalesce(max(t) FILTER (WHERE mask & 2 <> 0) >= {_FIRST}, false)"
_BY_TIME = "OVER (PARTITION BY person ORDER BY t)"
_OF_NAMED = "OVER (PARTITION BY person, reserved ORDER BY t)"
_PERSON_TYPES = {"visitor": "BIGINT", "user": "VARCHAR", "visit": "HUGEINT"}


def select_strict_chains(
    engine: "DuckDBPyConnection", hits: Hits, steps: int, within_ms: int | None
) -> str:
    """Raises BadRequest (`query_too_large`) for a person of more than MAX_EVENTS_OF_ONE, and
    Untranslatable for more than MAX_LINES."""
    lines = _select_lines(hits)
    runs = _select_runs(lines, steps, within_ms)
    unclear = _read_unclear(engine, lines, runs, hits.arguments.values)
    found = {person: find_strict_chain(line, steps, within_ms) for person, line in unclear.items()}
    sent = f"{_select_sent(hits, found, steps)} UNION ALL " if found else ""
    return (
        f"SELECT person, chain FROM ({runs}) WHERE NOT unclear UNION ALL {sent}"
        f"SELECT person, [{_FIRST}] AS chain FROM ({hits.select()}) GROUP BY person "
        f"HAVING {_FIRST} IS NOT NULL AND NOT {_GOES_ON}"
    )


def _select_lines(hits: Hits) -> str:
    """All events of those who can do more than the first step."""
    candidates = f"SELECT person FROM ({hits.select()}) GROUP BY person HAVING {_GOES_ON}"
    return (
        f"SELECT person, t, mask, reserved FROM ({hits.select(with_others=True)}) "
        f"WHERE person IN ({candidates})"
    )


def _select_runs(lines: str, steps: int, within_ms: int | None) -> str:
    """Rows of person, chain and unclear: of events without reserved names, or of somebody who has
    to be looked at. Nobody of whom it is clear has events of one moment."""
    marked = (
        f"SELECT *, lag(t) {_BY_TIME} AS t0, lag(mask) {_BY_TIME} AS mask0, "
        f"lead(reserved) {_BY_TIME} AS next_reserved, lead(mask) {_BY_TIME} AS next_mask "
        f"FROM ({lines})"
    )
    serves = "t0 IS NULL OR mask & ~mask0 <> 0 OR mask0 & (mask0 >> 1) <> 0"
    nexts = ", ".join(
        f"lead({name}, {step - 1}) {_OF_NAMED} AS {name}{step}"
        for step in range(2, steps + 1)
        for name in ("t", "mask")
    )
    judged = (
        f"SELECT *, coalesce(t0 = t OR reserved AND ({serves}), false) AS is_odd, "
        "coalesce(next_reserved AND next_mask & 1 <> 0, false) AS begun_again, "
        f"{nexts} FROM ({marked})"
    )
    lengths = " ".join(
        f"WHEN NOT coalesce(mask{step} & {1 << step - 1} <> 0, false) THEN {step - 1}"
        for step in range(2, steps + 1)
    )
    times = ", ".join(["t", *(f"t{step}" for step in range(2, steps + 1))])
    begun = "NOT reserved AND mask & 1 <> 0"
    rows = (
        f"SELECT *, {begun} AS begins, "
        f"list_slice([{times}], 1, CASE {lengths} ELSE {steps} END) AS run FROM ({judged})"
    )
    kept = "run"
    if within_ms is not None:
        kept = f"list_filter(run, lambda later: later <= t + {within_ms:d})"
    return (
        f"SELECT person, {select_best('chain')} FILTER (WHERE begins) AS chain, "
        "bool_or(is_odd OR begins AND begun_again AND len(chain) < len(run)) AS unclear "
        f"FROM (SELECT *, {kept} AS chain FROM ({rows})) GROUP BY person"
    )


def _read_unclear(
    engine: "DuckDBPyConnection", lines: str, runs: str, values: Mapping[str, Any]
) -> Mapping[Any, Line]:
    """The events of all of whom it is unclear."""
    found = engine.execute(
        f"SELECT person, t, mask, reserved FROM ({lines}) "
        f"WHERE person IN (SELECT person FROM ({runs}) WHERE unclear) "
        f"ORDER BY person, t LIMIT {MAX_LINES + 1:d}",
        values,
    ).fetchall()
    unclear: dict[Any, Line] = {}
    for person, time, mask, reserved in found:
        unclear.setdefault(person, Line()).add(time, mask, reserved)
    for line in unclear.values():
        check_length(line)
    if len(found) > MAX_LINES:
        raise Untranslatable("more events to be looked at one by one than are held at once")
    return unclear


def _select_sent(hits: Hits, found: Mapping[Any, list[int]], steps: int) -> str:
    """Rows of person and chain."""
    sent = {"person": list(map(str, found)), "length": list(map(len, found.values()))}
    for n in range(steps):
        sent[f"t{n}"] = [chain[n] if n < len(chain) else 0 for chain in found.values()]
    columns = ", ".join(f"unnest({hits.arguments.add(sent[name])}) AS {name}" for name in sent)
    times = ", ".join(f"t{n}" for n in range(steps))
    return (
        f"SELECT CAST(person AS {_PERSON_TYPES[hits.query.by]}) AS person, "
        f"list_slice([{times}], 1, length) AS chain FROM (SELECT {columns})"
    )
