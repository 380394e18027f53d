"""The Celery tasks: each an interface to one plain function. None carries an event."""

import random
import time
from collections.abc import Callable
from functools import partial, wraps
from typing import Any

from celery import Task, shared_task
from celery.signals import worker_process_init

from analytics import task_names
from analytics.metrics.sightings import note_verified
from analytics.projects.policy import find_policy, list_projects
from analytics.rollups.calendar import month_of
from columns.files.sweep import begin_sweeping_host
from ingestion.stream.signals import send_quietly
from upkeep.columns.rounds import export_columns, has_due, tend_columns
from upkeep.columns.verify import verify_columns_sample
from upkeep.job_table import JOB_KINDS
from upkeep.jobs.engine import run_jobs
from upkeep.jobs.job import JobKind, signal_jobs
from upkeep.jobs.lane import enter_lane
from upkeep.jobs.leases import lease_host
from upkeep.jobs.setbacks import run_each
from upkeep.ledger.checkpoints import take_checkpoints
from upkeep.ledger.lines import compact_ledger
from upkeep.retention import apply_retention
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.rollups.runs import collect_garbage
from upkeep.verify.days import find_days
from upkeep.verify.verify import verify_day, verify_month

VERIFY_PROJECTS = 10
VERIFY_DAYS = 3
COMPACT_BUDGET_SECONDS = 5.0
JOBS_BUDGET_SECONDS = 5.0
LANE_RETRY_SECONDS = 30


@worker_process_init.connect
def sweep_host(**_: Any) -> None:
    """Also where the rounds of the columns never come by."""
    begin_sweeping_host()


def in_lane(work: Callable[[], None]) -> Callable[[], None]:
    """Leave `work` out while another process does maintenance: beat asks again soon."""

    @wraps(work)
    def run() -> None:
        with enter_lane() as entered:
            if entered:
                work()

    return run


@shared_task(name=task_names.COMPACT_LEDGER, ignore_result=True)
@in_lane
def compact_ledger_task() -> None:
    run_each(compact_whole_ledger, take_checkpoints)


def compact_whole_ledger() -> None:
    while compact_ledger():
        pass


@shared_task(name=task_names.APPLY_RETENTION, ignore_result=True)
@in_lane
def apply_retention_task() -> None:
    apply_retention()


@shared_task(name=task_names.COMPACT_SUMMARIES, ignore_result=True)
@in_lane
def compact_summaries_task() -> None:
    begun = time.monotonic()
    if (
        compact_summaries(COMPACT_BUDGET_SECONDS)
        and time.monotonic() - begun > COMPACT_BUDGET_SECONDS
    ):
        send_quietly(task_names.COMPACT_SUMMARIES, task_names.MAINTENANCE_QUEUE)  # others first


@shared_task(name=task_names.BUILD_COPIES, ignore_result=True)
@in_lane
def build_copies_task() -> None:
    """Copy closed days and months, then clear away what copies and compaction replaced."""
    run_each(build_days, build_months, collect_garbage)


@shared_task(name=task_names.EXPORT_COLUMNS, ignore_result=True)
def export_columns_task() -> None:
    if has_due():
        _work_on_columns(export_columns, task_names.EXPORT_COLUMNS)


@shared_task(name=task_names.TEND_COLUMNS, ignore_result=True)
def tend_columns_task() -> None:
    _work_on_columns(tend_columns, task_names.TEND_COLUMNS)


def _work_on_columns(work: Callable[..., bool], task: str) -> None:
    """For a while, side by side with others, then make room and go on."""
    with lease_host() as entered:
        work_left = entered and work(ask_for_help=partial(_send, task))
    if work_left:
        _send(task)


def _send(task: str) -> None:
    send_quietly(task, task_names.MAINTENANCE_QUEUE)


@shared_task(name=task_names.VERIFY_SAMPLE, ignore_result=True, bind=True, max_retries=None)
def verify_sample_task(task: Task[[], None]) -> None:
    """Recount a few random days of random projects, in rollups and in columns.

    A difference is an error log and a metric.

    Runs once a night, so it waits for the lane.
    """
    with enter_lane() as entered:
        if not entered:
            raise task.retry(countdown=LANE_RETRY_SECONDS)
        run_each(_verify_sample, verify_columns_sample)


def _make_task(kind: JobKind[Any]) -> Callable[[], None]:
    def run_jobs_task() -> None:
        """Go on with open jobs for a while, then make room for other maintenance."""
        with enter_lane() as entered:
            work_left = entered and run_jobs(kind, JOBS_BUDGET_SECONDS)
        if work_left:
            signal_jobs(kind.job)

    return run_jobs_task


for _kind in JOB_KINDS.values():
    shared_task(name=_kind.job.TASK, ignore_result=True)(_make_task(_kind))


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
