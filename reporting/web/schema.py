"""What the OpenAPI schema says about the reports."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, extend_schema, inline_serializer
from rest_framework import serializers

from analytics.web.openapi import KEYED, MOMENT, rate_headers, refusals
from reporting.questions.bots import BOTS
from reporting.questions.fields import ROLLED_UP
from reporting.questions.filters import MAX_FILTERS, OPERATORS
from reporting.questions.query import DEFAULT_LIMIT, MAX_LIMIT, MAX_OFFSET
from reporting.questions.units import INTERVALS, MAX_POINTS
from reporting.web.codes import REPORTS

Method = TypeVar("Method", bound=Callable[..., Any])

_TIMES = (
    "RFC 3339; a date alone is midnight in `timezone`; a time without an offset is UTC. "
    "The window is [start, end); the same date as both is the whole of that day."
)


def _parameter(name: str, description: str, **fields: Any) -> OpenApiParameter:
    return OpenApiParameter(name, fields.pop("type", str), description=description, **fields)


def _whole_number(name: str, description: str, low: int, high: int, default: int) -> Any:
    bounds = {"type": "integer", "minimum": low, "maximum": high, "default": default}
    return _parameter(name, description, type=bounds)


def _window(description: str, *, required: bool = False) -> list[OpenApiParameter]:
    return [
        _parameter(name, description, required=required, type={"type": "string", "anyOf": MOMENT})
        for name in ("start", "end")
    ]


_TIMEZONE = _parameter(
    "timezone",
    "IANA name, such as Europe/Berlin: of dates without a time, and of the units of a series.",
    default="UTC",
)
_LIMIT = _whole_number("limit", "How many rows to answer.", 1, MAX_LIMIT, DEFAULT_LIMIT)
_EXACT = _parameter("exact", "Count unique users from raw events.", type=bool, default=False)
_BOTS = _parameter(
    "bots",
    "Count bots too (true), leave them out (false), or count them alone (only). Without it the "
    "project's switch says; by and groupBy of bot are then of bots alone, and a filter on bot "
    "chooses among all events.",
    enum=list(BOTS),
)
_FILTER = _parameter(
    "filter",
    "`<field>:<operator>:<value>`, or `<field>:exists` and `<field>:not_exists`; the field is a "
    'dimension, userId, sessionId, properties.<key> or properties["<key>"], '
    f"the operator one of {', '.join(OPERATORS)}. Case counts; a value may be empty. "
    f"Up to {MAX_FILTERS}, all of which must hold. `is_not` also holds for events without the "
    "field. `is` on a property compares its text, or the number, true, false or null that the "
    "value spells; contains and starts_with hold for text only. Or a filter of `POST /query` as "
    "JSON, of the event's own fields and without `did`.",
    many=True,
)
_GROUP_BY = _parameter(
    "groupBy",
    f"One of {', '.join(ROLLED_UP)}, userId, sessionId or properties.<key> (a key with these "
    'dots, else nested objects; properties["<key>"] is taken literally). Groups count views, '
    "except by event and by a property: those count events. "
    "Events without the field are in no group, unless none=true.",
)
_NONE = _parameter(
    "none",
    "Also a row for the events without the field, whose value is null; from raw events.",
    type=bool,
    default=False,
)

_counts = {
    "views": serializers.IntegerField(),
    "events": serializers.IntegerField(),
    "users": serializers.IntegerField(),
    "visitors": serializers.IntegerField(),
}
_echo = {
    "start": serializers.DateTimeField(allow_null=True),
    "end": serializers.DateTimeField(allow_null=True),
}
_local_echo = {
    "timezone": serializers.CharField(required=False, help_text="As asked for; absent: UTC."),
    **_echo,
}


def _object(name: str, fields: dict[str, Any], **options: Any) -> Any:
    return inline_serializer(name, fields, **options)


_reason = {
    "code": serializers.ChoiceField(["no_events", "field_absent", "value_absent", "no_overlap"]),
    "parameter": serializers.CharField(required=False),
    "field": serializers.CharField(required=False),
    "detail": serializers.CharField(help_text="Why there is nothing in the answer."),
}


def _meta() -> Any:
    uniques = {
        "method": serializers.CharField(),
        "error": serializers.FloatField(help_text="Relative error of unique counts."),
        "visitors": serializers.CharField(required=False),
    }
    return _object(
        "ReportMeta",
        {
            "source": serializers.ChoiceField(["raw", "rollup", "mixed", "columns", "clickhouse"]),
            "uniques": _object("Uniques", uniques),
            "bots": serializers.ChoiceField(list(BOTS.values())),
            "freshAsOf": serializers.DateTimeField(),
            "tookMs": serializers.IntegerField(),
            "window": _object("CountedWindow", _echo, required=False),
            "visits": _object("VisitsRefused", {"code": serializers.CharField()}, required=False),
            "nothing": _object("NothingFound", _reason, many=True, required=False),
        },
    )


_META = _meta()


def _describe(
    name: str, parameters: list[Any], fields: dict[str, Any], summary: str
) -> Callable[[Method], Method]:
    answer = _object(name, fields | {"meta": _META})
    return extend_schema(
        operation_id=f"get{name}",
        summary=summary,
        description=summary + ".",
        tags=["reporting"],
        parameters=[*parameters, *rate_headers(200, 429)],
        responses={200: answer, **refusals(KEYED, REPORTS)},
    )


_path = {"path": serializers.CharField(), "count": serializers.IntegerField()}
_group = {
    "value": serializers.JSONField(),
    "count": serializers.IntegerField(),
    "uniqueUsers": serializers.IntegerField(),
}
describe_stats = _describe(
    "Stats",
    [*_window(_TIMES), _TIMEZONE, _LIMIT, _GROUP_BY, _NONE, _FILTER, _EXACT, _BOTS],
    {
        "totalViews": serializers.IntegerField(help_text="Events of the name pageview."),
        "uniqueUsers": serializers.IntegerField(help_text="Distinct userId, over all events."),
        "visitors": serializers.IntegerField(help_text="Distinct people, anonymous ones too."),
        "topPaths": _object("TopPath", _path, many=True),
        "groups": _object("Group", _group, many=True, required=False),
        **_local_echo,
    },
    "Totals, top paths and groups of a window",
)

_point = {"start": serializers.DateTimeField(help_text="Start of the unit, local time."), **_counts}
describe_series = _describe(
    "Series",
    [
        *_window(_TIMES, required=True),
        _parameter(
            "interval",
            f"Weeks start on Monday. More than {MAX_POINTS:,} points are refused.",
            enum=INTERVALS,
            default="day",
        ),
        _TIMEZONE,
        _FILTER,
        _EXACT,
        _BOTS,
    ],
    {
        "series": _object("Point", _point, many=True),
        "interval": serializers.ChoiceField(INTERVALS),
        "timezone": serializers.CharField(),
        **_echo,
    },
    "Counts per hour, day, week or month; the first and last unit may be cut by the window",
)

_row = {
    "value": serializers.CharField(allow_null=True),
    **_counts,
    "share": serializers.FloatField(),
}
describe_breakdown = _describe(
    "Breakdown",
    [
        _parameter("by", "What to count by.", required=True, enum=(*ROLLED_UP, "userId")),
        *_window(_TIMES),
        _TIMEZONE,
        _LIMIT,
        _whole_number("offset", "How many rows to skip.", 0, MAX_OFFSET, 0),
        _NONE,
        _FILTER,
        _EXACT,
        _BOTS,
    ],
    {
        "results": _object("BreakdownRow", _row, many=True),
        "total": serializers.IntegerField(help_text="Distinct values in the window."),
        **_local_echo,
    },
    "Values by views (by=event: by events), largest first, with their share of the window",
)

_minute = {"minute": serializers.DateTimeField(), "views": serializers.IntegerField()}
describe_realtime = _describe(
    "Realtime",
    [_FILTER, _BOTS],
    {
        "visitors": serializers.IntegerField(help_text="Distinct, of the last 5 minutes."),
        "visits": serializers.IntegerField(
            allow_null=True,
            help_text="That began in the minutes of `views`; null: `meta.visits` has a code.",
        ),
        "views": _object("Minute", _minute, many=True),
    },
    "Visitors of the last 5 minutes, visits begun and views per minute in the last 30",
)
