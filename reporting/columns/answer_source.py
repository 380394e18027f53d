"""The answer source of columns: exact, whatever is asked."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

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
from reporting.columns.read import in_snapshot, open_view, remember
from reporting.columns.slots import run
from reporting.columns.view import View
from reporting.questions.language.spans import begin_at
from reporting.questions.listing import EventsQuery, PropertiesQuery
from reporting.questions.query import BreakdownQuery, SeriesQuery, StatsQuery
from reporting.questions.table import TableQuery
from reporting.questions.window import Window
from reporting.snapshot import Snapshot

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

Q = TypeVar("Q", StatsQuery, SeriesQuery, BreakdownQuery, TableQuery, EventsQuery, PropertiesQuery)
A = TypeVar(
    "A",
    StatsAnswer,
    SeriesAnswer,
    BreakdownAnswer,
    TableAnswer,
    EventsAnswer,
    PropertiesAnswer,
)
Question = StatsQuery | SeriesQuery | BreakdownQuery | TableQuery | EventsQuery | PropertiesQuery

_EVER = datetime.min.replace(tzinfo=UTC)


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

    def answer_tables(self, queries: Sequence[TableQuery]) -> list[TableAnswer]:
        """Questions of one project, all answered from one moment: so they add up."""
        return _ask_all(queries, _answer_table)

    def find_events(self, query: EventsQuery) -> EventsAnswer:
        return _ask(query, listing.find_events)

    def list_properties(self, query: PropertiesQuery) -> PropertiesAnswer:
        return _ask(query, listing.list_properties)


def _ask(query: Q, work: Callable[["DuckDBPyConnection", View, Q], A]) -> A:
    [answer] = _ask_all([query], work)
    return answer


def _ask_all(queries: Sequence[Q], work: Callable[["DuckDBPyConnection", View, Q], A]) -> list[A]:
    if not queries:
        return []
    [project_id] = {query.project for query in queries}

    def read(snapshot: Snapshot) -> tuple[float, list[View]]:
        views = [open_view(snapshot, project_id, _cover(query)) for query in queries]
        return snapshot.deadline, views

    deadline, views = in_snapshot(project_id, read)
    pairs = zip(queries, views, strict=True)
    return [_answer(query, view, deadline, work) for query, view in pairs]


def _answer(
    query: Q, view: View, deadline: float, work: Callable[["DuckDBPyConnection", View, Q], A]
) -> A:
    answer = remember(
        view,
        (work, _without_moment(query, view)),
        deadline,
        lambda: run(query.project, deadline, lambda engine: work(engine, view, query)),
    )
    return replace(answer, provenance=replace(answer.provenance, fresh_as_of=view.fresh_as_of))


def _without_moment(query: Q, view: View) -> Hashable:
    """The question as it is asked again: of the moment, only which units have begun."""
    if isinstance(query, TableQuery):
        spans = [span for span in (query.span, query.compare) if span]
        boundaries = [boundary for span in spans for boundary in span.boundaries]
        now = max((each for each in boundaries if each < query.now), default=_EVER)
        if query.is_series and not boundaries:  # of `all` the units are not known yet
            now = query.now.replace(second=0, microsecond=0)
        return replace(query, now=now, raw_horizon=None)
    if isinstance(query, SeriesQuery):
        begun = sum(boundary <= view.fresh_as_of for boundary in query.boundaries)
        return replace(query, raw_horizon=None), begun
    if isinstance(query, StatsQuery | BreakdownQuery):
        return replace(query, raw_horizon=None)
    return query


def _answer_table(engine: "DuckDBPyConnection", view: View, query: TableQuery) -> TableAnswer:
    if query.span.window.start is not None:
        return answer_table(engine, view, query)
    query = begin_at(query, listing.find_first_event(engine, view, query.bots))
    answer = answer_table(engine, view, query)
    return replace(answer, provenance=replace(answer.provenance, counted=query.span.window))


def _cover(query: Question) -> Window:
    """The window of a question, of a table's from the first to the last moment of its spans."""
    if not isinstance(query, TableQuery):
        return query.window
    windows = [span.window for span in (query.span, query.compare) if span is not None]
    starts, ends = [each.start for each in windows], [each.end for each in windows]
    return Window(
        None if None in starts else min(filter(None, starts)),
        None if None in ends else max(filter(None, ends)),
    )
