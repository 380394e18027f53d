"""The Celery tasks: each an interface to one plain function. None carries an event."""

from typing import Any

from celery import shared_task
from celery.signals import worker_ready
from django.conf import settings

from ingestion import drain as draining
from ingestion.ledger import compact_ledger
from ingestion.reader import forget_idle_consumers
from ingestion.retention import apply_retention
from ingestion.signals import DRAIN_TASK, publish_drain


@shared_task(name=DRAIN_TASK, ignore_result=True)
def drain(partition: int) -> None:
    """Drain a partition; signal another drain if work is left."""
    if draining.drain(partition).work_left:
        publish_drain(partition)


@shared_task(name="ingestion.forget_consumers", ignore_result=True)
def forget_consumers() -> None:
    for partition in range(settings.STREAM_PARTITIONS):
        forget_idle_consumers(partition)


@shared_task(name="ingestion.compact_ledger", ignore_result=True)
def compact_ledger_task() -> None:
    while compact_ledger():
        pass


@shared_task(name="ingestion.apply_retention", ignore_result=True)
def apply_retention_task() -> None:
    apply_retention()


@worker_ready.connect
def drain_unasked(**_: Any) -> None:
    """A starting worker drains once unasked: the signal may have come while none was up."""
    for partition in range(settings.STREAM_PARTITIONS):
        publish_drain(partition)
