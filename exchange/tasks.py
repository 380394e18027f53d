"""The Celery tasks: each an interface to one plain function. None carries an event."""

from celery import shared_task

from analytics import task_names
from exchange.incoming.run import IMPORTS
from exchange.outgoing.run import EXPORTS
from upkeep.exports.removal import sweep_all
from upkeep.imports.ending import sweep_all as sweep_imports
from upkeep.jobs.engine import run_jobs
from upkeep.jobs.job import AnyJob, JobKind, signal_jobs
from upkeep.jobs.lane import EXCHANGE, enter_lane, leave_word, take_word
from upkeep.jobs.lane import IMPORTS as IMPORTS_LANE

BUDGET_SECONDS = 5.0
IMPORT_SECONDS = 1.0
"""An import makes room for drains, without which nothing of it would be stored."""


@shared_task(name=task_names.RUN_EXPORTS, ignore_result=True)
def run_exports_task() -> None:
    """Go on with open exports for a while, then make room for other maintenance."""
    _take_turn(EXCHANGE, EXPORTS, BUDGET_SECONDS)


@shared_task(name=task_names.RUN_IMPORTS, ignore_result=True)
def run_imports_task() -> None:
    """Go on with open imports for a moment, then make room for other maintenance."""
    _take_turn(IMPORTS_LANE, IMPORTS, IMPORT_SECONDS)


def _take_turn(lane: str, kind: JobKind[AnyJob], seconds: float) -> None:
    """What was asked for while another process is in the lane it asks for again as it leaves."""
    leave_word(lane)
    work_left = False
    with enter_lane(lane) as entered:
        if entered:
            take_word(lane)
            work_left = run_jobs(kind, seconds)
    if entered and (take_word(lane) or work_left):
        signal_jobs(kind.job)


@shared_task(name=task_names.SWEEP_IMPORTS, ignore_result=True)
def sweep_imports_task() -> None:
    sweep_imports()


@shared_task(name=task_names.SWEEP_EXPORTS, ignore_result=True)
def sweep_exports_task() -> None:
    sweep_all()
