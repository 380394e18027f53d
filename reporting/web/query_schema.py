"""The bodies of the query language, as JSON Schema has them."""

from typing import Any

from analytics.web.openapi import MOMENT, Json, object_of
from reporting.questions.conditions import OPERATORS
from reporting.questions.fields import NAMED
from reporting.questions.language.filter import MAX_CONDITIONS, MAX_LEVELS, MAX_VALUES
from reporting.questions.language.metrics import OF_EVENTS, OF_GOALS, OF_NUMBERS
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
_NUMBER: Json = {"type": ["number", "null"]}
A_MOMENT: Json = {"type": "string", "anyOf": MOMENT}
_TIME: Json = {"type": "string", "format": "date-time"}
_TIME_OR_NULL: Json = {"type": ["string", "null"], "format": "date-time"}


def _list_of(items: Json, **bounds: Any) -> Json:
    return {"type": "array", "items": items, **bounds}


_FILTER_SCHEMA: Json = {
    "type": "object",
    "description": (
        "`{field, op, values}`, or one of `and`, `or` (arrays of filters), `not`, `did` (a "
        f"filter). Up to {MAX_CONDITIONS} conditions, {MAX_LEVELS} levels, {MAX_VALUES:,} values "
        f"in one. Fields: {', '.join(NAMED)}, properties.<key>."
    ),
    "properties": {
        "field": TEXT,
        "op": {"type": "string", "enum": list(OPERATORS)},
        "values": _list_of({"type": ["string", "number", "boolean", "null"]}),
        "caseSensitive": {"type": "boolean", "default": True},
        "and": _list_of({"type": "object"}),
        "or": _list_of({"type": "object"}),
        "not": {"type": "object"},
        "did": {"type": "object"},
    },
    "additionalProperties": False,
}
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
        "metrics": _list_of(
            TEXT,
            minItems=1,
            maxItems=MAX_METRICS,
            description=(
                f"{', '.join((*OF_EVENTS, *OF_GOALS))}, and {', '.join(OF_NUMBERS)} of a property "
                "in parentheses, as `sum(properties.amount)`."
            ),
        ),
        "dimensions": _list_of(
            TEXT,
            maxItems=MAX_DIMENSIONS,
            description=f"Fields; one may be {', '.join(TIME + unit for unit in UNITS)}.",
        ),
        **WINDOW,
        "filter": _FILTER_SCHEMA,
        "goal": {"type": "object", "description": "A filter, for conversions."},
        "bots": {"enum": [True, False, "only"]},
        "compare": {
            "anyOf": [
                {"type": "string", "enum": ["previous", "year"]},
                object_of({"start": A_MOMENT, "end": A_MOMENT}),
            ]
        },
        "order": _list_of(
            _list_of(TEXT, minItems=2, maxItems=2),
            description="Pairs of a metric or dimension asked for and `asc` or `desc`.",
        ),
        "limit": {
            "type": "integer", "minimum": 1, "maximum": MAX_ROWS, "default": DEFAULT_ROWS,
        },
        "offset": {"type": "integer", "minimum": 0, "maximum": MAX_SKIPPED, "default": 0},
    },
}  # fmt: skip
_COMPARED = object_of(
    {"metrics": _list_of(_NUMBER), "change": _list_of(_NUMBER), "difference": _list_of(_NUMBER)}
)
_READING: Json = {
    "source": {"type": "string", "enum": ["columns", "rollup"]},
    "freshAsOf": _TIME,
    "rowsRead": {"type": "integer"},
    "tookMs": {"type": "integer"},
}
_TABLE_META = object_of(
    {
        **_READING,
        "uniques": {"type": "object"},
        "partial": _list_of(_TIME, description="Units not over, or cut by the window."),
        "notFinite": {"type": "integer", "description": "Numbers that are null for that."},
        "mixed": _list_of(TEXT, description="Metrics over more than one currency."),
        "window": {"type": "object", "description": "What was counted, where that is wider."},
    },
    optional=("partial", "notFinite", "mixed", "window"),
)
ANSWER = object_of(
    {
        "results": _list_of(
            object_of(
                {"dimensions": _list_of({}), "metrics": _list_of(_NUMBER), "compare": _COMPARED},
                optional=("compare",),
            )
        ),
        "totals": _list_of(_NUMBER, description="Of the whole window; not sums of rows."),
        "total": {"type": "integer", "description": "How many rows there are."},
        "query": {"type": "object", "description": "As it was understood."},
        "meta": _TABLE_META,
    }
)
_ENDS = object_of({"start": _TIME_OR_NULL, "end": _TIME})
EVENTS = object_of(
    {
        "events": _list_of({"type": "object"}, description="Fields as in docs/data-model.md."),
        "after": {"type": ["string", "null"], "description": "Where the next page begins."},
        "query": _ENDS,
        "meta": object_of(_READING),
    }
)
_PROPERTY = {
    "name": TEXT, "types": _list_of(TEXT), "events": {"type": "integer"},
    "share": {"type": "number"}, "lastSeen": _TIME,
}  # fmt: skip
PROPERTIES = object_of(
    {"properties": _list_of(object_of(_PROPERTY)), "query": _ENDS, "meta": object_of(_READING)}
)
