"""The answers of `/stats`, `/stats/timeseries` and `/stats/breakdown`, out of columns."""

from collections.abc import Sequence
from datetime import UTC
from typing import TYPE_CHECKING, Any

from reporting.answers import (
    BreakdownAnswer,
    Counts,
    Provenance,
    Reason,
    Row,
    SeriesAnswer,
    StatsAnswer,
)
from reporting.columns.dialect.groups import Table
from reporting.columns.dialect.metrics import EVERYTHING
from reporting.columns.dialect.nothing import explain_nothing
from reporting.columns.dialect.patterns import check_patterns
from reporting.columns.dialect.table import Page, read_key, read_page, read_series
from reporting.columns.view import View
from reporting.nothing import miss_field
from reporting.questions.fields import PATH, Field
from reporting.questions.query import BreakdownQuery, Query, SeriesQuery, StatsQuery
from reporting.questions.table import Dimension, Metric, Order, Span, TableQuery, Unit

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

_VIEWS, _USERS, _VISITORS = (Metric(name, name) for name in ("views", "users", "visitors"))
_COUNTS = (_VIEWS, EVERYTHING, _USERS, _VISITORS)


def answer_stats(engine: "DuckDBPyConnection", view: View, query: StatsQuery) -> StatsAnswer:
    check_patterns(engine, query.condition)
    totals = Counts(*read_page(engine, Table(view=view, query=_ask(view, query))).totals.metrics)
    top = _ask(view, query, PATH, metrics=(_VIEWS,), limit=query.limit)
    paths = read_page(engine, Table(view=view, query=top))
    groups, nothing = None, _no_reasons()
    if field := query.group_by:
        page = _rank(engine, view, query, field, limit=query.limit, none=query.none)
        groups = [row for row in _read_rows(field, page) if row.counts.ranking(field)]
        nothing = [] if page.total else [miss_field("groupBy", field)]
    if not totals.events:
        nothing = explain_nothing(engine, view, query)
    top_paths = [(row.keys[0], row.metrics[0]) for row in paths.rows]
    return StatsAnswer(totals, top_paths, groups, _provenance(view, nothing))


def answer_series(engine: "DuckDBPyConnection", view: View, query: SeriesQuery) -> SeriesAnswer:
    check_patterns(engine, query.condition)
    asked = _ask(view, query, Unit(query.interval), boundaries=query.boundaries)
    page = read_series(engine, Table(view=view, query=asked))
    points = [Counts(*(number or 0 for number in row.metrics)) for row in page.rows]
    counted = any(point.events for point in points)
    nothing = _no_reasons() if counted else explain_nothing(engine, view, query)
    return SeriesAnswer(points, _provenance(view, nothing))


def answer_breakdown(
    engine: "DuckDBPyConnection", view: View, query: BreakdownQuery
) -> BreakdownAnswer:
    check_patterns(engine, query.condition)
    by = query.by
    page = _rank(engine, view, query, by, limit=query.limit, offset=query.offset, none=query.none)
    whole = Counts(*page.totals.metrics)
    nothing = _no_reasons() if page.total else [miss_field("by", by)]
    if not whole.events:
        nothing = explain_nothing(engine, view, query)
    rows = _read_rows(by, page)
    return BreakdownAnswer(rows, page.total, whole.ranking(by), _provenance(view, nothing))


def _rank(
    engine: "DuckDBPyConnection",
    view: View,
    query: Query,
    field: Field,
    *,
    limit: int,
    offset: int = 0,
    none: bool,
) -> Page:
    """The values of a field by events or views, as it is ranked, then by value."""
    order = (Order("metric", _COUNTS.index(EVERYTHING if field.counts_events else _VIEWS), True),)
    asked = _ask(view, query, field, order=order, limit=limit, offset=offset)
    return read_page(engine, Table(view=view, query=asked, absent=none), sort_keys=False)


def _ask(
    view: View,
    query: Query,
    *dimensions: Dimension,
    metrics: Sequence[Metric] = _COUNTS,
    boundaries: Sequence[Any] = (),
    **more: Any,
) -> TableQuery:
    return TableQuery(
        project=query.project,
        metrics=tuple(metrics),
        dimensions=dimensions,
        span=Span(window=query.window, boundaries=tuple(boundaries)),
        timezone=query.timezone or UTC,
        condition=query.condition,
        bots=query.bots,
        now=view.fresh_as_of,
        **more,
    )


def _read_rows(field: Field, page: Page) -> list[Row]:
    return [Row(read_key(field, row.keys[0]), Counts(*row.metrics)) for row in page.rows]


def _no_reasons() -> Sequence[Reason]:
    return ()


def _provenance(view: View, nothing: Sequence[Reason]) -> Provenance:
    return Provenance("columns", "exact", 0, view.fresh_as_of, nothing=nothing)
