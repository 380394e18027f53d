"""What the OpenAPI document says about exports."""

from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema

from analytics.web.openapi import (
    AUTH,
    KEYED,
    Codes,
    Json,
    describe_header,
    object_of,
    rate_headers,
    refusals,
)
from exchange.formats import FORMATS, MEDIA_TYPES
from exchange.outgoing.job import MOST_LISTED, MOST_OPEN
from exchange.outgoing.trouble import REASONS
from exchange.outgoing.web.wire import LINK_SECONDS
from exchange.schema import NOT_THERE, STORE, Method, describe_as
from ingestion.accept.body import JSON
from reporting.web.query_operations import BODY_CODES, FILTER_CODES, MAX_BODY_BYTES

_TEXT: Json = {"type": "string"}
_MOMENT: Json = {"type": "string", "format": "date-time"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_FILTER: Json = {
    "type": ["object", "null"],
    "description": "As of `POST /query`, of the event's own fields and without `did`.",
}
_FLAGS: Json = {
    "withAddresses": {
        "type": "boolean",
        "description": "With `ip`, `userAgent` and the sender's own `eventId`. Needs `admin`.",
    },
    "spreadsheet": {
        "type": "boolean",
        "description": "Of csv: no cell is taken for a formula.",
    },
}
_FORMAT: Json = {"type": "string", "enum": list(FORMATS)}
_BODY: Json = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "format": {**_FORMAT, "default": FORMATS[0]},
        "start": {**_TEXT, "description": "RFC 3339, or a day; absent: from the first event on."},
        "end": {**_TEXT, "description": "As `start`, exclusive; absent: to the last event."},
        "timezone": {**_TEXT, "description": "Of days; default: the project's."},
        "filter": {**_FILTER, "type": "object"},
        **_FLAGS,
    },
}
_QUERY: Json = object_of(
    {
        "format": _FORMAT,
        "start": {"type": ["string", "null"]},
        "end": {"type": ["string", "null"]},
        "filter": _FILTER,
        **_FLAGS,
    }
)
_MANIFEST: Json = object_of(
    {
        "version": _COUNT,
        "project": _TEXT,
        "asOf": _MOMENT,
        "query": _QUERY,
        "events": _COUNT,
        "days": {
            "type": "object",
            "additionalProperties": _COUNT,
            "description": "Events by UTC day.",
        },
        "columns": {"type": "array", "items": _TEXT},
        "files": {
            "type": "array",
            "items": object_of({"name": _TEXT, "bytes": _COUNT, "sha256": _TEXT}),
        },
    }
)
STATES = (
    *("waiting", "writing", "checking", "done"),
    *("failed", "cancelled", "removed", "expired"),
)
_EXPORT: Json = object_of(
    {
        "exportId": _TEXT,
        "state": {"type": "string", "enum": list(STATES)},
        "requestedAt": _MOMENT,
        "query": _QUERY,
        "events": {**_COUNT, "description": "Written so far."},
        "asOf": {**_MOMENT, "description": "What was stored then is in it, and nothing else."},
        "finishedAt": _MOMENT,
        "keptUntil": _MOMENT,
        "error": object_of({"code": {**_TEXT, "enum": list(REASONS)}, "detail": _TEXT}),
        "manifest": _MANIFEST,
        "file": {
            **_TEXT,
            "description": f"The path of the file, for {LINK_SECONDS:,} s and without a key.",
        },
    },
    optional=("asOf", "finishedAt", "keptUntil", "error", "manifest", "file"),
)
_ASKED: Codes = {
    400: ("bad_format", "bad_timestamp", "bad_timezone", "bad_window", "query_timeout",
          "query_too_large"),
    429: ("too_many_exports",),
    503: ("columns_unavailable", "query_busy", "query_failed"),
}  # fmt: skip
_ID = OpenApiParameter("export_id", str, OpenApiParameter.PATH, description="Its exportId.")


_describe = describe_as("exports", "The export.")

describe_asking = _describe(
    "postExport",
    "Ask for an export",
    "A file with what is stored at this moment, made by a job; docs/exports.md tells what is in "
    f"it. At most {MOST_OPEN} of a project at once, {MAX_BODY_BYTES:,} bytes.",
    202,
    _EXPORT,
    BODY_CODES,
    FILTER_CODES,
    _ASKED,
    request={JSON: OpenApiRequest(_BODY)},
    parameters=[describe_header("Location", "Where to follow it.", 202)],
)
describe_exports = _describe(
    "getExports",
    "The exports of the project",
    f"The newest first, {MOST_LISTED} of them.",
    200,
    object_of({"exports": {"type": "array", "items": _EXPORT}}),
)
describe_export = _describe(
    "getExport",
    "How far an export is",
    "Of a finished one with its manifest and the path of its file.",
    200,
    _EXPORT,
    NOT_THERE,
    parameters=[_ID],
)
describe_removing = _describe(
    "deleteExport",
    "Cancel an export, or remove its file",
    "Nobody is given the file any more. What is told of the export stays for 30 days.",
    200,
    _EXPORT,
    NOT_THERE,
    parameters=[_ID],
)


def describe_file(method: Method) -> Method:
    return extend_schema(
        operation_id="getExportFile",
        summary="The file of an export",
        description="With a key, or with the `link` of the export's answer, and then without one.",
        tags=["exports"],
        auth=AUTH,
        parameters=[
            _ID,
            OpenApiParameter("link", str, description="As `file` of the export has it."),
            *rate_headers(200, 429),
        ],
        responses={
            **{(200, media): OpenApiResponse(_TEXT, "The file.") for media in MEDIA_TYPES.values()},
            **refusals(
                KEYED,
                STORE,
                NOT_THERE,
                {401: ("bad_link",), 503: ("exports_unavailable",)},
            ),
        },
    )(method)
