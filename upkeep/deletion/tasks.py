"""The Celery task of deletions."""

from celery import shared_task

from analytics.task_names import MAINTENANCE_QUEUE, RUN_DELETIONS
from ingestion.stream.signals import send_quietly
from upkeep.deletion.run import run_deletions
from upkeep.jobs.lane import enter_lane

BUDGET_SECONDS = 5.0


@shared_task(name=RUN_DELETIONS, ignore_result=True)
def run_deletions_task() -> None:
    """Go on with open deletions for a while, then make room for other maintenance."""
    with enter_lane() as entered:
        work_left = entered and run_deletions(BUDGET_SECONDS)
    if work_left:
        send_quietly(RUN_DELETIONS, queue=MAINTENANCE_QUEUE)
