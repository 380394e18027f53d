"""What the OpenAPI document says about imports."""

from typing import Final

from drf_spectacular.utils import OpenApiParameter, OpenApiRequest

from analytics.web.openapi import (
    Codes,
    describe_header,
    object_of,
)
from exchange.incoming.job import MOST_LISTED
from exchange.incoming.web.examples import ASKED, SAID, examples_of
from exchange.incoming.web.shapes import BODY, CHOICE, IMPORT
from exchange.schema import NOT_THERE, describe_as
from ingestion.accept.body import JSON
from reporting.web.query_operations import MAX_BODY_BYTES

BYTES: Final = "application/octet-stream"
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
_NOT_WAITING: Codes = {409: ("not_waiting",)}
_ID = OpenApiParameter("import_id", str, OpenApiParameter.PATH, description="Its importId.")


_describe = describe_as("imports", "The import.")

describe_asking = _describe(
    "beginImport",
    "Ask for an import",
    "Its file comes next: `PUT /imports/{importId}/file`. Then a job reads it; docs/imports.md "
    "tells what becomes of it. Without a `source`, or of a table without a `mapping`, it is looked "
    f"at and waits to be told what it is. Needs `admin`; at most {MAX_BODY_BYTES:,} bytes.",
    202,
    IMPORT,
    _READ,
    _JSON,
    _ROOM,
    {429: ("too_many_imports",)},
    request={JSON: OpenApiRequest(BODY)},
    parameters=[describe_header("Location", "Where to follow it.", 202)],
    examples=examples_of(ASKED),
)
describe_imports = _describe(
    "getImports",
    "The imports of the project",
    f"The newest first, {MOST_LISTED} of them, without what they seem to be.",
    200,
    object_of({"imports": {"type": "array", "items": IMPORT}}),
)
describe_import = _describe(
    "getImport",
    "How far an import is",
    "With its report, once its file is read.",
    200,
    IMPORT,
    NOT_THERE,
    parameters=[_ID],
)
describe_cancelling = _describe(
    "deleteImport",
    "Cancel an import",
    "What was imported of it stays. One that has ended stays as it is.",
    200,
    IMPORT,
    NOT_THERE,
    parameters=[_ID],
)
describe_piece = _describe(
    "putImportFile",
    "Send the file of an import",
    "Whole, or in pieces of up to 2 MiB one after the other; one may come twice. It begins to be "
    "read when all its bytes are here.",
    200,
    IMPORT,
    _READ,
    _ROOM,
    NOT_THERE,
    {400: ("bad_at", "empty_piece"), 409: ("wrong_place", "import_ended")},
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
    IMPORT,
    _READ,
    _JSON,
    NOT_THERE,
    _NOT_WAITING,
    request={JSON: OpenApiRequest(CHOICE)},
    parameters=[_ID],
    examples=examples_of(SAID),
)
describe_confirming = _describe(
    "postImportConfirmation",
    "Say yes to what was read",
    "Of one that is `confirming`.",
    200,
    IMPORT,
    NOT_THERE,
    _NOT_WAITING,
    request=None,
    parameters=[_ID],
)
