"""The Celery tasks of the drain, each an interface to one plain function. None carries an event."""

import gc
import sys

from celery import shared_task
from celery.signals import celeryd_after_setup, worker_init, worker_process_init, worker_ready
from django.conf import settings

from analytics.databases.stream_check import UnsafeStream, check_stream
from analytics.task_names import DRAIN, FORGET_CONSUMERS
from ingestion.drain import loop as draining
from ingestion.enrich.bots import learn_bots
from ingestion.enrich.known_sources import learn_sources
from ingestion.enrich.user_agents import parse_user_agent
from ingestion.stream.claims import forget_idle_consumers
from ingestion.stream.signals import publish_drain

# Below this a drain would be mostly start and end.
MIN_DRAIN_SECONDS = 0.5


@shared_task(name=DRAIN, ignore_result=True)
def drain(partition: int) -> None:
    """Drain a partition; signal another drain if work is left.

    With many partitions each has a part of the time: a process is through with all of them in
    DRAIN_BUDGET_SECONDS, or the last would wait for the first again and again.
    A drain waits for more events only where that leaves room for other partitions and maintenance.
    """
    budget = max(MIN_DRAIN_SECONDS, settings.DRAIN_BUDGET_SECONDS / settings.STREAM_PARTITIONS)
    has_room = settings.WORKER_CONCURRENCY > settings.STREAM_PARTITIONS
    if draining.drain(partition, budget, patient=has_room).work_left:
        publish_drain(partition)


@shared_task(name=FORGET_CONSUMERS, ignore_result=True)
def forget_consumers() -> None:
    for partition in range(settings.STREAM_PARTITIONS):
        forget_idle_consumers(partition)


@worker_init.connect
def refuse_unsafe_stream(**_: object) -> None:
    """A worker does not start either on a Redis that loses events."""
    try:
        check_stream()
    except UnsafeStream as exc:
        raise SystemExit(str(exc)) from exc


@worker_init.connect
def learn_user_agents(**_: object) -> None:
    """Compile their patterns before the fork: the processes share them, and no event waits."""
    parse_user_agent("")
    learn_bots()
    learn_sources()


@celeryd_after_setup.connect
def share_memory(**_: object) -> None:
    """Everything is loaded, nothing is forked yet: what the collector never touches stays shared.

    A collection in a forked process would write to each object, and so copy it.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)  # a batch is many small objects and no cycles


@worker_process_init.connect
def hand_over_soon(**_: object) -> None:
    """A thread that has its answer from MongoDB goes on within a millisecond, not within five."""
    sys.setswitchinterval(0.001)


@worker_ready.connect
def drain_unasked(**_: object) -> None:
    """A starting worker drains once unasked: the signal may have come while none was up."""
    for partition in range(settings.STREAM_PARTITIONS):
        publish_drain(partition)
