"""Answers of the query language as JSON."""

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
from reporting.web.wire import VISITORS_PER_DAY, Json, spans_days

_BOTS: dict[Bots, bool | str] = {"included": True, "excluded": False, "only": "only"}


def render_table(query: TableQuery, answer: TableAnswer, zones: Zones) -> Json:
    if (counted := answer.provenance.counted) and query.span.window.start is None:
        query = begin_at(query, counted.start)
    return {
        "results": [_render_row(query, row) for row in answer.rows],
        "totals": _round_all(answer.totals.metrics),
        "total": answer.total,
        "query": _render_query(query),
        "meta": _render_meta(query, answer, zones),
    }


def _render_row(query: TableQuery, row: TableRow) -> Json:
    values = [
        format_timestamp(value.astimezone(query.timezone)) if isinstance(of, Unit) else value
        for of, value in zip(query.dimensions, row.dimensions, strict=True)
    ]
    now: Sequence[Number] = row.metrics
    if query.is_series and row.dimensions[0] > query.now:
        now = [None] * len(now)
    body: Json = {"dimensions": values, "metrics": _round_all(now)}
    if row.compared is not None:
        pairs = list(zip(now, row.compared, strict=True))
        body["compare"] = {
            "metrics": _round_all(row.compared),
            "change": [_change(*pair) for pair in pairs],
            "difference": [_subtract(*pair) for pair in pairs],
        }
    return body


def _change(now: Number, before: Number) -> Number:
    difference = None if before is None else _subtract(now, before)
    return None if difference is None or not before else _round(difference / before)


def _subtract(now: Number, before: Number) -> Number:
    return None if now is None or before is None else _round(now - before)


def _round_all(numbers: Sequence[Number]) -> list[Number]:
    return [_round(number) for number in numbers]


def _round(number: Number) -> Number:
    """Doubles to 12 significant digits; beyond them engines differ."""
    return float(f"{number:.12g}") if isinstance(number, float) else number


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
        "bots": _BOTS[query.bots],
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


def _render_meta(query: TableQuery, answer: TableAnswer, zones: Zones) -> Json:
    uniques: Json = {"method": answer.provenance.method, "error": answer.provenance.error}
    if spans_days(query.span.window, zones):
        uniques["visitors"] = VISITORS_PER_DAY
    meta: Json = {
        "source": answer.provenance.source,
        "uniques": uniques,
        **_render_reading(answer.provenance, answer.rows_read),
    }
    if query.span.boundaries:
        meta["partial"] = [
            format_timestamp(start.astimezone(query.timezone))
            for start in find_partial(query.span, query.now)
        ]
    if answer.not_finite:
        meta["notFinite"] = answer.not_finite
    if answer.mixed:
        meta["mixed"] = list(answer.mixed)
    if (counted := answer.provenance.counted) and counted != query.span.window:
        meta["window"] = render_local_window(counted, query.timezone)
    return meta


def _render_reading(provenance: Provenance, rows_read: int) -> Json:
    return {"freshAsOf": format_moment(provenance.fresh_as_of), "rowsRead": rows_read}


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
    meta: Json = {"source": provenance.source, **_render_reading(provenance, rows_read)}
    return {"events": list(events), "after": after, "query": window, "meta": meta}


def render_properties(query: PropertiesQuery, answer: PropertiesAnswer) -> Json:
    rows: list[Any] = [
        {
            "name": row.name,
            "types": list(row.types),
            "events": row.events,
            "share": _round(row.events / answer.events),
            "lastSeen": format_moment(row.last_seen),
        }
        for row in answer.rows
    ]
    return {
        "properties": rows,
        "query": render_local_window(query.window, query.timezone),
        "meta": {
            "source": answer.provenance.source,
            **_render_reading(answer.provenance, answer.rows_read),
        },
    }
