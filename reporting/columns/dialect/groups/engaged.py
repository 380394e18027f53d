"""Metrics of `$engagement` events: of each view the most, then the mean over views."""

from collections.abc import Sequence

from reporting.columns.dialect.groups.asked import Table, find_property, group, tell_level
from reporting.columns.dialect.inputs import Canonical, Events, Inputs, is_nested
from reporting.columns.dialect.metrics import ENGAGED, ENGAGEMENT, VIEW, leave_out_event
from reporting.questions.table import TableQuery


def measure_views(
    table: Table, events: Events, canonical: Canonical, engaged: Sequence[int]
) -> str:
    query, inputs = table.query, Inputs(events, canonical)
    passes = pass_engaged(inputs, query)
    view = f"k{inputs.number_of(VIEW)}"
    names = [query.metrics[n].name for n in engaged]
    most = [_most(name, inputs.number_of(ENGAGED[name][0])) for name in dict.fromkeys(names)]
    told = ""
    if field := find_property(query.dimensions):
        nested = is_nested(f"p{inputs.number_of(field)}")
        most.append(f"coalesce(bool_or({nested}), false) AS nested")
        told = ", bool_or(nested) AS nested"
    rows = inputs.select(query.dimensions, passes)
    columns = ", ".join([tell_level(table), *table.keys, view, *most])
    views = f"SELECT {columns} FROM ({rows}) WHERE {view} IS NOT NULL{group(table, view)}"
    keys = ", ".join(["g", *table.keys])
    means = ", ".join(f"avg({name}) AS m{n}" for n, name in zip(engaged, names, strict=True))
    return f"SELECT {keys}, {means}{told} FROM ({views}) GROUP BY {keys}"


def pass_engaged(inputs: Inputs, query: TableQuery) -> str:
    """Whether an event is looked at for these metrics, in SQL over `inputs.rows`."""
    return f"(event = '{ENGAGEMENT}' AND {inputs.test(leave_out_event(query.condition))})"


def _most(name: str, n: int) -> str:
    most = f"least(greatest(max(n{n}), 0), {ENGAGED[name][1]})"
    return f'CASE WHEN count(n{n}) > 0 THEN {most} END AS "{name}"'
