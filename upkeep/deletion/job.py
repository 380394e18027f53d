"""The job of a deletion. Its document stays: who, when, and what the project's books said."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import Project
from analytics.task_names import MAINTENANCE_QUEUE, RUN_DELETIONS
from ingestion.stream.signals import send_quietly
from upkeep.jobs.job import Job, new_job

# Everything of the project that MongoDB holds; twice, for what was in flight the first time.
DATA = ("events", "duplicates", "letters", "summaries", "days", "months", "erasures", "buckets")
AGAIN = "_again"
COUNTS = (
    *("events", "duplicates", "deadLetters", "summaries", "days", "months", "erasures"),
    *("accepted", "stored", "duplicate", "dead", "erased"),  # the books
)


@dataclass(frozen=True, slots=True)
class Deletion(Job):
    """A deletion that is not done. Its id is the project's, in hex."""

    COLLECTION: ClassVar[str] = mongo.PROJECT_DELETIONS
    STEPS: ClassVar[tuple[str, ...]] = (
        *("keys", "settle", "drain", *DATA),
        *("rest", "drain" + AGAIN, *(name + AGAIN for name in DATA), "books", "counters"),
    )

    last_place: bytes | None = None  # the last that an event of the project may have

    @staticmethod
    def read_more(found: Mapping[str, Any]) -> Sequence[Any]:
        return (found.get("lastPlace"),)


def state_of(step: str) -> str:
    """What the outside is told of a step."""
    match step:
        case "keys" | "settle":
            return "stopping"
        case "drain":
            return "draining"
        case "done":
            return "done"
        case _:
            return "removing"


def ask_deletion(project: Project, requested_by: str) -> Document:
    """Stop the project's keys and have all it holds removed; the job.

    Asking again for a project that is deleted removes what came to light since. Raises
    PyMongoError or a DatabaseError.
    """
    deletions = collection(mongo.PROJECT_DELETIONS)
    job = new_job(Deletion, project.id, project.id_bytes, project.partition, requested_by)
    made = {**job, "name": project.name, "counts": dict.fromkeys(COUNTS, 0)}
    begin = deletions.update_one({"_id": project.id}, {"$setOnInsert": made}, upsert=True)
    if begin.upserted_id is None:
        again = {key: job[key] for key in ("requestedAt", "requestedBy", "step", "cursor", "open")}
        deletions.update_one(
            {"_id": project.id, "step": "done"}, {"$set": again, "$inc": {"revision": 1}}
        )
    stop_keys(project)
    send_quietly(RUN_DELETIONS, queue=MAINTENANCE_QUEUE)
    return find_deletion(project.id) or made


def stop_keys(project: Project) -> bool:
    """Mark the project as deleted and revoke its keys; whether Redis knows of it already."""
    is_known = True
    try:
        project.stop()
    except MirrorDelayed:
        is_known = False
    for key in project.keys.all():
        try:
            key.revoke()
        except MirrorDelayed:
            is_known = False
    return is_known


def find_deletion(project_id: str) -> Document | None:
    return collection(mongo.PROJECT_DELETIONS).find_one({"_id": project_id})
