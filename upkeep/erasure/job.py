"""The job of an erasure: whom to erase, how far it is, and what it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar
from uuid import uuid4

from analytics.databases import mongo
from analytics.databases.documents import JobDocument, typed
from analytics.databases.mongo import Document
from analytics.events.ids import make_place
from analytics.task_names import RUN_ERASURES
from upkeep.imports.ending import note_erased
from upkeep.jobs.job import DONE, Job, new_job
from upkeep.jobs.waiting import ANY_INDEX, read_last_entry


@dataclass(frozen=True, slots=True, kw_only=True)
class Erasure(Job):
    """An erasure that is not done; a done one forgets whom it erased."""

    COLLECTION: ClassVar[str] = mongo.ERASURES
    TASK: ClassVar[str] = RUN_ERASURES
    STATES: ClassVar[Mapping[str, str]] = {
        # The letters are first, too, so that none is replayed while the job waits.
        "first_letters": "waiting",
        "drain": "waiting",
        "veil": "erasing",
        "exports": "erasing",
        "events": "erasing",
        "letters": "erasing",
        "duplicates": "erasing",
        "buckets": "rebuilding",
        "old_buckets": "rebuilding",
        # Last, so that jobs of the release before, at whatever step they are, come to them.
        "tail": "clearing",
        "columns": "clearing",
        "files": "clearing",
        "exports_again": "clearing",
        DONE: "done",
    }
    COUNTS: ClassVar[Sequence[str]] = (
        *("events", "deadLetters", "duplicates"),
        *("buckets", "exactSets", "sketchedBuckets"),
        *("segments", "exports"),
    )
    FORGETS: ClassVar[Sequence[str]] = ("userId",)

    user_id: str
    last_place: bytes  # the last that an event accepted before the request may have

    @staticmethod
    def read_more(found: JobDocument) -> Document:
        return {"user_id": found["userId"], "last_place": bytes(found["lastPlace"])}


def create_erasure(
    project_id: bytes, partition: int, user_id: str, requested_by: str
) -> JobDocument:
    """Write down that a user is to be erased. Raises RedisError or PyMongoError.

    Imports under way know of it before the last place is read: none brings the user behind it.
    """
    note_erased(project_id, user_id)
    job: JobDocument = {
        **new_job(Erasure, str(uuid4()), project_id, partition, requested_by),
        "userId": user_id,
        "lastPlace": make_place(read_last_entry(partition), ANY_INDEX),
    }
    typed(JobDocument, mongo.ERASURES).insert_one(job)
    return job


def find_erasure(project_id: bytes, erasure_id: str) -> JobDocument | None:
    return typed(JobDocument, mongo.ERASURES).find_one({"_id": erasure_id, "project": project_id})
