"""Funnels, out of columns."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from reporting.answers import FunnelAnswer, FunnelGroup, FunnelStep, Provenance
from reporting.columns.dialect.behaviour.at_once import KeepsNothing
from reporting.columns.dialect.behaviour.at_once.chains import select_chains
from reporting.columns.dialect.behaviour.at_once.origins import select_origins
from reporting.columns.dialect.behaviour.at_once.strict import select_strict_chains
from reporting.columns.dialect.behaviour.chains import find_chains
from reporting.columns.dialect.behaviour.hits import Hits, name_person
from reporting.columns.dialect.behaviour.origins import find_origins
from reporting.columns.dialect.behaviour.strict import make_strict
from reporting.columns.dialect.canonical import find_canonical
from reporting.columns.dialect.groups import Table
from reporting.columns.dialect.inputs import Canonical
from reporting.columns.dialect.patterns import check_places
from reporting.columns.dialect.statement import order_dimension
from reporting.columns.dialect.values import Arguments
from reporting.columns.view import View
from reporting.questions.funnel import FunnelQuery
from reporting.questions.table import Span, TableQuery

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_Rows = tuple[str, Mapping[str, Any]]
"""What can stand in a FROM, and the values of its arguments."""


def answer_funnel(engine: "DuckDBPyConnection", view: View, query: FunnelQuery) -> FunnelAnswer:
    """Raises BadRequest (`bad_pattern`, `query_too_large`)."""
    steps = {f"steps[{n}]": step for n, step in enumerate(query.steps)}
    check_places(engine, {"filter": query.condition, **steps})
    hits = Hits(view, query, _find_canonical(engine, view, query), Arguments())
    chains = _find_chains(engine, hits)
    whole, groups = _count(engine, query, chains), None
    if query.dimension:
        groups = _count_groups(engine, query, _find_origins(engine, hits, chains))
    return FunnelAnswer(
        steps=whole,
        groups=groups,
        provenance=Provenance("columns", "exact", 0, view.fresh_as_of),
        rows_read=view.rows,
    )


def _find_chains(engine: "DuckDBPyConnection", hits: Hits) -> _Rows:
    """Rows that have `chain`, of each person who reached a step."""
    query, steps = hits.query, len(hits.query.steps)
    within_ms = None if query.by == "visit" else query.within_seconds * 1_000
    if isinstance(engine, KeepsNothing):
        select = select_strict_chains if query.order == "strict" else select_chains
        return f"({select(engine, hits, steps, within_ms)})", hits.arguments.values
    columns = "person, t, mask" + (", d0" if query.dimension else "")
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE hits AS SELECT {columns} FROM "
        f"({hits.select(with_key=query.dimension is not None)})",
        hits.arguments.values,
    )
    find_chains(engine, steps, within_ms)
    if query.order == "strict":
        make_strict(engine, hits.anew(), steps, within_ms)
    return "reached", {}


def _find_origins(engine: "DuckDBPyConnection", hits: Hits, chains: _Rows) -> _Rows:
    """Rows that have `chain`, and `d0` of its first event."""
    if isinstance(engine, KeepsNothing):
        return f"({select_origins(engine, hits, chains[0])})", hits.arguments.values
    find_origins(engine, hits.anew())
    return "reached JOIN origins USING (n)", {}


def _find_canonical(engine: "DuckDBPyConnection", view: View, query: FunnelQuery) -> Canonical:
    """Of the objects and arrays of the dimension those that are shown otherwise."""
    if query.dimension is None or not query.dimension.is_property:
        return {}
    table = TableQuery(
        project=query.project,
        metrics=(),
        dimensions=(query.dimension,),
        span=Span(window=query.window),
        timezone=query.timezone,
        condition=query.condition,
        bots=query.bots,
        now=query.now,
        visit_zone=query.visit_zone,
    )
    asked = Table(view=view, query=table)
    return find_canonical(engine, asked, sort_keys=True, person=name_person(query))


def _count(engine: "DuckDBPyConnection", query: FunnelQuery, chains: _Rows) -> Sequence[FunnelStep]:
    rows, values = chains
    [row] = engine.execute(f"SELECT {_measure(query)} FROM {rows}", values).fetchall()
    return _read_steps(row)


def _count_groups(
    engine: "DuckDBPyConnection", query: FunnelQuery, origins: _Rows
) -> Sequence[FunnelGroup]:
    rows, values = origins
    assert query.dimension is not None
    order = [f"{key} NULLS LAST" for key in order_dimension(query.dimension, "d0")]
    found = engine.execute(
        f"SELECT d0, {_measure(query)} FROM {rows} GROUP BY d0 "
        f"ORDER BY {', '.join(['count(*) DESC', *order])} LIMIT {query.limit:d}",
        values,
    ).fetchall()
    is_json = query.dimension.is_property
    return [
        FunnelGroup(json.loads(key) if is_json and key is not None else key, _read_steps(row))
        for key, *row in found
    ]


def _measure(query: FunnelQuery) -> str:
    """Of each step how many reached it, and the median of the time since the one before, in ms."""
    columns = ["count(*)", "NULL"]
    for step in range(2, len(query.steps) + 1):
        columns.append(f"count(*) FILTER (WHERE len(chain) >= {step})")
        columns.append(f"median(chain[{step}] - chain[{step - 1}])")
    return ", ".join(columns)


def _read_steps(row: Sequence[Any]) -> Sequence[FunnelStep]:
    pairs = zip(row[::2], row[1::2], strict=True)
    return [FunnelStep(people, None if ms is None else ms / 1_000) for people, ms in pairs]
