"""An erasure as the API shows it."""

from analytics.databases.documents import JobDocument
from analytics.events.moments import format_moment
from upkeep.erasure.job import Erasure


def render_erasure(job: JobDocument) -> dict[str, object]:
    """Without the user: who asks knows, and a done job does not any more."""
    body: dict[str, object] = {
        "erasureId": job["_id"],
        "state": Erasure.STATES[job["step"]],
        "requestedAt": format_moment(job["requestedAt"]),
        "counts": dict(job["counts"]),
    }
    if "finishedAt" in job:
        body["finishedAt"] = format_moment(job["finishedAt"])
    return body
