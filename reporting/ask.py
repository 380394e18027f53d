"""The one way to an answer, for every endpoint and whoever else asks."""

from typing import assert_never, overload

from reporting.answers import BreakdownAnswer, RealtimeAnswer, SeriesAnswer, StatsAnswer
from reporting.choose import choose_answer_source
from reporting.questions.query import BreakdownQuery, RealtimeQuery, SeriesQuery, StatsQuery
from reporting.raw.answer_source import answer_realtime

Question = StatsQuery | SeriesQuery | BreakdownQuery | RealtimeQuery
Answer = StatsAnswer | SeriesAnswer | BreakdownAnswer | RealtimeAnswer


@overload
def answer(question: StatsQuery) -> StatsAnswer: ...
@overload
def answer(question: SeriesQuery) -> SeriesAnswer: ...
@overload
def answer(question: BreakdownQuery) -> BreakdownAnswer: ...
@overload
def answer(question: RealtimeQuery) -> RealtimeAnswer: ...
def answer(question: Question) -> Answer:
    """Choose the answer source and ask it; all of an answer is read at one point in time.

    Raises BadRequest (`raw_expired`, `query_timeout`) for what cannot be answered as it is asked,
    and Unavailable (`store_unavailable`) while the store of events cannot be read.
    """
    match question:
        case StatsQuery():
            return choose_answer_source(question).answer_stats(question)
        case SeriesQuery():
            return choose_answer_source(question).answer_series(question)
        case BreakdownQuery():
            return choose_answer_source(question).answer_breakdown(question)
        case RealtimeQuery():
            return answer_realtime(question)
    assert_never(question)
