"""Run erasures: the parts of each step."""

from collections.abc import Mapping

from analytics.events.ids import parse_place
from upkeep.erasure.buckets import forget_in_old_buckets, rebuild_buckets
from upkeep.erasure.events import erase_events
from upkeep.erasure.job import Erasure
from upkeep.erasure.letters import redact_duplicates, redact_letters
from upkeep.jobs import job as jobs
from upkeep.jobs.job import Part
from upkeep.jobs.waiting import wait_for_drain


def wait(job: Erasure) -> bool:
    """Only what is stored can be erased."""
    last, _ = parse_place(job.last_place)
    return wait_for_drain(job, last)


PARTS: Mapping[str, Part[Erasure]] = {
    "first_letters": redact_letters,
    "drain": wait,
    "events": erase_events,
    "letters": redact_letters,
    "duplicates": redact_duplicates,
    "buckets": rebuild_buckets,
    "old_buckets": forget_in_old_buckets,
}


def run_erasures(budget_seconds: float) -> bool:
    """Go on with every open erasure; whether there is work left that need not wait."""
    return jobs.run_jobs(Erasure, PARTS, budget_seconds)


def run_erasure(erasure_id: str, deadline: float) -> bool:
    """Go on with one until it is done, must wait, or the time is up; whether work is left."""
    return jobs.run_job(Erasure, PARTS, erasure_id, deadline)
