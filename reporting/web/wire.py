"""Answers as JSON: the wire form of every report."""

import json
from datetime import datetime
from typing import Any

from bson import DBRef

from analytics.events.ids import ms_of_datetime
from analytics.events.moments import format_moment
from analytics.events.properties import undo_reference
from analytics.projects.zones import Zones, find_day
from reporting.answers import (
    BreakdownAnswer,
    Counts,
    Provenance,
    RealtimeAnswer,
    Reason,
    SeriesAnswer,
    StatsAnswer,
)
from reporting.questions.query import (
    BreakdownQuery,
    Query,
    RealtimeQuery,
    SeriesQuery,
    StatsQuery,
    Window,
)
from reporting.questions.timestamps import format_timestamp

VISITORS_PER_DAY = "anonymous people count once per day of acceptance, in the project's time zone"
VISITS_CUT = (
    "a visit ends at midnight; what an anonymous person did before midnight, in the project's time "
    "zone, and was accepted after it is in a visit of its own"
)

_SHARE_DIGITS = 6

Json = dict[str, Any]


def render_stats(query: StatsQuery, answer: StatsAnswer, zones: Zones) -> Json:
    body: Json = {
        "totalViews": answer.totals.views,
        "uniqueUsers": answer.totals.users,
        "visitors": answer.totals.visitors,
        "topPaths": [{"path": path, "count": views} for path, views in answer.top_paths],
    }
    if query.group_by is not None:
        body["groups"] = [
            {
                "value": render_value(row.value),
                "count": row.counts.ranking(query.group_by),
                "uniqueUsers": row.counts.users,
            }
            for row in answer.groups or ()
        ]
    return body | render_question(query) | render_meta(answer.provenance, query, zones)


def render_series(query: SeriesQuery, answer: SeriesAnswer, zones: Zones) -> Json:
    starts = (start.astimezone(query.timezone) for start in query.boundaries)
    body: Json = {
        "series": [
            {"start": format_timestamp(start)} | render_counts(counts)
            for start, counts in zip(starts, answer.points, strict=False)
        ],
        "interval": query.interval,
    }
    return body | render_question(query) | render_meta(answer.provenance, query, zones)


def render_breakdown(query: BreakdownQuery, answer: BreakdownAnswer, zones: Zones) -> Json:
    body: Json = {
        "results": [
            {"value": render_value(row.value)}
            | render_counts(row.counts)
            | {"share": _share(row.counts.ranking(query.by), answer.whole)}
            for row in answer.rows
        ],
        "total": answer.total,
    }
    return body | render_question(query) | render_meta(answer.provenance, query, zones)


def render_realtime(query: RealtimeQuery, answer: RealtimeAnswer) -> Json:
    body: Json = {
        "visitors": answer.visitors,
        "visits": answer.visits,
        "views": [
            {"minute": format_timestamp(minute), "views": views} for minute, views in answer.views
        ],
    }
    body |= render_meta(answer.provenance, query)
    if answer.visits_refusal is not None:
        body["meta"]["visits"] = {"code": answer.visits_refusal}
    return body


def render_counts(counts: Counts) -> Json:
    return {
        "views": counts.views,
        "events": counts.events,
        "users": counts.users,
        "visitors": counts.visitors,
    }


def render_question(query: Query) -> Json:
    """The window as it was understood, and the time zone where one was asked for."""
    zone: Json = {} if query.timezone is None else {"timezone": str(query.timezone)}
    return zone | render_window(query.window)


def render_window(window: Window) -> Json:
    return {
        "start": format_timestamp(window.start) if window.start else None,
        "end": format_timestamp(window.end) if window.end else None,
    }


def render_value(value: Any) -> Any:
    """A JSON scalar as it is; an object or array, of properties, as compact JSON text."""
    if isinstance(value, (dict, list, DBRef)):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"), default=_encode_other)
    return value


def _encode_other(value: Any) -> Json:
    if isinstance(value, DBRef):
        return undo_reference(value)
    raise TypeError(f"{type(value).__name__} is no part of a property")


def render_meta(provenance: Provenance, query: Query, zones: Zones | None = None) -> Json:
    """`zones` are the project's; None where the question has no window."""
    uniques: Json = {"method": provenance.method, "error": provenance.error}
    if zones is not None and spans_days(query.window, zones):
        uniques["visitors"] = VISITORS_PER_DAY
    meta: Json = {
        "source": provenance.source,
        "uniques": uniques,
        "bots": query.bots,
        "freshAsOf": format_moment(provenance.fresh_as_of),
    }
    if provenance.counted is not None:
        meta["window"] = render_window(provenance.counted)
    if provenance.nothing:
        meta["nothing"] = [render_reason(reason) for reason in provenance.nothing]
    return {"meta": meta}


def render_visits(zone: str) -> Json:
    """By which zone visits end at midnight, and where they can be cut."""
    return {"timezone": zone, "cut": VISITS_CUT}


def render_pending(zones: Zones, now: datetime) -> Json:
    """The project's next time zone, where one was decided and is not in effect yet."""
    last = zones[-1]
    return {"timeZonePending": last.zone} if last.since_ms > ms_of_datetime(now) else {}


def render_reason(reason: Reason) -> Json:
    about = {"parameter": reason.parameter, "field": reason.field}
    told = {name: value for name, value in about.items() if value is not None}
    return {"code": reason.code, **told, "detail": reason.detail}


def spans_days(window: Window, zones: Zones) -> bool:
    """Whether the window may touch more than one day of the project."""
    if window.start is None or window.end is None:
        return True
    try:
        first = find_day(zones, ms_of_datetime(window.start))
    except OverflowError:  # at an edge of the calendar
        return True
    return ms_of_datetime(window.end) > first.end_ms


def _share(part: int, whole: int) -> float:
    return round(part / whole, _SHARE_DIGITS) if whole else 0.0
