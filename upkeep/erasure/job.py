"""The job of an erasure: whom to erase, how far it is, and what it did."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar
from uuid import uuid4

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.events.ids import make_place
from upkeep.jobs.job import Job, new_job
from upkeep.jobs.waiting import ANY_INDEX, read_last_entry

# What the outside is told of a step.
STATES: Mapping[str, str] = {
    # The letters are first, too, so that none is replayed while the job waits.
    "first_letters": "waiting",
    "drain": "waiting",
    "events": "erasing",
    "letters": "erasing",
    "duplicates": "erasing",
    "buckets": "rebuilding",
    "old_buckets": "rebuilding",
    "done": "done",
}
COUNTS = ("events", "deadLetters", "duplicates", "buckets", "exactSets", "sketchedBuckets")


@dataclass(frozen=True, slots=True)
class Erasure(Job):
    """An erasure that is not done; a done one forgets whom it erased."""

    COLLECTION: ClassVar[str] = mongo.ERASURES
    STEPS: ClassVar[tuple[str, ...]] = tuple(STATES)[:-1]
    FORGETS: ClassVar[tuple[str, ...]] = ("userId",)

    user_id: str = ""
    last_place: bytes = b""  # the last that an event accepted before the request may have

    @staticmethod
    def read_more(found: Mapping[str, Any]) -> Sequence[Any]:
        return found["userId"], bytes(found["lastPlace"])


def create_erasure(project_id: bytes, partition: int, user_id: str, requested_by: str) -> Document:
    """Write down that a user is to be erased. Raises RedisError or PyMongoError."""
    job = {
        **new_job(Erasure, str(uuid4()), project_id, partition, requested_by),
        "userId": user_id,
        "lastPlace": make_place(read_last_entry(partition), ANY_INDEX),
        "counts": dict.fromkeys(COUNTS, 0),
    }
    collection(mongo.ERASURES).insert_one(job)
    return job


def find_erasure(project_id: bytes, erasure_id: str) -> Document | None:
    return collection(mongo.ERASURES).find_one({"_id": erasure_id, "project": project_id})
