"""Take the strides of jobs, of any kind, one after the other."""

import math
import time
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pymongo
import structlog
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.databases.documents import JobDocument, typed
from analytics.databases.transactions import Conflict
from upkeep.jobs.job import DONE, AnyJob, JobKind, MakeRoom, MustWait
from upkeep.jobs.setbacks import RUN_JOB, Turns

log = structlog.get_logger(__name__)

# Of the reads and writes of one stride.
TIMEOUT_SECONDS = 60.0
REPEAT_SECONDS = 0.1
FOLLOW_SECONDS = 1.0


def run_jobs(kind: JobKind[AnyJob], budget_seconds: float) -> bool:
    """Go on with every open job of a kind; whether one has work left that need not wait.

    One that fails, or takes all the time there is, lets the others go first the next time.
    """
    deadline = time.monotonic() + budget_seconds
    turns = Turns(RUN_JOB)
    jobs = typed(JobDocument, kind.job.COLLECTION)
    found = jobs.find({"open": True}, {"project": 1})
    for job in list(found.sort([("turnAt", 1), ("requestedAt", 1)])):
        if time.monotonic() > deadline:
            return True
        if turns.is_resting(job["_id"]):
            continue
        with suppress(PyMongoError, RedisError), turns.attempt(job["_id"], bytes(job["project"])):
            if run_job(kind, job["_id"], deadline):
                jobs.update_one(
                    {"_id": job["_id"], "open": True}, {"$set": {"turnAt": datetime.now(UTC)}}
                )
                return True
    return False


def run_job(kind: JobKind[AnyJob], job_id: str, deadline: float = math.inf) -> bool:
    """Go on with a job until it is done, must wait, or the time is up; whether work is left.

    Several processes may do so at once.
    """
    while job := _read_open_job(kind, job_id):
        if time.monotonic() > deadline:
            return True
        try:
            with pymongo.timeout(TIMEOUT_SECONDS):
                kind.strides[job.step](job)
        except MustWait:
            return False
        except MakeRoom:
            return True
        except Conflict as exc:
            log.info("job_repeated", job=job_id, step=job.step, error=str(exc)[:300])
            time.sleep(REPEAT_SECONDS)
    log.info("job_done", kind=kind.job.COLLECTION, job=job_id)
    return False


def _read_open_job(kind: JobKind[AnyJob], job_id: str) -> AnyJob | None:
    found = typed(JobDocument, kind.job.COLLECTION).find_one({"_id": job_id, "open": True})
    return kind.job.parse(found) if found else None


def follow_job(kind: JobKind[AnyJob], job: JobDocument, tell: Callable[[str], None]) -> JobDocument:
    """Go on with a job until it is done, and tell each state it comes to; its document then."""
    told = None
    while True:
        if (state := kind.job.STATES[job["step"]]) != told:
            tell(told := state)
        if job["step"] == DONE:
            return job
        run_job(kind, job["_id"])
        found = typed(JobDocument, kind.job.COLLECTION).find_one({"_id": job["_id"]})
        job = found or {**job, "step": DONE}  # its project was deleted meanwhile
        time.sleep(0 if job["step"] == DONE else FOLLOW_SECONDS)


def describe_counts(kind: JobKind[AnyJob], job: JobDocument) -> str:
    """What a job did, in one line; one of an earlier release may not have counted all of it."""
    return ", ".join(f"{job['counts'].get(name, 0)} {name}" for name in kind.job.COUNTS)
