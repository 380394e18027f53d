"""The Celery task of erasures."""

from celery import shared_task

from analytics.task_names import MAINTENANCE_QUEUE, RUN_ERASURES
from ingestion.stream.signals import send_quietly
from upkeep.erasure.run import run_erasures
from upkeep.jobs.lane import enter_lane

BUDGET_SECONDS = 5.0


@shared_task(name=RUN_ERASURES, ignore_result=True)
def run_erasures_task() -> None:
    """Go on with open erasures for a while, then make room for other maintenance."""
    with enter_lane() as entered:
        work_left = entered and run_erasures(BUDGET_SECONDS)
    if work_left:
        send_quietly(RUN_ERASURES, queue=MAINTENANCE_QUEUE)
