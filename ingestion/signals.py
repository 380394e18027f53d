"""Signal a worker to drain. A lost signal is harmless: beat sends another within seconds."""

import threading
from typing import Any

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)

DRAIN_TASK = "ingestion.drain"
DRAIN_QUEUE = "drain"
EXPIRES_SECONDS = 10


def signal_drain(partition: int) -> None:
    """Publish one drain task, outside the request that found the stream asleep."""
    threading.Thread(target=publish_drain, args=(partition,), daemon=True).start()


def publish_drain(partition: int) -> None:
    """Publish one drain task now; a broker that does not answer is logged and left alone."""
    send_quietly(DRAIN_TASK, args=(partition,), queue=DRAIN_QUEUE)


def send_quietly(task: str, **options: Any) -> None:
    try:
        current_app.send_task(
            task, retry=False, expires=EXPIRES_SECONDS, ignore_result=True, **options
        )
    except (OperationalError, OSError) as exc:
        log.warning("signal_not_sent", task=task, error=str(exc))
