"""The few questions for tables that rollups can answer: of windows from before all other books."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from analytics.rollups.calendar import is_aligned
from analytics.web.problems import BadRequest
from reporting.answers import Counts, Number, Provenance, TableAnswer, TableRow
from reporting.questions.fields import Field
from reporting.questions.query import BreakdownQuery, SeriesQuery, StatsQuery
from reporting.questions.table import Order, Span, TableQuery, Unit
from reporting.rollups.answer_source import RollupAnswerSource

_METRICS: dict[str, Callable[[Counts], int]] = {
    "views": lambda counts: counts.views,
    "users": lambda counts: counts.users,
    "visitors": lambda counts: counts.visitors,
}
_FIELDS = ("path", "event")
_MOST_ROWS = 100_000  # to be counted with their people, and sorted, here
_ROLLUPS = RollupAnswerSource()

Numbers = tuple[Number, ...]


def is_rolled_up(query: TableQuery) -> bool:
    """Whether rollups have all that the question wants to know."""
    if query.condition or query.goal or query.restriction or query.span.window.start is None:
        return False
    if any(metric.name not in _METRICS for metric in query.metrics):
        return False
    match query.dimensions:
        case ():
            return True
        case (Field(name=name),):
            return name in _FIELDS
        case (Unit(name=name),):
            spans = [span for span in (query.span, query.compare) if span]
            cuts = [moment for span in spans for moment in span.boundaries[1:-1]]
            return name != "minute" and all(map(is_aligned, cuts))
    return False


class RollupTableSource:
    """Reads each of its counts at a moment of its own.

    Raises what RollupAnswerSource does, and BadRequest (`query_too_large`).
    """

    def answer_table(self, query: TableQuery) -> TableAnswer:
        """`query` is one of those that `is_rolled_up` holds of."""
        return _answer(query)


def _answer(query: TableQuery) -> TableAnswer:
    now, provenance = _count_whole(query, query.span)
    before = _count_whole(query, query.compare)[0] if query.compare else None
    totals = TableRow((), now, before)
    rows = [totals] if not query.dimensions else _count_rows(query)
    page = rows[query.offset : query.offset + query.limit]
    return TableAnswer(
        rows=rows if query.is_series else page,
        totals=totals,
        total=len(rows),
        provenance=replace(provenance, source="rollup"),
    )


def _count_whole(query: TableQuery, span: Span) -> tuple[Numbers, Provenance]:
    asked = StatsQuery(**_events_of(query, span), limit=1)
    answer = _ROLLUPS.answer_stats(asked)
    return _measure(query, answer.totals), answer.provenance


def _events_of(query: TableQuery, span: Span) -> dict[str, Any]:
    return {
        "project": query.project,
        "raw_horizon": query.raw_horizon,
        "window": span.window,
        "timezone": query.timezone,
        "bots": query.bots,
    }


def _measure(query: TableQuery, counts: Counts) -> Numbers:
    return tuple(_METRICS[metric.name](counts) for metric in query.metrics)


def _count_rows(query: TableQuery) -> list[TableRow]:
    nothing = _measure(query, Counts())
    not_begun: Numbers = (None,) * len(nothing)
    if query.is_series:
        now = _count_units(query, query.span)
        before = _count_units(query, query.compare) if query.compare else []
        before += [nothing] * (len(now) - len(before))
        return [
            TableRow(
                (start,),
                counted if start < query.now else not_begun,
                compared if query.compare else None,
            )
            for start, counted, compared in zip(query.span.boundaries, now, before, strict=False)
        ]
    values = _count_values(query, query.span)
    others = _count_values(query, query.compare) if query.compare else {}
    rows = [
        TableRow((value,), counted, others.get(value, nothing) if query.compare else None)
        for value, counted in values.items()
        if any(counted)
    ]
    return _sort(rows, query.order)


def _count_units(query: TableQuery, span: Span) -> list[Numbers]:
    asked = SeriesQuery(**_events_of(query, span), interval="hour", boundaries=span.boundaries)
    return [_measure(query, point) for point in _ROLLUPS.answer_series(asked).points]


def _count_values(query: TableQuery, span: Span) -> dict[str, Numbers]:
    [field] = query.dimensions
    assert isinstance(field, Field)
    asked = BreakdownQuery(**_events_of(query, span), by=field, limit=_MOST_ROWS)
    answer = _ROLLUPS.answer_breakdown(asked)
    if answer.total > _MOST_ROWS:
        raise BadRequest(
            f"This window has {answer.total:,} values of {field.name}, and {_MOST_ROWS:,} at most "
            "are ranked of a time before the events that are kept. Ask for a shorter window.",
            code="query_too_large",
        )
    return {row.value: _measure(query, row.counts) for row in answer.rows}


def _sort(rows: list[TableRow], order: Sequence[Order]) -> list[TableRow]:
    """By the last criterion first: each sort keeps what is equal as it was."""
    rows.sort(key=lambda row: row.dimensions[0].encode())
    for by in reversed(order):
        rows.sort(key=_sort_key(by), reverse=by.descending)
    return rows


def _sort_key(by: Order) -> Callable[[TableRow], Any]:
    if by.of == "metric":
        return lambda row: row.metrics[by.index]
    return lambda row: row.dimensions[0].encode()
