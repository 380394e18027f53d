"""An erasure as the API shows it."""

from typing import Any

from analytics.databases.mongo import Document
from analytics.events.moments import format_moment
from upkeep.erasure.job import Erasure


def render_erasure(job: Document) -> dict[str, Any]:
    """Without the user: who asks knows, and a done job does not any more."""
    body = {
        "erasureId": job["_id"],
        "state": Erasure.STATES[job["step"]],
        "requestedAt": format_moment(job["requestedAt"]),
        "counts": dict(job["counts"]),
    }
    if "finishedAt" in job:
        body["finishedAt"] = format_moment(job["finishedAt"])
    return body
