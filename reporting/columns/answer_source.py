"""The answer source of columns: exact, whatever is asked."""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

import structlog

from analytics.web.problems import Unavailable
from reporting.answers import (
    BreakdownAnswer,
    EventsAnswer,
    FunnelAnswer,
    JourneysAnswer,
    PropertiesAnswer,
    RetentionAnswer,
    SeriesAnswer,
    StatsAnswer,
    TableAnswer,
)
from reporting.columns import behaviour, counting
from reporting.columns.clickhouse import is_asked, run_there
from reporting.columns.dialect import listing
from reporting.columns.dialect.patterns import check_places
from reporting.columns.dialect.table import answer_table
from reporting.columns.read import check_again, in_snapshot, open_view, remember
from reporting.columns.slots import run
from reporting.columns.untranslatable import Untranslatable
from reporting.columns.view import View
from reporting.columns.widened import widen
from reporting.questions.funnel import FunnelQuery
from reporting.questions.journeys import JourneysQuery
from reporting.questions.language.spans import begin_at
from reporting.questions.listing import EventsQuery, PropertiesQuery
from reporting.questions.query import BreakdownQuery, SeriesQuery, StatsQuery
from reporting.questions.retention import RetentionQuery
from reporting.questions.table import TableQuery
from reporting.questions.window import Window
from reporting.questions.windowed import WindowedQuery
from reporting.snapshot import Snapshot

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

log = structlog.get_logger(__name__)

Q = TypeVar(
    "Q",
    StatsQuery,
    SeriesQuery,
    BreakdownQuery,
    TableQuery,
    FunnelQuery,
    RetentionQuery,
    JourneysQuery,
    EventsQuery,
    PropertiesQuery,
)
A = TypeVar(
    "A",
    StatsAnswer,
    SeriesAnswer,
    BreakdownAnswer,
    TableAnswer,
    FunnelAnswer,
    RetentionAnswer,
    JourneysAnswer,
    EventsAnswer,
    PropertiesAnswer,
)
Question = (
    StatsQuery
    | SeriesQuery
    | BreakdownQuery
    | TableQuery
    | WindowedQuery
    | EventsQuery
    | PropertiesQuery
)

_EVER = datetime.min.replace(tzinfo=UTC)


class ColumnsAnswerSource:
    """Reads all of an answer at one moment.

    Raises BadRequest (`query_timeout`, `query_too_large`, `bad_pattern`) and Unavailable
    (`store_unavailable`, `columns_unavailable`, `columns_damaged`, `columns_behind`, `query_busy`,
    `clickhouse_unavailable`). What ClickHouse cannot be asked, where there is one, DuckDB answers.
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

    def answer_funnel(self, query: FunnelQuery) -> FunnelAnswer:
        """Of `period: all` the provenance says what was counted."""
        return _ask(query, behaviour.answer_funnel)

    def answer_retention(self, query: RetentionQuery) -> RetentionAnswer:
        """As `answer_funnel`."""
        return _ask(query, behaviour.answer_retention)

    def answer_journeys(self, query: JourneysQuery) -> JourneysAnswer:
        """As `answer_funnel`."""
        return _ask(query, behaviour.answer_journeys)

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
    if is_asked():
        try:
            return _ask_at_once(queries, work, remote=True)
        except Untranslatable as exc:
            log.debug("clickhouse_not_asked", why=str(exc).partition(":")[0])
    return _ask_at_once(queries, work, remote=False)


def _ask_at_once(
    queries: Sequence[Q], work: Callable[["DuckDBPyConnection", View, Q], A], *, remote: bool
) -> list[A]:
    """All from one moment, and by one engine: so they add up. With `remote` by ClickHouse.

    Raises Untranslatable where that cannot be asked one of them.
    """
    [project_id] = {query.project for query in queries}

    def read(snapshot: Snapshot) -> tuple[float, list[View]]:
        return snapshot.deadline, [_open(snapshot, query, remote=remote) for query in queries]

    deadline, views = in_snapshot(project_id, read)
    pairs = zip(queries, views, strict=True)
    return [_answer(query, view, deadline, work, remote=remote) for query, view in pairs]


def _answer(
    query: Q,
    view: View,
    deadline: float,
    work: Callable[["DuckDBPyConnection", View, Q], A],
    *,
    remote: bool,
) -> A:
    def answer_anew() -> A:
        if not remote:
            return run(query.project, deadline, ask)
        answer = run_there(query.project, deadline, view, ask)
        return replace(answer, provenance=replace(answer.provenance, source="clickhouse"))

    def ask(engine: "DuckDBPyConnection") -> A:
        return _work(engine, view, query, work)

    try:
        answer = remember(view, (work, _without_moment(query), remote), deadline, answer_anew)
    except Unavailable as exc:
        if exc.code == "columns_unavailable" and not remote:
            check_again(view.segments)
        raise
    return replace(answer, provenance=replace(answer.provenance, fresh_as_of=view.fresh_as_of))


def _work(
    engine: "DuckDBPyConnection",
    view: View,
    query: Q,
    work: Callable[["DuckDBPyConnection", View, Q], A],
) -> A:
    check_places(engine, {"restriction": query.restriction})
    return work(engine, view, query)


def _without_moment(query: Q) -> Hashable:
    """The question as it is asked again: of the moment, only which units have begun."""
    if isinstance(query, TableQuery):
        spans = [span for span in (query.span, query.compare) if span]
        boundaries = [boundary for span in spans for boundary in span.boundaries]
        now = max((each for each in boundaries if each < query.now), default=_EVER)
        if query.is_series and not boundaries:  # of `all` the units are not known yet
            now = query.now.replace(second=0, microsecond=0)
        return replace(query, now=now, raw_horizon=None)
    if isinstance(query, WindowedQuery):
        now = _EVER if query.window.start else query.now.replace(second=0, microsecond=0)
        return replace(query, now=now, raw_horizon=None)
    if isinstance(query, StatsQuery | SeriesQuery | BreakdownQuery | PropertiesQuery):
        return replace(query, raw_horizon=None)
    return query


def _answer_table(engine: "DuckDBPyConnection", view: View, query: TableQuery) -> TableAnswer:
    if query.span.window.start is not None:
        return answer_table(engine, view, query)
    query = begin_at(query, listing.find_first_event(engine, view, query.bots))
    answer = answer_table(engine, view, query)
    return replace(answer, provenance=replace(answer.provenance, counted=query.span.window))


def _open(snapshot: Snapshot, query: Question, *, remote: bool) -> View:
    if isinstance(query, TableQuery | WindowedQuery) and query.needs_visits:
        zone = query.visit_zone
        window = widen(_cover(query), zone)
        return open_view(snapshot, query.project, window, zone, query.restriction, remote=remote)
    window = _cover(query)
    return open_view(snapshot, query.project, window, None, query.restriction, remote=remote)


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
