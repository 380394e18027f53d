"""The bodies and answers of imports, as JSON Schema."""

from typing import Final

from analytics.web.openapi import Json, object_of
from exchange.incoming.job import MAX_NAME_CHARS
from exchange.incoming.mapping import FIELDS, TIME_FORMATS
from exchange.incoming.options import ENCODINGS, SOURCES
from exchange.incoming.trouble import ERRORS

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
BODY: Json = {
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
CHOICE: Json = {"type": "object", "additionalProperties": False, "properties": _SAID}
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
IMPORT: Json = object_of(
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
