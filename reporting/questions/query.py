"""From query parameters to a query: everything a report needs to know, checked and typed.

Each `parse_*_query` refuses a request by raising BadRequest, with a code for every parameter
that is wrong. A query's project comes from the API key and from nowhere else.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo

from reporting.questions.bots import Bots, take_bots
from reporting.questions.conditions import Condition
from reporting.questions.fields import Field, parse_dimension, parse_field
from reporting.questions.filters import take_condition
from reporting.questions.params import MultiDict, Parameters
from reporting.questions.units import (
    INTERVALS,
    MAX_POINTS,
    Interval,
    TooManyPoints,
    list_boundaries,
)
from reporting.questions.window import EDGE, UNBOUNDED, take_window, take_zone
from reporting.questions.window import Window as Window

DEFAULT_LIMIT = 10
MAX_LIMIT = 1_000
MAX_OFFSET = 100_000

_INTERVALS: dict[str, Interval] = {name: name for name in INTERVALS}
_FLAGS = {"true": True, "false": False}


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """The events that are asked about; `exact` asks for uniques counted from raw events.

    `timezone` is that of dates without a time; None: nobody asked for any, so UTC.
    Raw events from before `raw_horizon` may be gone; None: all are kept. `bots` are counted with
    the others, not at all, or alone. Of all events only those that pass `restriction` are there.
    """

    project: bytes
    raw_horizon: datetime | None = None
    window: Window = UNBOUNDED
    timezone: tzinfo | None = None
    condition: Condition | None = None
    exact: bool = False
    bots: Bots = "included"
    restriction: Condition | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatsQuery(Query):
    """With `none` the groups have a row for events without the field."""

    limit: int = DEFAULT_LIMIT
    group_by: Field | None = None
    none: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SeriesQuery(Query):
    timezone: tzinfo
    interval: Interval
    # The starts of the units, in UTC, and the end of the last: points are between neighbours.
    boundaries: tuple[datetime, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakdownQuery(Query):
    """With `none` the results have a row for events without the field."""

    by: Field
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    none: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RealtimeQuery(Query):
    """`now` is cut to milliseconds; the window is not used. At the midnights of `visit_zone` visits
    end."""

    now: datetime
    visit_zone: str = "UTC"


def parse_stats_query(
    project: bytes,
    given: MultiDict,
    raw_horizon: datetime | None = None,
    *,
    leaves_out_bots: bool = False,
) -> StatsQuery:
    known = ("start", "end", "timezone", "limit", "groupBy", "none", "filter", "exact", "bots")
    parameters = Parameters(given, known)
    zone = take_zone(parameters)
    window = take_window(parameters, zone)
    condition = take_condition(parameters)
    group_by = parameters.parse("groupBy", "bad_group_by", parse_field)
    query = StatsQuery(
        project=project,
        raw_horizon=raw_horizon,
        window=window,
        timezone=zone,
        condition=condition,
        exact=_take_exact(parameters),
        bots=take_bots(parameters, leaves_out_bots, by=group_by, condition=condition),
        limit=_take_limit(parameters),
        group_by=group_by,
        none=_take_none(parameters),
    )
    parameters.check()
    return query


def parse_series_query(
    project: bytes,
    given: MultiDict,
    raw_horizon: datetime | None = None,
    *,
    leaves_out_bots: bool = False,
) -> SeriesQuery:
    known = ("start", "end", "interval", "timezone", "filter", "exact", "bots")
    parameters = Parameters(given, known)
    zone = take_zone(parameters)
    interval = parameters.choice("interval", "bad_interval", _INTERVALS, "day")
    window = take_window(parameters, zone, required=True)
    condition = take_condition(parameters)
    exact = _take_exact(parameters)
    bots = take_bots(parameters, leaves_out_bots, condition=condition)
    boundaries = _take_boundaries(parameters, window, interval, zone or UTC)
    parameters.check()
    return SeriesQuery(
        project=project,
        raw_horizon=raw_horizon,
        window=window,
        timezone=zone or UTC,
        condition=condition,
        exact=exact,
        bots=bots,
        interval=interval,
        boundaries=boundaries,
    )


def parse_breakdown_query(
    project: bytes,
    given: MultiDict,
    raw_horizon: datetime | None = None,
    *,
    leaves_out_bots: bool = False,
) -> BreakdownQuery:
    known = (
        "by", "start", "end", "timezone", "limit", "offset", "none", "filter", "exact", "bots",
    )  # fmt: skip
    parameters = Parameters(given, known)
    by = parameters.parse("by", "bad_group_by", parse_dimension, required=True)
    zone = take_zone(parameters)
    window = take_window(parameters, zone)
    condition = take_condition(parameters)
    exact = _take_exact(parameters)
    bots = take_bots(parameters, leaves_out_bots, by=by, condition=condition)
    limit = _take_limit(parameters)
    offset = parameters.number("offset", "bad_offset", low=0, high=MAX_OFFSET, default=0)
    none = _take_none(parameters)
    parameters.check()
    assert by is not None  # else it was refused
    return BreakdownQuery(
        project=project,
        raw_horizon=raw_horizon,
        window=window,
        timezone=zone,
        condition=condition,
        exact=exact,
        bots=bots,
        by=by,
        limit=limit,
        offset=offset,
        none=none,
    )


def parse_realtime_query(
    project: bytes,
    given: MultiDict,
    now: datetime,
    *,
    leaves_out_bots: bool = False,
    visit_zone: str = "UTC",
) -> RealtimeQuery:
    parameters = Parameters(given, ("filter", "bots"))
    condition = take_condition(parameters)
    bots = take_bots(parameters, leaves_out_bots, condition=condition)
    parameters.check()
    return RealtimeQuery(
        project=project, condition=condition, bots=bots, now=now, visit_zone=visit_zone
    )


def _take_limit(parameters: Parameters) -> int:
    return parameters.number("limit", "bad_limit", low=1, high=MAX_LIMIT, default=DEFAULT_LIMIT)


def _take_exact(parameters: Parameters) -> bool:
    return parameters.choice("exact", "bad_exact", _FLAGS, False)


def _take_none(parameters: Parameters) -> bool:
    return parameters.choice("none", "bad_none", _FLAGS, False)


def _take_boundaries(
    parameters: Parameters, window: Window, interval: Interval, zone: tzinfo
) -> tuple[datetime, ...]:
    if window.start is None or window.end is None:
        return ()  # refused already
    try:
        return tuple(list_boundaries(window.start, window.end, interval, zone))
    except TooManyPoints:
        reason = f"makes more than {MAX_POINTS:,} points of this window"
        parameters.refuse("interval", "too_many_points", reason)
    except OverflowError:
        parameters.refuse("end", "bad_window", EDGE)
    return ()
