"""Metrics of the window's events."""

from reporting.columns.dialect.groups.asked import (
    Table,
    find_property,
    group,
    list_keys,
    tell_level,
)
from reporting.columns.dialect.inputs import Canonical, Events, Inputs, is_nested
from reporting.columns.dialect.metrics import ENGAGED, GOAL, OF_VISITS, is_mixed, measure
from reporting.questions.conditions import And


def count_events(table: Table, events: Events, canonical: Canonical) -> str:
    query, inputs = table.query, Inputs(events, canonical)
    passes, converted = inputs.test(query.condition), "false"
    if query.goal is not None and any(metric.name in GOAL for metric in query.metrics):
        parts = (query.goal,) if query.condition is None else (query.condition, query.goal)
        converted = events.did(And(parts))
    if (field := find_property(query.dimensions)) and not table.absent:
        passes += f" AND p{inputs.number_of(field)} IS NOT NULL"
    aggregates = [
        f"{measure(metric, inputs.number_of).sql} AS m{n}"
        for n, metric in enumerate(query.metrics)
        if metric.name not in ENGAGED and metric.name not in OF_VISITS
    ]
    aggregates += [f"{is_mixed(query.metrics[n], inputs.number_of)} AS x{n}" for n in table.sums]
    nested = [is_nested(f"p{inputs.number_of(field)}") for field in list_keys(query)]
    aggregates.append(f"coalesce(bool_or({' OR '.join(nested) or 'false'}), false) AS nested")
    rows = inputs.select(query.dimensions, passes, converted)
    columns = ", ".join([tell_level(table), *table.keys, *aggregates])
    return f"SELECT {columns} FROM ({rows}){group(table)}"
