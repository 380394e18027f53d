"""Answers from the columns."""

from reporting.answers import (
    BreakdownAnswer,
    EventsAnswer,
    PropertiesAnswer,
    SeriesAnswer,
    StatsAnswer,
    TableAnswer,
)
from reporting.questions.listing import EventsQuery, PropertiesQuery
from reporting.questions.query import BreakdownQuery, SeriesQuery, StatsQuery
from reporting.questions.table import TableQuery
from reporting.raw.answer_source import RawAnswerSource


class ColumnsAnswerSource:
    def answer_stats(self, query: StatsQuery) -> StatsAnswer:
        return RawAnswerSource().answer_stats(query)

    def answer_series(self, query: SeriesQuery) -> SeriesAnswer:
        return RawAnswerSource().answer_series(query)

    def answer_breakdown(self, query: BreakdownQuery) -> BreakdownAnswer:
        return RawAnswerSource().answer_breakdown(query)

    def answer_table(self, query: TableQuery) -> TableAnswer:
        raise NotImplementedError

    def find_events(self, query: EventsQuery) -> EventsAnswer:
        raise NotImplementedError

    def list_properties(self, query: PropertiesQuery) -> PropertiesAnswer:
        raise NotImplementedError
