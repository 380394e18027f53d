"""The bodies of the query language, as JSON Schema has them."""

from typing import Any

from analytics.web.openapi import MOMENT, Json, object_of
from reporting.questions.conditions import OPERATORS
from reporting.questions.fields import NAMED, OF_VISITS
from reporting.questions.language.filter import MAX_CONDITIONS, MAX_LEVELS, MAX_VALUES
from reporting.questions.language.metrics import NAMED as METRICS
from reporting.questions.language.metrics import OF_NUMBERS
from reporting.questions.language.periods import DEFAULT_PERIOD, PERIODS
from reporting.questions.language.table import (
    DEFAULT_ROWS,
    MAX_DIMENSIONS,
    MAX_METRICS,
    MAX_ROWS,
    MAX_SKIPPED,
    TIME,
)
from reporting.questions.units import UNITS

TEXT: Json = {"type": "string"}
NUMBER: Json = {"type": ["number", "null"]}
A_MOMENT: Json = {"type": "string", "anyOf": MOMENT}
A_TIME: Json = {"type": "string", "format": "date-time"}
TIME_OR_NULL: Json = {"type": ["string", "null"], "format": "date-time"}


def list_of(items: Json, **bounds: Any) -> Json:
    return {"type": "array", "items": items, **bounds}


FILTER: Json = {
    "type": "object",
    "description": (
        "`{field, op, values}`, or one of `and`, `or` (arrays of filters), `not`, `did` (a "
        f"filter). Up to {MAX_CONDITIONS} conditions, {MAX_LEVELS} levels, {MAX_VALUES:,} values "
        f"in one. Fields: {', '.join((*NAMED, *OF_VISITS[-2:]))}, properties.<key>."
    ),
    "properties": {
        "field": TEXT,
        "op": {"type": "string", "enum": list(OPERATORS)},
        "values": list_of({"type": ["string", "number", "boolean", "null"]}),
        "caseSensitive": {"type": "boolean", "default": True},
        "and": list_of({"type": "object"}),
        "or": list_of({"type": "object"}),
        "not": {"type": "object"},
        "did": {"type": "object"},
    },
    "additionalProperties": False,
}
BOTS: Json = {"enum": [True, False, "only"]}
WINDOW: Json = {
    "start": A_MOMENT,
    "end": A_MOMENT,
    "period": {"type": "string", "enum": list(PERIODS), "default": DEFAULT_PERIOD},
    "timezone": {"type": "string", "description": "IANA name; default: the project's."},
}
BODY: Json = {
    "type": "object",
    "required": ["metrics"],
    "additionalProperties": False,
    "properties": {
        "metrics": list_of(
            TEXT,
            minItems=1,
            maxItems=MAX_METRICS,
            description=(
                f"{', '.join(METRICS)}, and {', '.join(OF_NUMBERS)} of a property "
                "in parentheses, as `sum(properties.amount)`."
            ),
        ),
        "dimensions": list_of(
            TEXT,
            maxItems=MAX_DIMENSIONS,
            description=(
                f"Fields; one may be {', '.join(TIME + unit for unit in UNITS)}. "
                f"{', '.join(OF_VISITS)} are those of the event's visit."
            ),
        ),
        **WINDOW,
        "filter": FILTER,
        "goal": {"type": "object", "description": "A filter, for conversions."},
        "bots": BOTS,
        "compare": {
            "anyOf": [
                {"type": "string", "enum": ["previous", "year"]},
                object_of({"start": A_MOMENT, "end": A_MOMENT}),
            ]
        },
        "order": list_of(
            list_of(TEXT, minItems=2, maxItems=2),
            description="Pairs of a metric or dimension asked for and `asc` or `desc`.",
        ),
        "limit": {
            "type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": DEFAULT_ROWS,
        },
        "offset": {"type": "integer", "minimum": 0, "maximum": MAX_SKIPPED, "default": 0},
    },
}  # fmt: skip
_COMPARED = object_of(
    {"metrics": list_of(NUMBER), "change": list_of(NUMBER), "difference": list_of(NUMBER)}
)
READING: Json = {
    "source": {"type": "string", "enum": ["columns", "clickhouse", "rollup"]},
    "freshAsOf": A_TIME,
    "rowsRead": {"type": "integer"},
    "tookMs": {"type": "integer"},
}
ZONES: Json = {
    "visits": object_of(
        {
            "timezone": {"type": "string", "description": "Whose midnights end visits."},
            "cut": {"type": "string", "description": "Where visits can be cut."},
        }
    ),
    "timeZonePending": {"type": "string", "description": "The project's next time zone."},
}
_TABLE_META = object_of(
    {
        **READING,
        "uniques": {"type": "object"},
        **ZONES,
        "partial": list_of(A_TIME, description="Units not over, or cut by the window."),
        "notFinite": {"type": "integer", "description": "Numbers that are null for that."},
        "mixed": list_of(TEXT, description="Metrics over more than one currency."),
        "window": {"type": "object", "description": "What was counted, where that is wider."},
    },
    optional=(*ZONES, "partial", "notFinite", "mixed", "window"),
)
ANSWER = object_of(
    {
        "results": list_of(
            object_of(
                {"dimensions": list_of({}), "metrics": list_of(NUMBER), "compare": _COMPARED},
                optional=("compare",),
            )
        ),
        "totals": list_of(NUMBER, description="Of the whole window; not sums of rows."),
        "total": {"type": "integer", "description": "How many rows there are."},
        "query": {"type": "object", "description": "As it was understood."},
        "meta": _TABLE_META,
    }
)
_ENDS = object_of({"start": TIME_OR_NULL, "end": A_TIME})
EVENTS = object_of(
    {
        "events": list_of({"type": "object"}, description="Fields as in docs/data-model.md."),
        "after": {"type": ["string", "null"], "description": "Where the next page begins."},
        "query": _ENDS,
        "meta": object_of(READING),
    }
)
_PROPERTY = {
    "name": TEXT, "types": list_of(TEXT), "events": {"type": "integer"},
    "share": {"type": "number"}, "lastSeen": A_TIME,
}  # fmt: skip
PROPERTIES = object_of(
    {"properties": list_of(object_of(_PROPERTY)), "query": _ENDS, "meta": object_of(READING)}
)
