"""What the OpenAPI document says about imports."""

from collections.abc import Callable
from typing import Any, Final, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema

from analytics.web.openapi import (
    AUTH,
    KEYED,
    RELAYED,
    Codes,
    Json,
    describe_header,
    object_of,
    rate_headers,
    refusals,
)
from exchange.incoming.job import MAX_NAME_CHARS, MOST_LISTED
from exchange.incoming.mapping import FIELDS, TIME_FORMATS
from exchange.incoming.options import ENCODINGS, SOURCES
from exchange.incoming.trouble import ERRORS
from exchange.incoming.web.examples import ASKED, SAID, examples_of
from ingestion.accept.body import JSON
from reporting.web.query_operations import MAX_BODY_BYTES

Method = TypeVar("Method", bound=Callable[..., Any])

BYTES: Final = "application/octet-stream"
STATES: Final = (
    *("arriving", "looking", "choosing", "reading", "confirming", "importing", "storing", "done"),
    *("failed", "cancelled", "expired", "looked"),
)

_TEXT: Json = {"type": "string"}
_MOMENT: Json = {"type": "string", "format": "date-time"}
_COUNT: Json = {"type": "integer", "minimum": 0}
_FLAG: Json = {"type": "boolean"}
_SUM: Json = {"type": "string", "pattern": "^[0-9A-Fa-f]{64}$"}
_NAME: Json = {"type": "string", "minLength": 1, "maxLength": MAX_NAME_CHARS}
_SOURCE: Json = {"type": "string", "enum": list(SOURCES)}
_MAPPING: Json = {
    "type": "object",
    "additionalProperties": False,
    "description": "Of `csv` and `jsonl`: what each column is (docs/imports-sources.md).",
    "properties": {
        "fields": {
            "type": "object",
            "propertyNames": {"enum": list(FIELDS)},
            "additionalProperties": _TEXT,
            "description": "Field -> column.",
        },
        "constants": {
            "type": "object",
            "propertyNames": {"enum": list(FIELDS)},
            "additionalProperties": _TEXT,
        },
        "timeFormat": {
            **_TEXT,
            "description": f"{', '.join(TIME_FORMATS)}, or a format of `strptime`.",
        },
        "timeZone": {**_TEXT, "description": "Of times that name none."},
        "properties": {"type": "array", "items": _TEXT},
        "propertiesFrom": {"type": ["string", "null"]},
    },
}
_SAID: Json = {
    "source": _SOURCE,
    "mapping": _MAPPING,
    "site": {**_TEXT, "maxLength": 256, "description": "Of several websites the one to take."},
    "hostname": {**_TEXT, "maxLength": 256, "description": "Of rows that name none."},
    "encoding": {"type": "string", "enum": list(ENCODINGS)},
    "spreadsheet": {**_FLAG, "description": "Our own CSV, exported with `spreadsheet`."},
}
_BODY: Json = {
    "type": "object",
    "additionalProperties": False,
    "required": ["file", "bytes"],
    "properties": {
        "file": {**_NAME, "description": "Its name, for people."},
        "bytes": {"type": "integer", "minimum": 1, "description": "How large it is."},
        "sha256": {**_SUM, "description": "It is to have; else the import fails, `wrong_sum`."},
        "confirmed": {**_FLAG, "description": "Import it once it is read; else a yes is awaited."},
        "dryRun": {**_FLAG, "description": "Read it, tell the report, and be done."},
        **_SAID,
    },
}
_CHOICE: Json = {"type": "object", "additionalProperties": False, "properties": _SAID}
_GUESS: Json = object_of(
    {
        "trouble": {**_TEXT, "description": "Why it cannot be read as it was looked at."},
        "source": {"type": ["string", "null"], "enum": [*SOURCES, None]},
        "encoding": {"type": "string", "enum": list(ENCODINGS)},
        "mapping": {"type": ["object", "null"]},
        "columns": {
            "type": "array",
            "items": object_of({"name": _TEXT, "samples": {"type": "array", "items": _TEXT}}),
        },
        "packing": _TEXT,
        "sites": {"type": "array", "items": _TEXT},
        "rows": {
            "type": "array",
            "items": {"type": "object", "additionalProperties": _TEXT},
            "description": "What the first rows would become.",
        },
    },
    optional=("trouble",),
)
_REPORT: Json = object_of(
    {
        "rows": _COUNT,
        "events": _COUNT,
        "doubles": {**_COUNT, "description": "Stand in the file more than once."},
        "stored": {**_COUNT, "description": "Of the events, were stored when it was read."},
        "first": {"type": ["string", "null"], "format": "date-time"},
        "last": {"type": ["string", "null"], "format": "date-time"},
        "leftOut": {
            "type": "array",
            "items": object_of(
                {
                    "code": _TEXT,
                    "detail": _TEXT,
                    "count": _COUNT,
                    "rows": {
                        "type": "array",
                        "items": object_of({"row": _COUNT, "detail": _TEXT}),
                        "description": "The first of them.",
                    },
                }
            ),
        },
    }
)
_IMPORT: Json = object_of(
    {
        "importId": _TEXT,
        "state": {"type": "string", "enum": list(STATES)},
        "requestedAt": _MOMENT,
        "file": _TEXT,
        "bytes": _COUNT,
        "received": {**_COUNT, "description": "Bytes of it that are here."},
        "sha256": {**_TEXT, "description": "Of the file, once it is here."},
        "confirmed": _FLAG,
        "dryRun": _FLAG,
        **{name: schema for name, schema in _SAID.items() if name != "mapping"},
        "mapping": {"type": "object"},
        "guess": {**_GUESS, "description": "What it seems to be, while it waits to be told."},
        "read": object_of({"rows": _COUNT, "bytes": _COUNT}),
        "report": _REPORT,
        "counts": object_of(
            {
                "imported": _COUNT,
                "stored": {**_COUNT, "description": "Were there before."},
                "erased": {**_COUNT, "description": "Of users who were erased meanwhile."},
            }
        ),
        "error": object_of({"code": {**_TEXT, "enum": list(ERRORS)}, "detail": _TEXT}),
        "finishedAt": _MOMENT,
        "keptUntil": {**_MOMENT, "description": "So long it waits for somebody."},
    },
    optional=(
        *("sha256", *_SAID, "guess", "read", "report", "error", "finishedAt", "keptUntil"),
    ),
)  # fmt: skip
_STORE: Codes = {
    400: ("invalid_query", "repeated_parameter", "too_many_parameters", "unknown_parameter"),
    429: ("rate_limited",),
    503: ("store_unavailable", *RELAYED),
}
_READ: Codes = {
    400: ("truncated_body", "bad_content_length", "length_required", "bad_compression"),
    408: ("request_timeout",),
    413: ("body_too_large",),
    415: ("unsupported_encoding",),
}
_JSON: Codes = {
    400: (
        *("bad_encoding", "bad_mapping", "bad_source", "bad_value"),
        *("invalid_json", "missing_field", "unknown_field", "wrong_type"),
    ),
    415: ("unsupported_media_type", "unsupported_charset"),
}
_ROOM: Codes = {413: ("file_too_large",), 503: ("imports_full", "imports_unavailable")}
_NOT_THERE: Codes = {404: ("not_found",)}
_NOT_WAITING: Codes = {409: ("not_waiting",)}
_ID = OpenApiParameter("import_id", str, OpenApiParameter.PATH, description="Its importId.")


