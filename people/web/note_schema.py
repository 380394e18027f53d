"""What the OpenAPI document says about notes."""

from drf_spectacular.utils import OpenApiParameter

from analytics.web.openapi import object_of
from people.web.schema import BODY, MOMENT, TEXT, body_of, describe

NOTE = object_of(
    {
        "id": TEXT,
        "at": {**TEXT, "description": "A date of the project's time zone, or a minute in UTC."},
        "text": TEXT,
        "author": TEXT,
        "createdAt": MOMENT,
    }
)
describe_notes = describe(
    "listNotes",
    "Notes of a window",
    {400: ("bad_timestamp", "bad_limit")},
    answers={200: (object_of({"notes": {"type": "array", "items": NOTE}}), "The latest first.")},
    parameters=[
        OpenApiParameter("start", str, description="From this date or moment on."),
        OpenApiParameter("end", str, description="Before this date or moment."),
        OpenApiParameter("limit", int, description="How many, 1 to 1,000.", default=100),
    ],
    description="Needs the scope read.",
    tag="notes",
)
describe_writing = describe(
    "writeNote",
    "Write a note",
    BODY,
    {400: ("bad_note_id",), 409: ("other_note", "too_many_notes")},
    answers={
        201: (NOTE, "It is written."),
        200: (NOTE, "It was there: the same id, the same note."),
    },
    parameters=[],
    request=body_of(
        {
            "id": {"type": "string", "pattern": "^[A-Za-z0-9._-]{1,64}$"},
            "at": {
                **TEXT,
                "description": "A date, or a moment, which is cut to its minute.",
            },
            "text": {"type": "string", "minLength": 1, "maxLength": 500},
        },
        "at",
        "text",
    ),
    description="Needs the scope ingest, of a secret key.",
    tag="notes",
)
