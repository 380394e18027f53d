"""What the OpenAPI document says about the accept path."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.utils import (
    OpenApiExample,
    OpenApiParameter,
    OpenApiRequest,
    OpenApiResponse,
    extend_schema,
)

from analytics.events import event as limits
from analytics.web.openapi import (
    AUTH,
    KEYED,
    PROBLEM_TYPE,
    RETRY_AFTER,
    SENDERS_AUTH,
    Codes,
    Json,
    object_of,
    rate_headers,
    refusals,
)
from ingestion.accept.body import JSON, NDJSON, TEXT
from ingestion.accept.event_schema import EVENT
from ingestion.accept.judge import MAX_BATCH_BODY_BYTES, MAX_BATCH_EVENTS

Method = TypeVar("Method", bound=Callable[..., Any])

_ID = "e9f6c2b3-12a1-4a9b-8baf-1d2a3b4c5d6e"
_WHOLE_EVENT = {
    "eventId": _ID,
    "timestamp": "2025-11-14T09:00:00.000Z",
    "userId": "user_123",
    "sessionId": "sess_abcd",
    "path": "/product/42",
    "ip": "203.0.113.42",
    "userAgent": "Mozilla/5.0 (Macintosh; Intel)",
    "properties": {"referrer": "https://example.com", "pageTitle": "Product 42"},
}
_MINIMAL_EVENT = {"path": "/home"}
_EVENT_REF = {"$ref": "#/components/schemas/Event"}
_BATCH = {"type": "array", "minItems": 1, "maxItems": MAX_BATCH_EVENTS, "items": _EVENT_REF}
_LINES = {"type": "string", "description": "One event per line."}

_QUEUED: Json = {
    "status": {"type": "string", "const": "queued"},
    "queued": {"type": "boolean", "const": True},
}
_IDS = {"type": "array", "items": {"type": "string"}, "description": "Of the accepted, in order."}
_EXCLUDED: Json = {
    "status": {"type": "string", "const": "excluded"},
    "queued": {"type": "boolean", "const": False},
}
_REJECTED: Json = {
    "type": "array",
    "items": {"$ref": "#/components/schemas/FieldError"},
    "description": "Which were refused, by index (from 0), and why.",
}
_LEFT_OUT: Json = {
    "type": "integer",
    "minimum": 1,
    "description": "How many the project leaves out.",
}
_ACCEPTED_EVENT = object_of({**_QUEUED, "eventId": {"type": "string"}})
_ACCEPTED_EVENTS = object_of(
    {
        **_QUEUED,
        "accepted": {"type": "integer", "minimum": 1},
        "rejected": _REJECTED,
        "excluded": _LEFT_OUT,
        "eventIds": _IDS,
    },
    optional=("excluded",),
)
_EXCLUDED_EVENTS = object_of(
    {
        **_EXCLUDED,
        "accepted": {"type": "integer", "const": 0},
        "rejected": _REJECTED,
        "excluded": _LEFT_OUT,
        "eventIds": {"type": "array", "maxItems": 0, "items": {"type": "string"}},
    }
)
_KEPT_NOWHERE = "The project leaves it out: it is kept nowhere."
_TIME = {"type": "string", "format": "date-time"}
_RECEIPT = object_of(
    {
        "eventId": {"type": "string"},
        "state": {
            "type": "string",
            "enum": ["stored", "dead", "erased", "unknown"],
            "description": "unknown: not seen, not stored yet, or of another project.",
        },
        "timestamp": _TIME,
        "ingestedAt": _TIME,
        "reason": {"type": "string"},
        "buriedAt": _TIME,
        "erasedAt": _TIME,
    },
    optional=("timestamp", "ingestedAt", "reason", "buriedAt", "erasedAt"),
)

EVENT_CODES = (
    "invalid_json",
    "wrong_type",
    "missing_field",
    "unknown_field",
    "too_short",
    "too_long",
    "control_character",
    "bad_timestamp",
    "timestamp_in_future",
    "timestamp_too_old",
    "event_not_allowed",
    "bad_ip",
    "too_deep",
    "properties_too_large",
    "number_out_of_range",
    "bad_property_name",
)
KEYED_DOOR: Codes = {**KEYED, 403: ("missing_scope", "origin_not_allowed", "https_required")}
SENT: Codes = {401: ("two_keys",)}
BODY: Codes = {
    400: ("truncated_body", "bad_content_length", "length_required", "bad_compression"),
    408: ("request_timeout",),
    413: ("body_too_large", "over_burst"),
    415: ("unsupported_media_type", "unsupported_charset", "unsupported_encoding"),
    429: ("rate_limited", "over_quota", "over_public_quota", "over_address_rate"),
    503: ("stream_full", "stream_unavailable", "unavailable"),
}
# Of a body that is another vendor's.
_CLOUD: Codes = {400: ("bad_envelope",)}
_ONE: Codes = {400: EVENT_CODES}
_MANY: Codes = {
    400: ("invalid_json", "too_deep", "not_an_array", "empty_batch", "no_valid_event"),
    413: ("too_many_events",),
}
_STORE: Codes = {503: ("store_unavailable",)}

_MISSING_PATH = {"field": "path", "code": "missing_field", "detail": "path is required, or url."}
_TEXT_NOTE = (
    f"With a public key also as `{TEXT}`, which needs no preflight. CloudEvents 1.0 as well."
)


def _example(
    name: str, value: object, status: int | None = None, media: str = JSON
) -> OpenApiExample:
    if status is None:
        return OpenApiExample(name, value, request_only=True, media_type=media)
    codes = [str(status)]
    return OpenApiExample(name, value, response_only=True, status_codes=codes, media_type=media)


_ACCEPTED_EXAMPLE = {"status": "queued", "queued": True, "eventId": _ID}
_REFUSED_EXAMPLE = {
    "type": "urn:analytics:problem:missing_field",
    "title": "Bad Request",
    "status": 400,
    "detail": _MISSING_PATH["detail"],
    "code": "missing_field",
    "errors": [_MISSING_PATH],
}


def complete(result: Json, **_: object) -> Json:
    """drf-spectacular's hook: what is part of several answers."""
    result["components"].setdefault("schemas", {})["Event"] = EVENT
    return result


