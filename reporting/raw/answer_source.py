"""The answer source that counts raw events: exact, and as slow as the events are many."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from reporting.answers import (
    BreakdownAnswer,
    Counts,
    Provenance,
    RealtimeAnswer,
    Reason,
    SeriesAnswer,
    StatsAnswer,
)
from reporting.nothing import miss_events, miss_field
from reporting.questions.fields import PATH
from reporting.questions.query import BreakdownQuery, RealtimeQuery, SeriesQuery, StatsQuery, Window
from reporting.raw.counting import (
    COUNT_VIEWS,
    add_people,
    count_people,
    match_events,
    rank_values,
    read_events,
)
from reporting.raw.expressions import index_expression
from reporting.snapshot import open_snapshot

REALTIME_VISITORS_MINUTES = 5
REALTIME_VIEWS_MINUTES = 30

NOT_EMPTY: Sequence[Reason] = ()

MINUTE = timedelta(minutes=1)


def exact_now() -> Provenance:
    return Provenance("raw", "exact", 0, datetime.now(UTC))


class RawAnswerSource:
    """Answers questions without a condition."""

    def answer_stats(self, query: StatsQuery) -> StatsAnswer:
        provenance = exact_now()
        with open_snapshot() as snapshot:
            totals = count_people(snapshot, query).get(None, Counts())
            paths = rank_values(snapshot, query, PATH, limit=query.limit)
            groups, nothing = None, NOT_EMPTY
            if field := query.group_by:
                ranking = rank_values(snapshot, query, field, limit=query.limit, none=query.none)
                counted = [row for row in ranking.rows if row.counts.ranking(field)]
                groups = add_people(snapshot, query, field, counted, none=query.none)
                nothing = [] if ranking.total else [miss_field("groupBy", field)]
            if not totals.events:
                nothing = [miss_events(query)]
        return StatsAnswer(
            totals=totals,
            top_paths=[(row.value, row.counts.views) for row in paths.rows if row.counts.views],
            groups=groups,
            provenance=replace(provenance, nothing=nothing),
        )

    def answer_series(self, query: SeriesQuery) -> SeriesAnswer:
        provenance = exact_now()
        with open_snapshot() as snapshot:
            counts = count_people(snapshot, query, index_expression(query.boundaries))
            nothing = NOT_EMPTY if counts else [miss_events(query)]
        units = range(len(query.boundaries) - 1)
        points = [counts.get(unit, Counts()) for unit in units]
        return SeriesAnswer(points, replace(provenance, nothing=nothing))

    def answer_breakdown(self, query: BreakdownQuery) -> BreakdownAnswer:
        provenance = exact_now()
        with open_snapshot() as snapshot:
            ranking = rank_values(
                snapshot,
                query,
                query.by,
                limit=query.limit,
                offset=query.offset,
                none=query.none,
            )
            rows = add_people(snapshot, query, query.by, ranking.rows, none=query.none)
            nothing = NOT_EMPTY if ranking.total else [miss_field("by", query.by)]
            if not ranking.whole.events:
                nothing = [miss_events(query)]
        provenance = replace(provenance, nothing=nothing)
        return BreakdownAnswer(rows, ranking.total, ranking.whole.ranking(query.by), provenance)


def list_minutes(now: datetime) -> list[datetime]:
    """The starts of the last minutes, the running one too."""
    newest = now.replace(second=0, microsecond=0)
    return [newest - MINUTE * ago for ago in reversed(range(REALTIME_VIEWS_MINUTES))]


def answer_realtime(query: RealtimeQuery) -> RealtimeAnswer:
    """Without a condition. Minutes are narrower than buckets: only events can tell."""
    provenance = exact_now()
    minutes = list_minutes(query.now)
    recently = Window(query.now - MINUTE * REALTIME_VISITORS_MINUTES, query.now)
    window = Window(minutes[0], query.now)
    unit = index_expression([*minutes, minutes[-1] + MINUTE])
    with open_snapshot() as snapshot:
        people = count_people(snapshot, query, window=recently).get(None, Counts())
        counts = read_events(
            snapshot,
            match_events(query, window),
            {"$group": {"_id": unit, "views": COUNT_VIEWS}},
        )
        nothing = NOT_EMPTY if counts else [miss_events(query)]
    views = {row["_id"]: row["views"] for row in counts}
    return RealtimeAnswer(
        visitors=people.visitors,
        views=[(minute, views.get(index, 0)) for index, minute in enumerate(minutes)],
        provenance=replace(provenance, nothing=nothing),
    )
