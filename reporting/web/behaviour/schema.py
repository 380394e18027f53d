"""The bodies of questions about funnels, retention and journeys, as JSON Schema has them."""

from typing import Any

from analytics.web.openapi import Json, object_of
from reporting.questions.language.funnel import (
    DEFAULT_WITHIN_SECONDS,
    FUNNEL_BY,
    FUNNEL_ORDERS,
    MAX_STEPS,
    MAX_WITHIN_SECONDS,
    MIN_STEPS,
)
from reporting.questions.language.journeys import (
    DEFAULT_VALUES,
    JOURNEY_VALUES,
    MAX_VALUES,
    MIN_VALUES,
)
from reporting.questions.language.retention import (
    DEFAULT_PERIODS,
    MAX_PERIODS,
    RETENTION_BY,
    RETENTION_INTERVALS,
)
from reporting.questions.language.table import DEFAULT_ROWS, MAX_ROWS
from reporting.web.query_schema import (
    A_TIME,
    BOTS,
    FILTER,
    NUMBER,
    READING,
    TEXT,
    WINDOW,
    ZONES,
    list_of,
)

_LIMIT: Json = {"type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": DEFAULT_ROWS}
_COUNT: Json = {"type": "integer"}


def _choice(choices: tuple[str, ...], default: str) -> Json:
    return {"type": "string", "enum": list(choices), "default": default}


def _whole(low: int, high: int, default: int, description: str = "") -> Json:
    number: Json = {"type": "integer", "minimum": low, "maximum": high, "default": default}
    return number | {"description": description} if description else number


def _filter(description: str) -> Json:
    return {"type": "object", "description": f"A filter. {description}"}


def _body(properties: Json, *required: str) -> Json:
    body: Json = {
        "type": "object",
        "additionalProperties": False,
        "properties": {**properties, **WINDOW, "bots": BOTS},
    }
    return body | {"required": list(required)} if required else body


def _answer(properties: Json, **more: Any) -> Json:
    told = {"query": {"type": "object", "description": "As it was understood."}, "meta": _META}
    return object_of(properties | told, **more)


_META = object_of({**READING, "uniques": {"type": "object"}, **ZONES}, optional=tuple(ZONES))
_STEPS = list_of(
    object_of({"people": _COUNT, "rate": NUMBER, "stepRate": NUMBER, "medianSeconds": NUMBER})
)

FUNNEL_BODY = _body(
    {
        "steps": list_of(FILTER, minItems=MIN_STEPS, maxItems=MAX_STEPS),
        "within": _whole(1, MAX_WITHIN_SECONDS, DEFAULT_WITHIN_SECONDS, "Seconds. Not by visit."),
        "by": _choice(FUNNEL_BY, "visitor"),
        "order": _choice(FUNNEL_ORDERS, "any_between"),
        "filter": _filter("The events there are."),
        "dimension": TEXT | {"description": "A field, which the first event of a chain has."},
        "limit": _LIMIT | {"description": "How many groups."},
    },
    "steps",
)
FUNNEL_ANSWER = _answer(
    {"steps": _STEPS, "groups": list_of(object_of({"dimension": {}, "steps": _STEPS}))},
    optional=("groups",),
)
RETENTION_BODY = _body(
    {
        "interval": _choice(RETENTION_INTERVALS, "week"),
        "periods": _whole(1, MAX_PERIODS, DEFAULT_PERIODS),
        "cohort": _filter("What somebody has to have done first; default: anything."),
        "return": _filter("What counts as coming back; default: anything."),
        "by": _choice(RETENTION_BY, "user"),
    }
)
_COUNT_OR_NULL: Json = {"type": ["integer", "null"]}
RETENTION_ANSWER = _answer(
    {
        "cohorts": list_of(
            object_of(
                {
                    "start": A_TIME,
                    "people": _COUNT_OR_NULL,
                    "returned": list_of(_COUNT_OR_NULL),
                    "partial": list_of(_COUNT, description="Which of `returned` are not over."),
                }
            )
        )
    }
)
JOURNEYS_BODY = _body(
    {
        "steps": _whole(MIN_VALUES, MAX_VALUES, DEFAULT_VALUES, "How many values at most."),
        "field": _choice(JOURNEY_VALUES, "path"),
        "from": _filter("What a journey begins with; default: the first event of the visit."),
        "filter": _filter("Of visits with such an event."),
        "limit": _LIMIT,
    }
)
JOURNEYS_ANSWER = _answer(
    {"journeys": list_of(object_of({"values": list_of(TEXT), "visits": _COUNT})), "visits": _COUNT}
)
