"""Answers about funnels, retention and journeys as JSON."""

from collections.abc import Sequence
from datetime import datetime

from analytics.projects.zones import Zones
from reporting.answers import Cohort, FunnelAnswer, FunnelStep, JourneysAnswer, RetentionAnswer
from reporting.questions.conditions import Condition
from reporting.questions.funnel import FunnelQuery
from reporting.questions.journeys import JourneysQuery
from reporting.questions.language.windowed import begin_windowed
from reporting.questions.retention import RetentionQuery
from reporting.questions.timestamps import format_timestamp
from reporting.questions.windowed import WindowedQuery
from reporting.web.table_wire import (
    BOTS_JSON,
    render_condition,
    render_counting,
    render_local_window,
    round_number,
)
from reporting.web.wire import Json, spans_days

Behaviour = FunnelAnswer | RetentionAnswer | JourneysAnswer


def render_funnel(query: FunnelQuery, answer: FunnelAnswer, zones: Zones) -> Json:
    query = begin_windowed(query, _start_of(answer))
    asked: Json = {
        "steps": [render_condition(step) for step in query.steps],
        "within": None if query.by == "visit" else query.within_seconds,
        "by": query.by,
        "order": query.order,
        **_render_asked(query),
        "filter": _render_optional(query.condition),
        "dimension": query.dimension and query.dimension.name,
    }
    body: Json = {"steps": _render_steps(answer.steps)}
    if answer.groups is not None:
        asked["limit"] = query.limit
        body["groups"] = [
            {"dimension": group.value, "steps": _render_steps(group.steps)}
            for group in answer.groups
        ]
    meta = _render_meta(query, answer, zones, by_visitor=query.by == "visitor")
    return body | {"query": asked, "meta": meta}


def render_retention(query: RetentionQuery, answer: RetentionAnswer, zones: Zones) -> Json:
    query = begin_windowed(query, _start_of(answer))
    cohorts = [_render_cohort(query, at, cohort) for at, cohort in enumerate(answer.cohorts)]
    asked: Json = {
        "interval": query.interval,
        "periods": query.periods,
        "cohort": _render_optional(query.cohort),
        "return": _render_optional(query.returned),
        "by": query.by,
        **_render_asked(query),
    }
    meta = _render_meta(query, answer, zones, by_visitor=query.by == "visitor")
    return {"cohorts": cohorts, "query": asked, "meta": meta}


def render_journeys(query: JourneysQuery, answer: JourneysAnswer, zones: Zones) -> Json:
    query = begin_windowed(query, _start_of(answer))
    return {
        "journeys": [
            {"values": list(values), "visits": visits} for values, visits in answer.journeys
        ],
        "visits": answer.visits,
        "query": {
            "steps": query.steps,
            "field": query.field,
            "from": _render_optional(query.origin),
            **_render_asked(query),
            "filter": _render_optional(query.condition),
            "limit": query.limit,
        },
        "meta": _render_meta(query, answer, zones, by_visitor=False),
    }


def _start_of(answer: Behaviour) -> datetime | None:
    """Of what was counted."""
    counted = answer.provenance.counted
    return counted.start if counted else None


def _render_steps(steps: Sequence[FunnelStep]) -> list[Json]:
    before = [steps[0], *steps]
    return [
        {
            "people": step.people,
            "rate": _share(step.people, steps[0].people),
            "stepRate": _share(step.people, previous.people),
            "medianSeconds": step.median_seconds and round_number(step.median_seconds),
        }
        for step, previous in zip(steps, before, strict=False)
    ]


def _share(part: int, whole: int) -> float | None:
    return round_number(part / whole) if whole else None


def _render_cohort(query: RetentionQuery, at: int, cohort: Cohort) -> Json:
    """A unit that has not begun is null, as is one at the end of the window or after it."""
    begun = sum(start < query.now for start in query.boundaries[:-1])
    ends = query.boundaries[at + 1 :]
    over = sum(end <= min(query.now, query.window.end or query.now) for end in ends)
    returned = cohort.returned[: max(begun - at, 0)]
    return {
        "start": format_timestamp(query.boundaries[at].astimezone(query.timezone)),
        "people": cohort.people if at < begun else None,
        "returned": [*returned, *[None] * (query.periods - len(returned))],
        "partial": list(range(over, len(returned))),
    }


def _render_asked(query: WindowedQuery) -> Json:
    return {
        **render_local_window(query.window, query.timezone),
        "timezone": str(query.timezone),
        "bots": BOTS_JSON[query.bots],
    }


def _render_optional(condition: Condition | None) -> Json | None:
    return render_condition(condition) if condition else None


def _render_meta(
    query: WindowedQuery, answer: Behaviour, zones: Zones, *, by_visitor: bool
) -> Json:
    by_day = by_visitor and spans_days(query.window, zones)
    return render_counting(query, answer.provenance, answer.rows_read, zones, by_day=by_day)
