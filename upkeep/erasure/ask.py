"""Ask for the erasure of a user, or what it would find."""

import pymongo
from pymongo.errors import ExecutionTimeout

from analytics.audit import record
from analytics.databases import mongo
from analytics.databases.documents import JobDocument, LetterDocument, typed
from analytics.databases.mongo import collection
from upkeep.erasure.job import Erasure, create_erasure
from upkeep.erasure.letters import is_of_user
from upkeep.jobs.job import signal_jobs

STORE_TIMEOUT_SECONDS = 10.0
COUNT_TIMEOUT_SECONDS = 10.0


class TooManyToCount(Exception):
    """Counting would take too long; erasing needs no count."""


def ask_erasure(project_id: bytes, partition: int, user_id: str, requested_by: str) -> JobDocument:
    """Write the job down and signal a worker; the job. Raises RedisError or PyMongoError."""
    with pymongo.timeout(STORE_TIMEOUT_SECONDS):
        job = create_erasure(project_id, partition, user_id, requested_by)
        record(requested_by, project_id.hex(), "erasure.asked", job["_id"])
    signal_jobs(Erasure)
    return job


def count_erasable(project_id: bytes, user_id: str) -> dict[str, int]:
    """How many events and dead letters an erasure would find now; what waits is not counted.

    Raises TooManyToCount, or PyMongoError.
    """
    limit_ms = int(COUNT_TIMEOUT_SECONDS * 1000)
    theirs = {"project": project_id, "userId": user_id}
    letters = typed(LetterDocument, mongo.DEAD_LETTERS).find(
        {"project": project_id}, {"payload": 1, "original": 1}, max_time_ms=limit_ms
    )
    try:
        return {
            "events": collection(mongo.EVENTS).count_documents(theirs, maxTimeMS=limit_ms),
            "deadLetters": sum(is_of_user(letter, user_id) for letter in letters),
        }
    except ExecutionTimeout as exc:
        raise TooManyToCount from exc
