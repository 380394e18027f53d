"""Long work in steps, each a row of bounded parts, that any process may go on with.

How far a job is stands in a document. A part of the work and the progress it makes are one
transaction, which holds only where the job is still as it was read: so a part that is done by
two processes, or again after a crash, counts once.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ClassVar, Self, TypeVar

import pymongo
import structlog
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict
from upkeep.jobs.setbacks import RUN_JOB, Turns

log = structlog.get_logger(__name__)

# Of the reads and writes of one part.
TIMEOUT_SECONDS = 60.0
REPEAT_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Job:
    """A job that is not done, as it was read."""

    COLLECTION: ClassVar[str]
    STEPS: ClassVar[Sequence[str]]
    FORGETS: ClassVar[Sequence[str]] = ()  # the fields that a done job has no more

    id: str
    project_id: bytes
    partition: int
    step: str
    cursor: Any  # how far the step is; None at its start
    revision: int

    @classmethod
    def parse(cls, found: Mapping[str, Any]) -> Self:
        return cls(
            found["_id"],
            bytes(found["project"]),
            found["partition"],
            found["step"],
            found.get("cursor"),
            found["revision"],
            *cls.read_more(found),
        )

    @staticmethod
    def read_more(found: Mapping[str, Any]) -> Sequence[Any]:
        """The values of the fields that a kind of job adds."""
        return ()


AnyJob = TypeVar("AnyJob", bound=Job)
# Does one part; False: it must wait for something that this process cannot do.
Part = Callable[[AnyJob], bool | None]


def new_job(
    kind: type[Job], job_id: str, project_id: bytes, partition: int, requested_by: str
) -> Document:
    """The document of a job at its start."""
    now = datetime.now(UTC)
    return {
        "_id": job_id,
        "project": project_id,
        "partition": partition,
        "requestedAt": now,
        "turnAt": now,  # when it last took all the time there was; until then, since it waits
        "requestedBy": requested_by,
        "step": kind.STEPS[0],
        "cursor": None,
        "revision": 0,
        "open": True,
    }


def run_jobs(kind: type[AnyJob], parts: Mapping[str, Part[AnyJob]], budget_seconds: float) -> bool:
    """Go on with every open job of a kind; whether one has work left that need not wait.

    One that fails, or takes all the time there is, lets the others go first the next time.
    """
    deadline = time.monotonic() + budget_seconds
    turns = Turns(RUN_JOB)
    found = collection(kind.COLLECTION).find({"open": True}, {"project": 1})
    for job in list(found.sort([("turnAt", 1), ("requestedAt", 1)])):
        if time.monotonic() > deadline:
            return True
        if turns.is_resting(job["_id"]):
            continue
        with suppress(PyMongoError, RedisError), turns.attempt(job["_id"], bytes(job["project"])):
            if run_job(kind, parts, job["_id"], deadline):
                collection(kind.COLLECTION).update_one(
                    {"_id": job["_id"], "open": True}, {"$set": {"turnAt": datetime.now(UTC)}}
                )
                return True
    return False


def run_job(
    kind: type[AnyJob], parts: Mapping[str, Part[AnyJob]], job_id: str, deadline: float
) -> bool:
    """Go on with a job until it is done, must wait, or the time is up; whether work is left.

    Several processes may do so at once.
    """
    while job := _read_open_job(kind, job_id):
        if time.monotonic() > deadline:
            return True
        try:
            with pymongo.timeout(TIMEOUT_SECONDS):
                must_wait = parts[job.step](job) is False
        except Conflict as exc:
            log.info("job_repeated", job=job_id, step=job.step, error=str(exc)[:300])
            time.sleep(REPEAT_SECONDS)
            continue
        if must_wait:
            return False
    log.info("job_done", kind=kind.COLLECTION, job=job_id)
    return False


def _read_open_job(kind: type[AnyJob], job_id: str) -> AnyJob | None:
    found = collection(kind.COLLECTION).find_one({"_id": job_id, "open": True})
    return kind.parse(found) if found else None


def save_progress(
    job: Job, session: ClientSession, *, cursor: Any, counts: Mapping[str, int] | None = None
) -> None:
    """How far the step is now, and what it did since. Raises Conflict."""
    _save(job, session, {"$set": {"cursor": cursor}}, counts)


def finish_step(
    job: Job,
    session: ClientSession,
    counts: Mapping[str, int] | None = None,
    **fields: Any,
) -> None:
    """Go on to the next step, or be done after the last; `fields` go to the job's document."""
    following = job.STEPS.index(job.step) + 1
    if following < len(job.STEPS):
        change: Document = {"$set": {"step": job.STEPS[following], "cursor": None, **fields}}
    else:
        change = {
            "$set": {"step": "done", "finishedAt": datetime.now(UTC), **fields},
            "$unset": dict.fromkeys((*job.FORGETS, "cursor", "open"), ""),
        }
    _save(job, session, change, counts)


def _save(
    job: Job, session: ClientSession, change: Document, counts: Mapping[str, int] | None
) -> None:
    added = {f"counts.{name}": count for name, count in (counts or {}).items() if count}
    saved = collection(job.COLLECTION).update_one(
        {"_id": job.id, "revision": job.revision, "open": True},
        {**change, "$inc": {"revision": 1, **added}},
        session=session,
    )
    if not saved.matched_count:
        raise Conflict("another process was faster")
