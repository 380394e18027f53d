"""Run erasures: part after part, until there is nothing left to do or the time is up."""

import time
from collections.abc import Callable, Mapping

import pymongo
import structlog
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.ids import parse_place
from ingestion.erasure.buckets import forget_in_old_buckets, rebuild_buckets
from ingestion.erasure.events import erase_events
from ingestion.erasure.job import (
    Job,
    JobChanged,
    change_job,
    finish_step,
    list_open_jobs,
    read_open_job,
    save_progress,
)
from ingestion.erasure.letters import redact_duplicates, redact_letters
from ingestion.erasure.waiting import find_waiting
from ingestion.run_store import RunConflict

log = structlog.get_logger(__name__)

# Of one read or write; a part is several.
TIMEOUT_SECONDS = 60.0
REPEAT_SECONDS = 0.1


def wait_for_drain(job: Job) -> bool:
    """Whether everything accepted before the request is stored; only then can it be erased."""
    last, _ = parse_place(job.last_place)
    waiting = find_waiting(job.project_id, job.partition, last, job.cursor)
    with change_job(job) as session:
        if waiting is None:
            finish_step(job, session)
        elif waiting != job.cursor:
            save_progress(job, session, cursor=waiting)
    return waiting is None


_PARTS: Mapping[str, Callable[[Job], bool | None]] = {
    "first_letters": redact_letters,
    "drain": wait_for_drain,
    "events": erase_events,
    "letters": redact_letters,
    "duplicates": redact_duplicates,
    "buckets": rebuild_buckets,
    "old_buckets": forget_in_old_buckets,
}


def run_erasures(budget_seconds: float) -> bool:
    """Go on with every open erasure; whether one has work left that need not wait.

    One that fails is logged and does not keep the others from going on.
    """
    deadline = time.monotonic() + budget_seconds
    for erasure_id in list_open_jobs():
        try:
            if run_erasure(erasure_id, deadline):
                return True
        except (PyMongoError, RedisError) as exc:
            log.warning("erasure_interrupted", erasure=erasure_id, error=repr(exc)[:300])
    return False


def run_erasure(erasure_id: str, deadline: float) -> bool:
    """Go on with an erasure until it is done, must wait, or the time is up.

    Returns whether there is work left. It may be run by several processes at once.
    """
    while job := read_open_job(erasure_id):
        if time.monotonic() > deadline:
            return True
        try:
            with pymongo.timeout(TIMEOUT_SECONDS):
                must_wait = _PARTS[job.step](job) is False
        except (JobChanged, RunConflict) as exc:
            log.info("erasure_repeated", erasure=erasure_id, step=job.step, error=str(exc)[:300])
            time.sleep(REPEAT_SECONDS)
            continue
        if must_wait:
            return False
    log.info("erasure_done", erasure=erasure_id)
    return False
