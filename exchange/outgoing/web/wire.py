"""An export as the API shows it, and the link that its file is fetched by.

A link says to whom it was told, its holder: `key:<id>` or `user:<id>`.
"""

import json
from typing import Any, Final

from django.core import signing
from django.utils.timezone import now

from analytics.databases.export_documents import ExportDocument
from analytics.events.moments import format_moment
from exchange.outgoing.job import state_of
from exchange.outgoing.trouble import REASONS

LINK_SECONDS: Final = 3_600
"""A link is good for so long after it was told."""

_SALT: Final = "exchange.outgoing.file"

Json = dict[str, Any]


def render_export(export: ExportDocument, holder: str | None) -> Json:
    """All that is told of an export; to a holder also how to fetch it."""
    query = export["query"]
    body: Json = {
        "exportId": export["_id"],
        "state": state_of(export),
        "requestedAt": format_moment(export["requestedAt"]),
        "query": {**query, "filter": query["filter"] and json.loads(query["filter"])},
        "events": export["counts"]["events"],
    }
    for name in ("asOf", "finishedAt", "keptUntil"):
        if name in export:
            body[name] = format_moment(export[name])
    if error := export.get("error"):
        body["error"] = {"code": error, "detail": REASONS[error]}
    if "manifest" in export:
        body["manifest"] = json.loads(export["manifest"])
        if holder:
            body["file"] = make_link(export, holder)
    return body


def make_link(export: ExportDocument, holder: str) -> str:
    """The path that the file is at, for whoever has it, while its holder may have the file."""
    return f"/exports/{export['_id']}/file?link={sign(export, holder)}"


def sign(export: ExportDocument, holder: str) -> str:
    whose = f"{bytes(export['project']).hex()}:{export['_id']}:{holder}"
    return signing.TimestampSigner(salt=_SALT).sign(whose)


def read_link(text: str, export_id: str) -> tuple[bytes, str] | None:
    """The project that a link is of, and its holder; None where it is none of this, or old."""
    try:
        whose = signing.TimestampSigner(salt=_SALT).unsign(text, max_age=LINK_SECONDS)
        project, linked, holder = whose.split(":", 2)
        return (bytes.fromhex(project), holder) if linked == export_id else None
    except (signing.BadSignature, ValueError):
        return None


def name_file(export: ExportDocument) -> str:
    """What a browser calls it."""
    day = export.get("asOf", now()).strftime("%Y-%m-%d")
    return f"events-{bytes(export['project']).hex()}-{day}.{export['query']['format']}"
