"""What the OpenAPI document says about the endpoints of the query language."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema

from analytics.web.openapi import KEYED, RELAYED, Codes, Json, rate_headers, refusals
from ingestion.accept.body import JSON
from reporting.questions.language.lists import DEFAULT_EVENTS, MAX_EVENTS
from reporting.web.codes import ENGINE
from reporting.web.query_examples import EXAMPLES
from reporting.web.query_schema import (
    A_MOMENT,
    ANSWER,
    BODY,
    EVENTS,
    PROPERTIES,
    TEXT,
    WINDOW,
)

Method = TypeVar("Method", bound=Callable[..., Any])

MAX_BODY_BYTES = 256 * 1024

_ENGINE: Codes = {
    400: ("query_timeout", "query_too_large"),
    429: ("rate_limited",),
    503: (*ENGINE, *RELAYED),
}
_WINDOW: Codes = {400: ("bad_period", "bad_timestamp", "bad_timezone", "bad_window")}
FILTER_CODES: Codes = {
    400: (
        *("bad_filter", "bad_op", "bad_pattern", "bad_value", "filter_too_large"),
        *("missing_field", "unknown_field", "wrong_type"),
    ),
}
_PARAMETERS: Codes = {
    400: ("invalid_query", "repeated_parameter", "too_many_parameters", "unknown_parameter"),
}
BODY_CODES: Codes = {
    400: (
        *("bad_bots", "bad_limit", "invalid_json", "invalid_query", "raw_expired"),
        *("too_many_parameters", "too_many_points", "unknown_parameter"),
        *("truncated_body", "bad_content_length", "length_required", "bad_compression"),
    ),
    408: ("request_timeout",),
    413: ("body_too_large",),
    415: ("unsupported_media_type", "unsupported_charset", "unsupported_encoding"),
}
_TABLE: Codes = {
    400: (
        *("bad_compare", "bad_dimensions", "bad_metrics", "bad_offset", "bad_order"),
        "unknown_metric",
    ),
}


def _parameter(name: str, description: str, schema: Json = TEXT) -> OpenApiParameter:
    return OpenApiParameter(name, schema, description=description)


_WINDOW_PARAMETERS = [
    _parameter("start", "RFC 3339; a date alone is midnight in `timezone`.", A_MOMENT),
    _parameter("end", "As `start`; the window is [start, end).", A_MOMENT),
    _parameter("period", "In place of both.", WINDOW["period"]),
    _parameter("timezone", "IANA name; default: the project's."),
]
_FILTER_PARAMETER = _parameter(
    "filter",
    "A filter of `POST /query` as JSON, of the event's own fields and without `did`.",
)
_LIMIT = _parameter(
    "limit",
    "How many events to answer.",
    {"type": "integer", "minimum": 1, "maximum": MAX_EVENTS, "default": DEFAULT_EVENTS},
)


def describe(
    name: str, summary: str, description: str, answer: Json, *codes: Codes, **fields: Any
) -> Callable[[Method], Method]:
    parameters = [*fields.pop("parameters", ()), *rate_headers(200, 429)]
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=description,
        tags=["query"],
        parameters=parameters,
        responses={
            200: OpenApiResponse(answer, "The answer."),
            **refusals(KEYED, _ENGINE, _WINDOW, *codes),
        },
        **fields,
    )


describe_query = describe(
    "postQuery",
    "Any metrics, by any fields, of any events",
    "One language for all questions; docs/querying.md tells it. People are counted exactly. At "
    f"most {MAX_BODY_BYTES:,} bytes.",
    ANSWER,
    FILTER_CODES,
    BODY_CODES,
    _TABLE,
    request={JSON: OpenApiRequest(BODY)},
    examples=EXAMPLES,
)
describe_events = describe(
    "getEvents",
    "Stored events, newest first",
    "By timestamp, then id, falling. Every event that was stored when the first page was asked is "
    "shown once; what is stored later may be. `ip` is shown to the scope `admin` only.",
    EVENTS,
    FILTER_CODES,
    _PARAMETERS,
    {400: ("bad_cursor", "bad_limit")},
    parameters=[
        *_WINDOW_PARAMETERS,
        _FILTER_PARAMETER,
        _LIMIT,
        _parameter("after", "The cursor of the answer before; all else but `limit` as there."),
    ],
)
describe_properties = describe(
    "getProperties",
    "Which properties events have",
    "The 500 most frequent keys of the events in the window, with their types, and the share of "
    "these events that have them.",
    PROPERTIES,
    _PARAMETERS,
    {400: ("bad_event", "raw_expired")},
    parameters=[*_WINDOW_PARAMETERS, _parameter("event", "Of events of that name alone.")],
)
