"""Imports as scripts ask for them."""

from typing import Any, Final

from drf_spectacular.utils import OpenApiExample

from ingestion.accept.body import JSON

Json = dict[str, Any]

ASKED: Final[dict[str, Json]] = {
    "an export of this service, at once": {
        "file": "events.csv",
        "bytes": 48_213_004,
        "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
        "source": "own",
        "confirmed": True,
    },
    "what a log would bring": {
        "file": "access.log.gz",
        "bytes": 1_200_345,
        "source": "access-log",
        "hostname": "www.example.com",
        "dryRun": True,
    },
    "a table whose columns are known": {
        "file": "orders.csv",
        "bytes": 90_210,
        "source": "csv",
        "encoding": "latin-1",
        "mapping": {
            "fields": {"timestamp": "created_at", "path": "page", "user_id": "customer"},
            "properties": ["plan"],
            "timeZone": "Europe/Vienna",
        },
    },
    "a file to be looked at": {"file": "events.jsonl", "bytes": 7_340},
}
SAID: Final[dict[str, Json]] = {
    "what it seemed to be": {"source": "goatcounter"},
    "what its columns are": {
        "source": "csv",
        "mapping": {"fields": {"timestamp": "time", "path": "page"}},
    },
    "to be looked at in another encoding": {"encoding": "cp1252"},
}


def examples_of(bodies: dict[str, Json]) -> list[OpenApiExample]:
    return [
        OpenApiExample(name, body, request_only=True, media_type=JSON)
        for name, body in bodies.items()
    ]