def describe_event(method: Method) -> Method:
    return extend_schema(
        operation_id="postEvent",
        summary="Send one event",
        description=(
            "202: the event is on the disk of Redis. Any other status, or none: send it again "
            f"with the same eventId, and it counts once. At most {limits.MAX_EVENT_BODY_BYTES:,} "
            f"bytes. {_TEXT_NOTE}"
        ),
        tags=["ingestion"],
        auth=SENDERS_AUTH,
        parameters=rate_headers(202, 429),
        request={JSON: OpenApiRequest(_EVENT_REF)},
        responses={
            200: OpenApiResponse(object_of(_EXCLUDED), _KEPT_NOWHERE),
            202: OpenApiResponse(_ACCEPTED_EVENT, "Kept."),
            **refusals(KEYED_DOOR, SENT, BODY, _ONE, _CLOUD),
        },
        examples=[
            _example("whole", _WHOLE_EVENT),
            _example("minimal", _MINIMAL_EVENT),
            _example("accepted", _ACCEPTED_EXAMPLE, 202),
            _example("no path", _REFUSED_EXAMPLE, 400, PROBLEM_TYPE),
        ],
    )(method)


def describe_events(method: Method) -> Method:
    return extend_schema(
        operation_id="postEvents",
        summary=f"Send up to {MAX_BATCH_EVENTS:,} events",
        description=(
            "Each event is judged by itself: the good ones are kept, all in one step, the others "
            f"are in `rejected`. At most {MAX_BATCH_BODY_BYTES:,} bytes. {_TEXT_NOTE}"
        ),
        tags=["ingestion"],
        auth=SENDERS_AUTH,
        parameters=rate_headers(202, 429),
        request={
            JSON: OpenApiRequest(_BATCH),
            **{media_type: OpenApiRequest(_LINES) for media_type in NDJSON},
        },
        responses={
            200: OpenApiResponse(_EXCLUDED_EVENTS, "The project leaves out whatever was good."),
            202: OpenApiResponse(_ACCEPTED_EVENTS, "The events outside `rejected` are kept."),
            **refusals(KEYED_DOOR, SENT, BODY, _MANY, _CLOUD),
        },
        examples=[
            _example("two events", [_WHOLE_EVENT, _MINIMAL_EVENT]),
            *(_example("one line", '{"path": "/home"}\n', media=media) for media in NDJSON),
        ],
    )(method)


def describe_receipt(method: Method) -> Method:
    return extend_schema(
        operation_id="getReceipt",
        summary="What became of an event",
        description="For a secret key of either scope. Percent-encode what is not plain in the id.",
        tags=["ingestion"],
        auth=AUTH,
        parameters=[
            OpenApiParameter("event_id", str, OpenApiParameter.PATH, description="Its eventId."),
            RETRY_AFTER,
        ],
        responses={
            200: OpenApiResponse(_RECEIPT, "Its state."),
            **refusals(KEYED_DOOR, _STORE, {400: ("bad_encoding",)}),
        },
    )(method)
