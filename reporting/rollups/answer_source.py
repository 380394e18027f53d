"""The answer source that adds up rollups: as fast as the answer is small, and equal to the raw one.

Whole buckets come from months, days, buckets and summaries, the narrow edges of a window from
raw events; all of it is read in one snapshot.
"""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Literal

from analytics.rollups import RELATIVE_ERROR, TOTAL
from analytics.rollups.calendar import bucket_of
from analytics.rollups.codec import SetChoice
from reporting.answers import (
    BreakdownAnswer,
    Counts,
    Provenance,
    Reason,
    Row,
    SeriesAnswer,
    StatsAnswer,
)
from reporting.nothing import miss_events, miss_field
from reporting.questions.fields import PATH, Field
from reporting.questions.query import BreakdownQuery, Query, SeriesQuery, StatsQuery
from reporting.rollups.cover import Frame, frame_window
from reporting.rollups.gather import gather
from reporting.rollups.points import count_points
from reporting.rollups.tables import Tables, TopList
from reporting.snapshot import Snapshot, open_snapshot


class RollupAnswerSource:
    """Answers queries without filters, by dimensions only, whose points begin on a bucket.

    Raises CorruptTable when a rollup cannot be read.
    """

    def answer_stats(self, query: StatsQuery) -> StatsAnswer:
        now = datetime.now(UTC)
        frame = frame_window(query.window, query.raw_horizon)
        field = query.group_by
        names = [PATH.name] if field is None else list({PATH.name: 0, field.name: 0})
        with open_snapshot() as snapshot:
            tables = _read(snapshot, query, frame, names)
            totals = tables.count_totals(people=True)
            paths = _rank_counted(tables, PATH, query.limit)
            groups = None
            nothing: Sequence[Reason] = () if totals.events else (miss_events(query),)
            if field is not None:
                groups = _count_groups(tables, field, _rank_counted(tables, field, query.limit))
                values = len(groups) or _count_values(tables, field)
                nothing = _explain(query, totals, values, "groupBy", field)
        return StatsAnswer(
            totals=totals,
            top_paths=[(row.value, row.count) for row in paths.rows],
            groups=groups,
            provenance=_describe(query, frame, tables.is_exact, now, nothing),
        )

    def answer_series(self, query: SeriesQuery) -> SeriesAnswer:
        now = datetime.now(UTC)
        frame = frame_window(query.window, query.raw_horizon)
        cuts = [bucket_of(boundary) for boundary in query.boundaries[1:-1]]
        with open_snapshot() as snapshot:
            gathered = gather(snapshot, query.project, frame, [], cuts, query.bots)
            points, is_exact = count_points(snapshot, gathered, len(query.boundaries) - 1)
        nothing = () if any(point.events for point in points) else (miss_events(query),)
        return SeriesAnswer(points, _describe(query, frame, is_exact, now, nothing))

    def answer_breakdown(self, query: BreakdownQuery) -> BreakdownAnswer:
        now = datetime.now(UTC)
        frame = frame_window(query.window, query.raw_horizon)
        field = query.by
        with open_snapshot() as snapshot:
            tables = _read(snapshot, query, frame, [field.name])
            whole = tables.count_totals(people=False)
            page = tables.rank(
                field.name,
                by="events" if field.counts_events else "views",
                limit=query.limit,
                offset=query.offset,
                include_zero=True,
            )
            rows = _count_groups(tables, field, page, sets=True)
        nothing = _explain(query, whole, page.total, "by", field)
        provenance = _describe(query, frame, tables.is_exact, now, nothing)
        return BreakdownAnswer(rows, page.total, whole.ranking(field), provenance)


def _read(snapshot: Snapshot, query: Query, frame: Frame, dimensions: Sequence[str]) -> Tables:
    gathered = gather(snapshot, query.project, frame, dimensions, [], query.bots)
    return Tables(snapshot, gathered, [TOTAL, *dimensions])


def _rank_counted(tables: Tables, field: Field, limit: int) -> TopList:
    """The first values that counted anything."""
    by: Literal["events", "views"] = "events" if field.counts_events else "views"
    return tables.rank(field.name, by=by, limit=limit, include_zero=False)


def _count_values(tables: Tables, field: Field) -> int:
    return tables.rank(field.name, by="events", limit=1, include_zero=True).total


def _count_groups(
    tables: Tables, field: Field, page: TopList, sets: SetChoice = "users"
) -> list[Row]:
    counts = tables.count_rows(field.name, [row.hash for row in page.rows], sets)
    return [Row(row.value, counted) for row, counted in zip(page.rows, counts, strict=True)]


def _explain(
    query: Query, whole: Counts, values: int, parameter: str, field: Field
) -> tuple[Reason, ...]:
    """Why there is no value of `field`, if there is none."""
    if not whole.events:
        return (miss_events(query),)
    return () if values else (miss_field(parameter, field),)


def _describe(
    query: Query, frame: Frame, is_exact: bool, now: datetime, nothing: Sequence[Reason]
) -> Provenance:
    if not frame.has_buckets:
        source: Literal["raw", "rollup", "mixed"] = "raw"
    else:
        source = "mixed" if frame.edges else "rollup"
    return Provenance(
        source=source,
        method="exact" if is_exact else "hll",
        error=0 if is_exact else RELATIVE_ERROR,
        fresh_as_of=now,
        counted=frame.window if frame.window != query.window else None,
        nothing=nothing,
    )
