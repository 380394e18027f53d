"""The job of a deletion. Its document stays: who, when, and what the project's books said."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from analytics.audit import record
from analytics.databases import mongo
from analytics.databases.documents import JobDocument, typed
from analytics.databases.mongo import Document
from analytics.projects.aliases import Alias
from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import Project
from analytics.task_names import RUN_DELETIONS
from upkeep.jobs.job import DONE, Job, new_job, signal_jobs

# Everything of the project that MongoDB holds; twice, for what was in flight the first time.
DATA = (
    *("events", "duplicates", "letters", "summaries", "days", "months", "erasures", "buckets"),
    *("fresh", "segments", "saved", "notices", "exports", "imports", "pins"),
)
AGAIN = "_again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion(Job):
    """A deletion that is not done. Its id is the project's, in hex."""

    COLLECTION: ClassVar[str] = mongo.PROJECT_DELETIONS
    TASK: ClassVar[str] = RUN_DELETIONS
    STATES: ClassVar[Mapping[str, str]] = {
        "keys": "stopping",
        "settle": "stopping",
        "drain": "draining",
        **dict.fromkeys((*DATA, "rest"), "removing"),
        **dict.fromkeys((step + AGAIN for step in ("drain", *DATA)), "removing"),
        "files": "removing",
        "books": "removing",
        "counters": "removing",
        DONE: "done",
    }
    COUNTS: ClassVar[Sequence[str]] = (
        *("events", "duplicates", "deadLetters", "summaries", "days", "months", "erasures"),
        *("segments", "exports", "imports"),
        *("accepted", "stored", "duplicate", "dead", "erased", "imported"),  # the books
    )

    last_place: bytes | None  # the last that an event of the project may have

    @staticmethod
    def read_more(found: JobDocument) -> Document:
        return {"last_place": found.get("lastPlace")}


def ask_deletion(project: Project, requested_by: str) -> JobDocument:
    """Stop the project's keys and have all it holds removed; the job.

    Asking again for a project that is deleted removes what came to light since. Raises
    PyMongoError or a DatabaseError.
    """
    deletions = typed(JobDocument, mongo.PROJECT_DELETIONS)
    job = new_job(Deletion, project.id, project.id_bytes, project.partition, requested_by)
    made: JobDocument = {**job, "name": project.name}
    begin = deletions.update_one({"_id": project.id}, {"$setOnInsert": made}, upsert=True)
    if begin.upserted_id is None:
        kept = ("requestedAt", "requestedBy", "step", "cursor", "open")
        again = {key: value for key, value in job.items() if key in kept}
        deletions.update_one(
            {"_id": project.id, "step": DONE}, {"$set": again, "$inc": {"revision": 1}}
        )
    record(requested_by, project.id, "project.deletion_asked", project.name)
    stop_keys(project)
    signal_jobs(Deletion)
    return find_deletion(project.id) or made


def stop_keys(project: Project) -> bool:
    """Mark the project as deleted, revoke its keys and let go of its aliases.

    Returns whether Redis knows of it already.
    """
    is_known = True
    try:
        project.stop()
    except MirrorDelayed:
        is_known = False
    ends: list[Callable[[], object]] = [key.revoke for key in project.keys.all()]
    ends += [alias.delete for alias in Alias.objects.filter(project=project)]
    for end in ends:
        try:
            end()
        except MirrorDelayed:
            is_known = False
    return is_known


def find_deletion(project_id: str) -> JobDocument | None:
    return typed(JobDocument, mongo.PROJECT_DELETIONS).find_one({"_id": project_id})
