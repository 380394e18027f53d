"""Signal a worker to drain. A lost signal is harmless: beat sends another within seconds."""

import threading
from contextlib import suppress

import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from analytics.databases.redis_clients import broker_client
from analytics.databases.redis_keys import stored_key
from analytics.task_names import DRAIN, DRAIN_QUEUE

log = structlog.get_logger(__name__)

# Per partition. Beat queues one of each, and those of requests must get past them.
MAX_QUEUED_DRAINS = 2


def signal_drain(partition: int) -> None:
    """Publish one drain task, outside the request that found the stream asleep."""
    threading.Thread(target=publish_drain, args=(partition,), daemon=True).start()


def publish_drain(partition: int) -> None:
    """Publish one drain task now, unless enough of them are queued.

    A broker that does not answer is logged and left alone.
    """
    try:
        queued = int(broker_client().llen(DRAIN_QUEUE))
    except (RedisError, OSError) as exc:
        log.warning("signal_not_sent", task=DRAIN, error=str(exc))
        return
    if queued < MAX_QUEUED_DRAINS * settings.STREAM_PARTITIONS:
        send_quietly(DRAIN, DRAIN_QUEUE, partition)


def note_stored() -> None:
    """A batch was stored: beat will ask for what follows upon that. Never raises."""
    with suppress(RedisError, OSError):  # beat asks without it, too, only not as soon
        broker_client().incr(stored_key())


def send_quietly(task: str, queue: str, *arguments: int) -> None:
    """Without an expiry: a worker whose clock is ahead would drop every task."""
    try:
        current_app.send_task(task, arguments, queue=queue, retry=False, ignore_result=True)
    except (OperationalError, OSError) as exc:
        log.warning("signal_not_sent", task=task, error=str(exc))
