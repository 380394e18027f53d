"""The statement of a table: the groups of its events, and the page of them that is asked for."""

from collections.abc import Sequence

from reporting.columns.dialect.groups import Table, any_number, find_property, select_groups
from reporting.columns.dialect.inputs import Canonical
from reporting.columns.dialect.metrics import Measure, measure
from reporting.columns.dialect.values import Arguments
from reporting.questions.fields import Field
from reporting.questions.table import Dimension, Order, Span, TableQuery

_FIRST_METRIC = Order("metric", 0, descending=True)


def select_page(table: Table, arguments: Arguments, canonical: Canonical) -> str:
    """Rows of g, total, nested, d0 .., m0 .., x0 .. and, of the compared span, b0 ...

    g is 0 of groups, in order, and 1 of the totals, which stand last. `total` is the number of
    groups, `nested` whether a value is an object or an array, x whether a metric adds up more than
    one currency.
    """
    query = table.query
    measures = [measure(metric, any_number) for metric in query.metrics]
    kept = " OR ".join(each.is_something(f"m{n}") for n, each in enumerate(measures))
    if query.is_series:  # each unit has a row, and a rate of 0 is not the one of nobody
        kept = "true"
    if not table.absent and find_property(query.dimensions) is None:
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
        f"WITH found AS MATERIALIZED ({select_groups(table, query.span, arguments, canonical)}), "
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
    groups = select_groups(table, span, arguments, canonical)
    same = " AND ".join(f"{key} IS NOT DISTINCT FROM other_{key}" for key in ("g", *table.keys))
    return f" LEFT JOIN (SELECT {', '.join(columns)} FROM ({groups})) ON {same}"


def _list_order(query: TableQuery, measures: Sequence[Measure]) -> list[str]:
    """What to sort by, each with a comma before it; null is last, rising or falling."""
    keys = []
    ties = [Order("dimension", n, descending=False) for n in range(len(query.dimensions))]
    asked = () if query.is_series else query.order or (_FIRST_METRIC,)
    for order in (*asked, *ties):
        if order.of == "metric":
            columns = measures[order.index].order(f"m{order.index}")
        else:
            columns = order_dimension(query.dimensions[order.index], f"d{order.index}")
        direction = "DESC" if order.descending else "ASC"
        keys += [f"{column} {direction} NULLS LAST" for column in columns]
    return [f", {key}" for key in keys]


def order_dimension(dimension: Dimension, key: str) -> list[str]:
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
