"""The one way to an answer, for every endpoint and whoever else asks."""

from collections.abc import Sequence
from typing import assert_never, overload

from reporting.answers import (
    BreakdownAnswer,
    EventsAnswer,
    FunnelAnswer,
    JourneysAnswer,
    PropertiesAnswer,
    RealtimeAnswer,
    RetentionAnswer,
    SeriesAnswer,
    StatsAnswer,
    TableAnswer,
)
from reporting.choose import (
    COLUMNS,
    choose_answer_source,
    choose_columns,
    choose_table_source,
)
from reporting.columns import realtime
from reporting.questions.funnel import FunnelQuery
from reporting.questions.journeys import JourneysQuery
from reporting.questions.listing import EventsQuery, PropertiesQuery
from reporting.questions.query import BreakdownQuery, RealtimeQuery, SeriesQuery, StatsQuery
from reporting.questions.retention import RetentionQuery
from reporting.questions.table import TableQuery
from reporting.raw import answer_source as raw

Question = (
    StatsQuery
    | SeriesQuery
    | BreakdownQuery
    | RealtimeQuery
    | TableQuery
    | FunnelQuery
    | RetentionQuery
    | JourneysQuery
    | EventsQuery
    | PropertiesQuery
)
Answer = (
    StatsAnswer
    | SeriesAnswer
    | BreakdownAnswer
    | RealtimeAnswer
    | TableAnswer
    | FunnelAnswer
    | RetentionAnswer
    | JourneysAnswer
    | EventsAnswer
    | PropertiesAnswer
)


@overload
def answer(question: StatsQuery) -> StatsAnswer: ...
@overload
def answer(question: SeriesQuery) -> SeriesAnswer: ...
@overload
def answer(question: BreakdownQuery) -> BreakdownAnswer: ...
@overload
def answer(question: RealtimeQuery) -> RealtimeAnswer: ...
@overload
def answer(question: TableQuery) -> TableAnswer: ...
@overload
def answer(question: FunnelQuery) -> FunnelAnswer: ...
@overload
def answer(question: RetentionQuery) -> RetentionAnswer: ...
@overload
def answer(question: JourneysQuery) -> JourneysAnswer: ...
@overload
def answer(question: EventsQuery) -> EventsAnswer: ...
@overload
def answer(question: PropertiesQuery) -> PropertiesAnswer: ...
def answer(question: Question) -> Answer:
    """Choose the answer source and ask it; all of an answer is read at one point in time.

    Raises BadRequest (`raw_expired`, `query_timeout`, `query_too_large`, `bad_pattern`) for what
    cannot be answered as it is asked, and Unavailable (`store_unavailable`, `columns_unavailable`,
    `columns_damaged`, `columns_behind`, `query_busy`) while it cannot be answered at all.
    """
    match question:
        case StatsQuery():
            return choose_answer_source(question).answer_stats(question)
        case SeriesQuery():
            return choose_answer_source(question).answer_series(question)
        case BreakdownQuery():
            return choose_answer_source(question).answer_breakdown(question)
        case RealtimeQuery():
            if question.condition is None and question.restriction is None:
                return realtime.add_visits(COLUMNS, question, raw.answer_realtime(question))
            return realtime.answer_realtime(COLUMNS, question)
        case TableQuery():
            return choose_table_source(question).answer_table(question)
        case FunnelQuery():
            return choose_columns(question).answer_funnel(question)
        case RetentionQuery():
            return choose_columns(question).answer_retention(question)
        case JourneysQuery():
            return choose_columns(question).answer_journeys(question)
        case EventsQuery():
            return COLUMNS.find_events(question)
        case PropertiesQuery():
            return choose_columns(question).list_properties(question)
    assert_never(question)


def answer_all(questions: Sequence[TableQuery]) -> list[TableAnswer]:
    """As `answer` for several questions of one project: what columns answer is of one moment."""
    sources = [choose_table_source(question) for question in questions]
    pairs = list(zip(questions, sources, strict=True))
    of_columns = iter(COLUMNS.answer_tables([each for each, source in pairs if source is COLUMNS]))
    return [
        next(of_columns) if source is COLUMNS else source.answer_table(question)
        for question, source in pairs
    ]
