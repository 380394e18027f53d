"""An import as the API shows it."""

from typing import Any

from analytics.databases.import_documents import ImportDocument, Report
from analytics.events.ids import datetime_of_ms
from analytics.events.moments import format_moment
from exchange.incoming.job import state_of
from exchange.incoming.report import REASONS, tell_error

Json = dict[str, Any]


def render_import(found: ImportDocument) -> Json:
    """All that is told of an import."""
    body: Json = {
        "importId": found["_id"],
        "state": state_of(found),
        "requestedAt": format_moment(found["requestedAt"]),
        "file": found["file"],
        "bytes": found["bytes"],
        "received": found.get("received", found["bytes"]),
        "confirmed": found["confirmed"],
        "dryRun": found["dryRun"],
        "counts": {name: found["counts"][name] for name in ("imported", "stored", "erased")},
    }
    if found["sha256"]:
        body["sha256"] = found["sha256"]
    if choice := found["choice"]:
        body |= {"source": choice["source"], **choice["options"]}
        if choice["mapping"] is not None:
            body["mapping"] = choice["mapping"]
    if guess := found.get("guess"):
        body["guess"] = {name: value for name, value in guess.items() if name != "items"}
        body["guess"]["rows"] = guess["items"]
    if "readSoFar" in found:
        body["read"] = dict(found["readSoFar"])
    if "report" in found:
        body["report"] = _render_report(found["report"])
    if error := found.get("error"):
        body["error"] = {"code": error, "detail": tell_error(error, found.get("detail", ""))}
    for name in ("finishedAt", "keptUntil"):
        if moment := found.get(name):
            body[name] = format_moment(moment)  # type: ignore[arg-type]
    return body


def _render_report(report: Report) -> Json:
    first, last = report["firstMs"], report["lastMs"]
    left_out = sorted(report["leftOut"].items(), key=lambda each: (-each[1], each[0]))
    return {
        **{name: report[name] for name in ("rows", "events", "doubles", "stored")},
        "first": None if first is None else format_moment(datetime_of_ms(first)),
        "last": None if last is None else format_moment(datetime_of_ms(last)),
        "leftOut": [
            {
                "code": code,
                "detail": REASONS.get(code, code),
                "count": count,
                "rows": report["samples"].get(code, []),
            }
            for code, count in left_out
        ],
    }
