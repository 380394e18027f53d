"""Answers of the query language as JSON."""

import math
from collections.abc import Sequence
from datetime import datetime, tzinfo
from typing import Any

from analytics.events.moments import format_moment
from analytics.projects.zones import Zones
from reporting.answers import (
    Number,
    PropertiesAnswer,
    Provenance,
    TableAnswer,
    TableRow,
)
from reporting.questions.bots import Bots
from reporting.questions.conditions import And, Compare, Condition, Did, Not, Or
from reporting.questions.language.spans import begin_at
from reporting.questions.language.table import name_dimension
from reporting.questions.listing import PropertiesQuery
from reporting.questions.table import Span, TableQuery, Unit
from reporting.questions.timestamps import format_timestamp
from reporting.questions.window import Window
from reporting.questions.windowed import WindowedQuery
from reporting.web.wire import (
    VISITORS_PER_DAY,
    Json,
    render_pending,
    render_visits,
    spans_days,
)

BOTS_JSON: dict[Bots, bool | str] = {"included": True, "excluded": False, "only": "only"}


def render_table(query: TableQuery, answer: TableAnswer, zones: Zones) -> Json:
    if (counted := answer.provenance.counted) and query.span.window.start is None:
        query = begin_at(query, counted.start)
    numbers = _Numbers()
    rows = [_render_row(query, row, numbers) for row in answer.rows]
    return {
        "results": rows,
        "totals": numbers.write(answer.totals.metrics),
        "total": answer.total,
        "query": _render_query(query),
        "meta": _render_meta(query, answer, answer.not_finite + numbers.not_finite, zones),
    }


class _Numbers:
    """Numbers as they are written; counts those that are not finite, and null for that."""

    def __init__(self) -> None:
        self.not_finite = 0

    def write(self, numbers: Sequence[Number]) -> list[Number]:
        return [self._round(number) for number in numbers]

    def _round(self, number: Number) -> Number:
        if not isinstance(number, float):
            return number
        if math.isfinite(number):
            return round_number(number)
        self.not_finite += 1
        return None


def _render_row(query: TableQuery, row: TableRow, numbers: _Numbers) -> Json:
    values = [
        format_timestamp(value.astimezone(query.timezone)) if isinstance(of, Unit) else value
        for of, value in zip(query.dimensions, row.dimensions, strict=True)
    ]
    body: Json = {"dimensions": values, "metrics": numbers.write(row.metrics)}
    if row.compared is not None:
        pairs = list(zip(row.metrics, row.compared, strict=True))
        body["compare"] = {
            "metrics": numbers.write(row.compared),
            "change": numbers.write([_change(*pair) for pair in pairs]),
            "difference": numbers.write([_subtract(*pair) for pair in pairs]),
        }
    return body


def _change(now: Number, before: Number) -> Number:
    return None if now is None or not before else (now - before) / before


def _subtract(now: Number, before: Number) -> Number:
    return None if now is None or before is None else now - before


def round_number(number: float) -> float:
    """To 12 significant digits; beyond them engines differ."""
    return float(f"{number:.12g}")


def _render_query(query: TableQuery) -> Json:
    dimensions = [name_dimension(dimension) for dimension in query.dimensions]
    metrics = [metric.text for metric in query.metrics]
    body: Json = {
        "metrics": metrics,
        "dimensions": dimensions,
        **render_local_window(query.span.window, query.timezone),
        "timezone": str(query.timezone),
        "filter": query.condition and render_condition(query.condition),
        "goal": query.goal and render_condition(query.goal),
        "bots": BOTS_JSON[query.bots],
        "compare": query.compare and render_local_window(query.compare.window, query.timezone),
    }
    if not query.is_series:
        names = {"metric": metrics, "dimension": dimensions}
        body["order"] = [
            [names[by.of][by.index], "desc" if by.descending else "asc"] for by in query.order
        ]
        body |= {"limit": query.limit, "offset": query.offset}
    return body


def render_local_window(window: Window, zone: tzinfo) -> Json:
    ends = {"start": window.start, "end": window.end}
    return {
        name: moment and format_timestamp(moment.astimezone(zone)) for name, moment in ends.items()
    }


def render_condition(condition: Condition) -> Json:
    """As it is asked for, whatever its values were spelled as."""
    match condition:
        case And():
            return {"and": [render_condition(part) for part in condition.parts]}
        case Or():
            return {"or": [render_condition(part) for part in condition.parts]}
        case Not():
            return {"not": render_condition(condition.part)}
        case Did():
            return {"did": render_condition(condition.part)}
        case Compare():
            body: Json = {"field": condition.field.name, "op": condition.operator}
            if condition.operator != "exists":
                body["values"] = list(condition.values)
            return body if condition.case_sensitive else body | {"caseSensitive": False}


def _render_meta(query: TableQuery, answer: TableAnswer, not_finite: int, zones: Zones) -> Json:
    by_day = spans_days(query.span.window, zones)
    meta = render_counting(query, answer.provenance, answer.rows_read, zones, by_day=by_day)
    if query.span.boundaries:
        meta["partial"] = [
            format_timestamp(start.astimezone(query.timezone))
            for start in find_partial(query.span, query.now)
        ]
    if not_finite:
        meta["notFinite"] = not_finite
    if answer.mixed:
        meta["mixed"] = list(answer.mixed)
    if (counted := answer.provenance.counted) and counted != query.span.window:
        meta["window"] = render_local_window(counted, query.timezone)
    return meta


def render_reading(provenance: Provenance, rows_read: int) -> Json:
    return {"freshAsOf": format_moment(provenance.fresh_as_of), "rowsRead": rows_read}


def render_counting(
    query: TableQuery | WindowedQuery,
    provenance: Provenance,
    rows_read: int,
    zones: Zones,
    *,
    by_day: bool,
) -> Json:
    """`by_day`: whether anonymous visitors of several days are counted as others each day."""
    uniques: Json = {"method": provenance.method, "error": provenance.error}
    if by_day:
        uniques["visitors"] = VISITORS_PER_DAY
    return {
        "source": provenance.source,
        "uniques": uniques,
        **_render_zones(query, zones),
        **render_reading(provenance, rows_read),
    }


def _render_zones(query: TableQuery | WindowedQuery, zones: Zones) -> Json:
    """Of a question that asks of visits by which zone they end, and which zone is to come."""
    visits: Json = {"visits": render_visits(query.visit_zone)} if query.needs_visits else {}
    return visits | render_pending(zones, query.now)


def find_partial(span: Span, now: datetime) -> list[datetime]:
    """The starts of the units that are not over, or cut by the window."""
    start, end = span.window.start, span.window.end
    assert start is not None and end is not None
    ends = span.boundaries[1:]
    return [
        begin
        for begin, until in zip(span.boundaries, ends, strict=False)
        if until > now or begin < start or until > end
    ]


def render_events(
    events: Sequence[Json], after: str | None, window: Json, provenance: Provenance, rows_read: int
) -> Json:
    meta: Json = {"source": provenance.source, **render_reading(provenance, rows_read)}
    return {"events": list(events), "after": after, "query": window, "meta": meta}


def render_properties(query: PropertiesQuery, answer: PropertiesAnswer) -> Json:
    rows: list[Any] = [
        {
            "name": row.name,
            "types": list(row.types),
            "events": row.events,
            "share": round_number(row.events / answer.events),
            "lastSeen": format_moment(row.last_seen),
        }
        for row in answer.rows
    ]
    return {
        "properties": rows,
        "query": render_local_window(query.window, query.timezone),
        "meta": {
            "source": answer.provenance.source,
            **render_reading(answer.provenance, answer.rows_read),
        },
    }
