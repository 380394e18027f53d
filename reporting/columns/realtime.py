"""The last minutes: of the events that pass a condition, and of visits."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime

from analytics.web.problems import BadRequest, Unavailable
from reporting.answers import RealtimeAnswer
from reporting.columns.answer_source import ColumnsAnswerSource
from reporting.questions.query import RealtimeQuery, StatsQuery, Window
from reporting.questions.table import Metric, Span, TableQuery, Unit
from reporting.raw.answer_source import MINUTE, REALTIME_VISITORS_MINUTES, list_minutes


def answer_realtime(source: ColumnsAnswerSource, query: RealtimeQuery) -> RealtimeAnswer:
    """All of it at one moment. Raises what `source` does."""
    minutes = list_minutes(query.now)
    recently = Window(query.now - MINUTE * REALTIME_VISITORS_MINUTES, query.now)
    window = Window(minutes[0], query.now)
    boundaries = (*minutes, minutes[-1] + MINUTE)
    visitors, views, visits = source.answer_tables(
        [
            _ask(query, "visitors", recently),
            _ask(query, "views", window, boundaries),
            _ask(query, "visits", window),
        ]
    )
    counts = [int(row.metrics[0] or 0) for row in views.rows]
    provenance = views.provenance
    if not visitors.totals.metrics[0] and not any(counts):
        asked = StatsQuery(
            project=query.project,
            window=window,
            condition=query.condition,
            bots=query.bots,
            restriction=query.restriction,
        )
        nothing = source.answer_stats(asked).provenance.nothing
        provenance = replace(provenance, nothing=nothing)
    return RealtimeAnswer(
        visitors=int(visitors.totals.metrics[0] or 0),
        views=list(zip(minutes, counts, strict=True)),
        provenance=provenance,
        visits=int(visits.totals.metrics[0] or 0),
    )


def add_visits(
    source: ColumnsAnswerSource, query: RealtimeQuery, answer: RealtimeAnswer
) -> RealtimeAnswer:
    """An answer of raw events with the visits, of which these alone do not know when they began.

    Where the columns cannot be asked the answer says so, and goes without.
    """
    asked = _ask(query, "visits", Window(list_minutes(query.now)[0], query.now))
    try:
        visits = source.answer_table(asked)
    except (BadRequest, Unavailable) as exc:
        if exc.code == "store_unavailable":
            raise
        return replace(answer, visits_refusal=exc.code)
    return replace(answer, visits=int(visits.totals.metrics[0] or 0))


def _ask(
    query: RealtimeQuery, metric: str, window: Window, boundaries: Sequence[datetime] = ()
) -> TableQuery:
    return TableQuery(
        project=query.project,
        metrics=(Metric(metric, metric),),
        dimensions=(Unit("minute"),) if boundaries else (),
        span=Span(window=window, boundaries=tuple(boundaries)),
        timezone=UTC,
        condition=query.condition,
        bots=query.bots,
        now=query.now,
        visit_zone=query.visit_zone,
        restriction=query.restriction,
    )
