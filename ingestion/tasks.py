"""The Celery tasks: each an interface to one plain function. None carries an event."""

import gc
import random
import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_init, worker_process_init, worker_ready
from django.conf import settings

from analytics.databases.stream_check import UnsafeStream, check_stream
from analytics.metrics.sightings import note_verified
from analytics.projects.policy import find_policy, list_projects
from analytics.rollups.calendar import month_of
from ingestion import drain as draining
from ingestion.checkpoints import take_checkpoints
from ingestion.compaction import compact_summaries
from ingestion.copies import build_days, build_months
from ingestion.days import find_days
from ingestion.enrich.user_agents import parse_user_agent
from ingestion.lane import enter_lane
from ingestion.ledger import compact_ledger
from ingestion.recount import verify_day, verify_month
from ingestion.retention import apply_retention
from ingestion.run_store import collect_garbage
from ingestion.setbacks import run_each
from ingestion.stream.claims import forget_idle_consumers
from ingestion.stream.signals import DRAIN_TASK, publish_drain

# Below this a drain would be mostly start and end.
MIN_DRAIN_SECONDS = 0.5
VERIFY_PROJECTS = 10
VERIFY_DAYS = 3
COMPACT_BUDGET_SECONDS = 5.0
LANE_RETRY_SECONDS = 30


def in_lane(work: Callable[[], None]) -> Callable[[], None]:
    """Leave `work` out while another process does maintenance: beat asks again soon."""

    @wraps(work)
    def run() -> None:
        with enter_lane() as entered:
            if entered:
                work()

    return run


@shared_task(name=DRAIN_TASK, ignore_result=True)
def drain(partition: int) -> None:
    """Drain a partition; signal another drain if work is left.

    With many partitions each has a part of the time: a process is through with all of them in
    DRAIN_BUDGET_SECONDS, or the last would wait for the first again and again.
    """
    budget = settings.DRAIN_BUDGET_SECONDS / settings.STREAM_PARTITIONS
    if draining.drain(partition, max(MIN_DRAIN_SECONDS, budget)).work_left:
        publish_drain(partition)


@shared_task(name="ingestion.forget_consumers", ignore_result=True)
def forget_consumers() -> None:
    for partition in range(settings.STREAM_PARTITIONS):
        forget_idle_consumers(partition)


@shared_task(name="ingestion.compact_ledger", ignore_result=True)
@in_lane
def compact_ledger_task() -> None:
    run_each(compact_whole_ledger, take_checkpoints)


def compact_whole_ledger() -> None:
    while compact_ledger():
        pass


@shared_task(name="ingestion.apply_retention", ignore_result=True)
@in_lane
def apply_retention_task() -> None:
    apply_retention()


@shared_task(name="ingestion.compact_summaries", ignore_result=True)
@in_lane
def compact_summaries_task() -> None:
    compact_summaries(COMPACT_BUDGET_SECONDS)


@shared_task(name="ingestion.build_copies", ignore_result=True)
@in_lane
def build_copies_task() -> None:
    """Copy closed days and months, then clear away what copies and compaction replaced."""
    run_each(build_days, build_months, collect_garbage)


@shared_task(name="ingestion.verify_sample", ignore_result=True, bind=True, max_retries=None)
def verify_sample_task(task: Task[Any, Any]) -> None:
    """Recount a few random days of random projects; a difference is an error log and a metric.

    Runs once a night, so it waits for the lane.
    """
    with enter_lane() as entered:
        if not entered:
            raise task.retry(countdown=LANE_RETRY_SECONDS)
        _verify_sample()


def _verify_sample() -> None:
    projects = list_projects()
    drift_tables = 0
    for project in random.sample(projects, min(VERIFY_PROJECTS, len(projects))):
        project_id = bytes.fromhex(project)
        days = find_days(project_id, find_policy(project_id).raw_horizon)
        days = random.sample(days, min(VERIFY_DAYS, len(days)))
        for day in days:
            drift_tables += len(verify_day(project_id, day))
        for month in {month_of(day) for day in days}:
            drift_tables += len(verify_month(project_id, month))
    note_verified(drift_tables)


@worker_init.connect
def refuse_unsafe_stream(**_: Any) -> None:
    """A worker does not start either on a Redis that loses events."""
    try:
        check_stream()
    except UnsafeStream as exc:
        raise SystemExit(str(exc)) from exc


@worker_init.connect
def learn_user_agents(**_: Any) -> None:
    """Compile their patterns before the fork: the processes share them, and no event waits."""
    parse_user_agent("")


@worker_process_init.connect
def tune_interpreter(**_: Any) -> None:
    """A batch is many small objects and no cycles: look for cycles rarely.

    A thread that has its answer from MongoDB goes on within a millisecond, not within five.
    """
    sys.setswitchinterval(0.001)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


@worker_ready.connect
def drain_unasked(**_: Any) -> None:
    """A starting worker drains once unasked: the signal may have come while none was up."""
    for partition in range(settings.STREAM_PARTITIONS):
        publish_drain(partition)
