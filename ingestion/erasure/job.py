"""The job of an erasure: whom to erase, how far it is, and what it did.

A part of the work and the progress it makes are one transaction, which holds only where the job
is still as it was read: so a part that is done by two processes, or again after a crash, counts
once.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from analytics import mongo
from analytics.ids import make_place
from analytics.mongo import Document, collection
from ingestion.erasure.waiting import read_last_entry
from ingestion.store_errors import TRANSIENT

# In this order. The letters are first, too, so that none is replayed while the job waits.
STEPS = ("first_letters", "drain", "events", "letters", "duplicates", "buckets", "old_buckets")
# What the outside is told of a step.
STATES: Mapping[str, str] = {
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
_ANY_INDEX = 0xFFFF


class JobChanged(Exception):
    """Another process was faster, or the store asks to try again: nothing was changed."""


@dataclass(frozen=True, slots=True)
class Job:
    """An erasure that is not done, as it was read."""

    id: str
    project_id: bytes
    partition: int
    user_id: str
    last_place: bytes  # the last that an event accepted before the request may have
    step: str
    cursor: Any  # how far the step is; None at its start
    revision: int

    @classmethod
    def parse(cls, found: Mapping[str, Any]) -> "Job":
        return cls(
            found["_id"],
            bytes(found["project"]),
            found["partition"],
            found["userId"],
            bytes(found["lastPlace"]),
            found["step"],
            found.get("cursor"),
            found["revision"],
        )


def create_job(project_id: bytes, partition: int, user_id: str, requested_by: str) -> Document:
    """Write down that a user is to be erased. Raises RedisError or PyMongoError."""
    job: Document = {
        "_id": str(uuid4()),
        "project": project_id,
        "partition": partition,
        "userId": user_id,
        "lastPlace": make_place(read_last_entry(partition), _ANY_INDEX),
        "requestedAt": datetime.now(UTC),
        "requestedBy": requested_by,
        "step": STEPS[0],
        "cursor": None,
        "revision": 0,
        "open": True,
        "counts": dict.fromkeys(COUNTS, 0),
    }
    collection(mongo.ERASURES).insert_one(job)
    return job


def find_job(project_id: bytes, erasure_id: str) -> Document | None:
    return collection(mongo.ERASURES).find_one({"_id": erasure_id, "project": project_id})


def list_open_jobs() -> list[str]:
    """The ids of the jobs that are not done, oldest first."""
    found = collection(mongo.ERASURES).find({"open": True}, {"requestedAt": 1})
    return [job["_id"] for job in found.sort("requestedAt", 1)]


def read_open_job(erasure_id: str) -> Job | None:
    found = collection(mongo.ERASURES).find_one({"_id": erasure_id, "open": True})
    return Job.parse(found) if found else None


@contextmanager
def change_job(job: Job) -> Iterator[ClientSession]:
    """One transaction for a part of the work and `save_progress`. Raises JobChanged."""
    with mongo.client().start_session() as session:
        try:
            with session.start_transaction(
                read_concern=ReadConcern("snapshot"), write_concern=mongo.DURABLE
            ):
                yield session
        except PyMongoError as exc:
            if exc.has_error_label(TRANSIENT):
                raise JobChanged(repr(exc)) from exc
            raise


def save_progress(
    job: Job, session: ClientSession, *, cursor: Any, counts: Mapping[str, int] | None = None
) -> None:
    """How far the step is now, and what it did since. Raises JobChanged."""
    _save(job, session, {"$set": {"cursor": cursor}}, counts)


def finish_step(job: Job, session: ClientSession, counts: Mapping[str, int] | None = None) -> None:
    """Go on to the next step; after the last the job is done and forgets whom it erased."""
    following = STEPS.index(job.step) + 1
    if following < len(STEPS):
        change: Document = {"$set": {"step": STEPS[following], "cursor": None}}
    else:
        change = {
            "$set": {"step": "done", "finishedAt": datetime.now(UTC)},
            "$unset": {"userId": "", "cursor": "", "open": ""},
        }
    _save(job, session, change, counts)


def _save(
    job: Job, session: ClientSession, change: Document, counts: Mapping[str, int] | None
) -> None:
    added = {f"counts.{name}": count for name, count in (counts or {}).items() if count}
    saved = collection(mongo.ERASURES).update_one(
        {"_id": job.id, "revision": job.revision, "open": True},
        {**change, "$inc": {"revision": 1, **added}},
        session=session,
    )
    if not saved.matched_count:
        raise JobChanged("another process was faster")