def _describe(
    name: str, summary: str, description: str, status: int, answer: Any, *codes: Codes, **more: Any
) -> Callable[[Method], Method]:
    parameters = [*more.pop("parameters", ()), *rate_headers(200, 202, 429)]
    return extend_schema(
        operation_id=name,
        summary=summary,
        description=description,
        tags=["imports"],
        auth=AUTH,
        parameters=parameters,
        responses={
            status: OpenApiResponse(answer, "The import."),
            **refusals(KEYED, _STORE, *codes),
        },
        **more,
    )


describe_asking = _describe(
    "beginImport",
    "Ask for an import",
    "Its file comes next: `PUT /imports/{importId}/file`. Then a job reads it; docs/imports.md "
    "tells what becomes of it. Without a `source`, or of a table without a `mapping`, it is looked "
    f"at and waits to be told what it is. Needs `admin`; at most {MAX_BODY_BYTES:,} bytes.",
    202,
    _IMPORT,
    _READ,
    _JSON,
    _ROOM,
    {429: ("too_many_imports",)},
    request={JSON: OpenApiRequest(_BODY)},
    parameters=[describe_header("Location", "Where to follow it.", 202)],
    examples=examples_of(ASKED),
)
describe_imports = _describe(
    "getImports",
    "The imports of the project",
    f"The newest first, {MOST_LISTED} of them, without what they seem to be.",
    200,
    object_of({"imports": {"type": "array", "items": _IMPORT}}),
)
describe_import = _describe(
    "getImport",
    "How far an import is",
    "With its report, once its file is read.",
    200,
    _IMPORT,
    _NOT_THERE,
    parameters=[_ID],
)
describe_cancelling = _describe(
    "deleteImport",
    "Cancel an import",
    "What was imported of it stays. One that has ended stays as it is.",
    200,
    _IMPORT,
    _NOT_THERE,
    parameters=[_ID],
)
describe_piece = _describe(
    "putImportFile",
    "Send the file of an import",
    "Whole, or in pieces of up to 2 MiB one after the other; one may come twice. It begins to be "
    "read when all its bytes are here.",
    200,
    _IMPORT,
    _READ,
    _ROOM,
    _NOT_THERE,
    {400: ("bad_at",), 409: ("wrong_place", "import_ended")},
    request={BYTES: OpenApiRequest({"type": "string", "format": "binary"})},
    parameters=[
        _ID,
        OpenApiParameter(
            "at",
            {"type": "integer", "minimum": 0, "default": 0},
            description="The byte that the piece begins at: what `received` said.",
        ),
    ],
)
describe_choosing = _describe(
    "postImportChoice",
    "Say what a file is",
    "Of one that is `choosing`. Without a `source`, or of a table without a `mapping`, it is "
    "looked at again, as that or in that encoding.",
    200,
    _IMPORT,
    _READ,
    _JSON,
    _NOT_THERE,
    _NOT_WAITING,
    request={JSON: OpenApiRequest(_CHOICE)},
    parameters=[_ID],
    examples=examples_of(SAID),
)
describe_confirming = _describe(
    "postImportConfirmation",
    "Say yes to what was read",
    "Of one that is `confirming`.",
    200,
    _IMPORT,
    _NOT_THERE,
    _NOT_WAITING,
    request=None,
    parameters=[_ID],
)
