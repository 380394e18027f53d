"""The statement of a table: the groups of its events, and the page of them that is asked for."""

from collections.abc import Sequence
from dataclasses import dataclass

from reporting.columns.dialect.inputs import Canonical, Events, Inputs, is_nested
from reporting.columns.dialect.metrics import (
    ENGAGED,
    ENGAGEMENT,
    GOAL,
    VIEW,
    Measure,
    is_mixed,
    is_zero,
    leave_out_event,
    measure,
)
from reporting.columns.dialect.values import Arguments
from reporting.columns.view import View
from reporting.questions.conditions import And
from reporting.questions.fields import Field
from reporting.questions.table import Dimension, Metric, Order, Span, TableQuery

_ZEROS = {"count": "0", "number": "{'d': 0::DOUBLE, 'i': 0::HUGEINT}"}
_FIRST_METRIC = Order("metric", 0, descending=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """What is asked of a view. `absent`: whether events without the dimension have a row."""

    view: View
    query: TableQuery
    absent: bool = True

    @property
    def keys(self) -> list[str]:
        return [f"d{n}" for n in range(len(self.query.dimensions))]

    @property
    def sums(self) -> list[int]:
        """The metrics that may add up more than one currency."""
        return [n for n, metric in enumerate(self.query.metrics) if metric.name == "sum"]


def select_page(table: Table, arguments: Arguments, canonical: Canonical) -> str:
    """Rows of g, total, nested, d0 .., m0 .., x0 .. and, of the compared span, b0 ...

    g is 0 of groups, in order, and 1 of the totals, which stand last. `total` is the number of
    groups, `nested` whether a value is an object or an array, x whether a metric adds up more than
    one currency.
    """
    query = table.query
    measures = [measure(metric, _any_number) for metric in query.metrics]
    kept = " OR ".join(each.is_something(f"m{n}") for n, each in enumerate(measures))
    if query.is_series:  # each unit has a row, and a rate of 0 is not the one of nobody
        kept = "true"
    if not table.absent and _find_property(query.dimensions) is None:
        kept = f"({kept}) AND d0 IS NOT NULL"
    order = "".join(_list_order(query, measures))
    page = "SELECT * FROM kept WHERE g = 0"
    if not query.is_series:
        page += f" ORDER BY g{order} LIMIT {query.limit:d} OFFSET {query.offset:d}"
    metrics = [f"m{n}" for n in range(len(measures))]
    shown = ["g", "total", "nested", *table.keys, *metrics, *(f"x{n}" for n in table.sums)]
    joined = ""
    if query.compare is not None:
        joined = _join_compared(table, query.compare, metrics, arguments, canonical)
        shown += [f"b{n}" for n in range(len(measures))]
    return (
        f"WITH found AS MATERIALIZED ({_select_groups(table, query.span, arguments, canonical)}), "
        "kept AS MATERIALIZED (SELECT *, count(*) FILTER (WHERE g = 0) OVER () AS total "
        f"FROM found WHERE g = 1 OR ({kept})), "
        f"page AS (SELECT * FROM ({page}) UNION ALL SELECT * FROM kept WHERE g = 1) "
        f"SELECT {', '.join(shown)} FROM page{joined} ORDER BY g{order}"
    )


def _join_compared(
    table: Table, span: Span, metrics: Sequence[str], arguments: Arguments, canonical: Canonical
) -> str:
    """Rows of the other span are matched by their dimensions, units by their number."""
    columns = ["g AS other_g", *(f"{key} AS other_{key}" for key in table.keys)]
    columns += [f"{metric} AS b{n}" for n, metric in enumerate(metrics)]
    groups = _select_groups(table, span, arguments, canonical)
    same = " AND ".join(f"{key} IS NOT DISTINCT FROM other_{key}" for key in ("g", *table.keys))
    return f" LEFT JOIN (SELECT {', '.join(columns)} FROM ({groups})) ON {same}"


def _select_groups(table: Table, span: Span, arguments: Arguments, canonical: Canonical) -> str:
    query = table.query
    events = Events(view=table.view, span=span, bots=query.bots, arguments=arguments)
    counted = _count_events(table, events, canonical)
    engaged = [n for n, metric in enumerate(query.metrics) if metric.name in ENGAGED]
    if not engaged:
        return counted
    merged = [f"{_merge(metric, n)} AS m{n}" for n, metric in enumerate(query.metrics)]
    merged += [f"coalesce(any_value(x{n}), false) AS x{n}" for n in table.sums]
    merged.append("coalesce(bool_or(nested), false) AS nested")
    keys = ", ".join(["g", *table.keys])
    both = f"{counted} UNION ALL BY NAME {_measure_views(table, events, canonical, engaged)}"
    return f"SELECT {keys}, {', '.join(merged)} FROM ({both}) GROUP BY {keys}"


def _merge(metric: Metric, n: int) -> str:
    """Of the one statement that has it; a row may be in the other alone."""
    if not is_zero(metric):
        return f"any_value(m{n})"
    return f"coalesce(any_value(m{n}), {_ZEROS[measure(metric, _any_number).kind]})"


def _count_events(table: Table, events: Events, canonical: Canonical) -> str:
    query, inputs = table.query, Inputs(events, canonical)
    passes, converted = inputs.test(query.condition), "false"
    if query.goal is not None and any(metric.name in GOAL for metric in query.metrics):
        parts = (query.goal,) if query.condition is None else (query.condition, query.goal)
        converted = f"coalesce(visitor IN ({events.select_visitors(And(parts))}), false)"
    if (field := _find_property(query.dimensions)) and not table.absent:
        passes += f" AND p{inputs.number_of(field)} IS NOT NULL"
    aggregates = [
        f"{measure(metric, inputs.number_of).sql} AS m{n}"
        for n, metric in enumerate(query.metrics)
        if metric.name not in ENGAGED
    ]
    aggregates += [f"{is_mixed(query.metrics[n], inputs.number_of)} AS x{n}" for n in table.sums]
    nested = [is_nested(f"p{inputs.number_of(field)}") for field in list_keys(query)]
    aggregates.append(f"coalesce(bool_or({' OR '.join(nested) or 'false'}), false) AS nested")
    rows = inputs.select(query.dimensions, passes, converted)
    columns = ", ".join([_level(table), *table.keys, *aggregates])
    return f"SELECT {columns} FROM ({rows}){_group(table)}"


def _measure_views(
    table: Table, events: Events, canonical: Canonical, engaged: Sequence[int]
) -> str:
    """Of each view the most, then the mean over views."""
    query, inputs = table.query, Inputs(events, canonical)
    passes = f"event = '{ENGAGEMENT}' AND {inputs.test(leave_out_event(query.condition))}"
    view = f"k{inputs.number_of(VIEW)}"
    names = [query.metrics[n].name for n in engaged]
    most = [_most(name, inputs.number_of(ENGAGED[name][0])) for name in dict.fromkeys(names)]
    rows = inputs.select(query.dimensions, passes)
    columns = ", ".join([_level(table), *table.keys, view, *most])
    views = f"SELECT {columns} FROM ({rows}) WHERE {view} IS NOT NULL{_group(table, view)}"
    keys = ", ".join(["g", *table.keys])
    means = ", ".join(f"avg({name}) AS m{n}" for n, name in zip(engaged, names, strict=True))
    return f"SELECT {keys}, {means} FROM ({views}) GROUP BY {keys}"


def _most(name: str, n: int) -> str:
    most = f"least(greatest(max(n{n}), 0), {ENGAGED[name][1]})"
    return f'CASE WHEN count(n{n}) > 0 THEN {most} END AS "{name}"'


def _level(table: Table) -> str:
    return f"{'grouping(d0)' if table.keys else '1'} AS g"


def _group(table: Table, *within: str) -> str:
    if table.keys:
        sets = ", ".join([*table.keys, *within]), ", ".join(within)
        return f" GROUP BY GROUPING SETS (({sets[0]}), ({sets[1]}))"
    return f" GROUP BY {', '.join(within)}" if within else ""


def list_keys(query: TableQuery) -> list[Field]:
    """The properties whose values, and not only numbers, a question tells apart."""
    fields = [metric.field for metric in query.metrics if metric.name == "unique"]
    return [each for each in (*query.dimensions, *fields) if isinstance(each, Field) and each.keys]


def _any_number(_: Field) -> int:
    """For what is asked of a measure but its SQL."""
    return 0


def _find_property(dimensions: Sequence[Dimension]) -> Field | None:
    return next((d for d in dimensions if isinstance(d, Field) and d.is_property), None)


def _list_order(query: TableQuery, measures: Sequence[Measure]) -> list[str]:
    """What to sort by, each with a comma before it; null is last, rising or falling."""
    keys = []
    ties = [Order("dimension", n, descending=False) for n in range(len(query.dimensions))]
    asked = () if query.is_series else query.order or (_FIRST_METRIC,)
    for order in (*asked, *ties):
        if order.of == "metric":
            columns = measures[order.index].order(f"m{order.index}")
        else:
            columns = _order_dimension(query.dimensions[order.index], f"d{order.index}")
        direction = "DESC" if order.descending else "ASC"
        keys += [f"{column} {direction} NULLS LAST" for column in columns]
    return [f", {key}" for key in keys]


def _order_dimension(dimension: Dimension, key: str) -> list[str]:
    """Of properties numbers come before constants, and these before texts."""
    if not (isinstance(dimension, Field) and dimension.is_property):
        return [key]
    is_text = f"starts_with({key}, '\"')"
    rank = f"CASE WHEN {is_text} THEN 2 WHEN {key} IN ('false', 'true') THEN 1 ELSE 0 END"
    return [
        f"CASE WHEN {key} IS NOT NULL THEN {rank} END",
        f"TRY_CAST({key} AS DOUBLE)",
        f"CASE WHEN NOT {is_text} THEN TRY_CAST({key} AS BIGINT) END",
        f"CASE WHEN {is_text} THEN {key} ->> '$' ELSE {key} END",
    ]
