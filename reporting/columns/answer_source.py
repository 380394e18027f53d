"""The answer source of columns: exact, whatever is asked."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

from django.conf import settings

from reporting.answers import (
    BreakdownAnswer,
    EventsAnswer,
    PropertiesAnswer,
    SeriesAnswer,
    StatsAnswer,
    TableAnswer,
)
from reporting.columns import counting
from reporting.columns.dialect import listing
from reporting.columns.dialect.table import answer_table
from reporting.columns.read import open_view
from reporting.columns.slots import run
from reporting.columns.view import View
from reporting.questions.language.spans import begin_at
from reporting.questions.listing import EventsQuery, PropertiesQuery
from reporting.questions.query import BreakdownQuery, SeriesQuery, StatsQuery
from reporting.questions.table import TableQuery
from reporting.questions.window import Window
from reporting.snapshot import open_snapshot

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Q = TypeVar("Q", StatsQuery, SeriesQuery, BreakdownQuery, TableQuery, EventsQuery, PropertiesQuery)
T = TypeVar("T")


class ColumnsAnswerSource:
    """Reads all of an answer at one moment.

    Raises BadRequest (`query_timeout`, `query_too_large`, `bad_pattern`) and Unavailable
    (`store_unavailable`, `columns_unavailable`, `columns_damaged`, `columns_behind`, `query_busy`).
    """

    def answer_stats(self, query: StatsQuery) -> StatsAnswer:
        return _ask(query, counting.answer_stats)

    def answer_series(self, query: SeriesQuery) -> SeriesAnswer:
        return _ask(query, counting.answer_series)

    def answer_breakdown(self, query: BreakdownQuery) -> BreakdownAnswer:
        return _ask(query, counting.answer_breakdown)

    def answer_table(self, query: TableQuery) -> TableAnswer:
        """Of `period: all` the provenance says what was counted."""
        return _ask(query, _answer_table)

    def find_events(self, query: EventsQuery) -> EventsAnswer:
        return _ask(query, listing.find_events)

    def list_properties(self, query: PropertiesQuery) -> PropertiesAnswer:
        return _ask(query, listing.list_properties)


def _ask(query: Q, work: Callable[["DuckDBPyConnection", View, Q], T]) -> T:
    deadline = time.monotonic() + settings.QUERY_TIMEOUT_SECONDS
    window = _cover(query) if isinstance(query, TableQuery) else query.window
    with open_snapshot() as snapshot:
        view = open_view(snapshot, query.project, window)
    return run(query.project, deadline, lambda engine: work(engine, view, query))


def _answer_table(engine: "DuckDBPyConnection", view: View, query: TableQuery) -> TableAnswer:
    if query.span.window.start is not None:
        return answer_table(engine, view, query)
    query = begin_at(query, listing.find_first_event(engine, view, query.bots))
    answer = answer_table(engine, view, query)
    return replace(answer, provenance=replace(answer.provenance, counted=query.span.window))


def _cover(query: TableQuery) -> Window:
    """The window from the first to the last moment of the spans."""
    windows = [span.window for span in (query.span, query.compare) if span is not None]
    starts, ends = [each.start for each in windows], [each.end for each in windows]
    return Window(
        None if None in starts else min(filter(None, starts)),
        None if None in ends else max(filter(None, ends)),
    )
