"""A file whose age tells whether the worker's main loop still turns, for its health check.

Asking the worker through the broker (`celery inspect ping`) starts a Celery for each question.
"""

from contextlib import suppress
from pathlib import Path
from typing import Any

from celery.signals import heartbeat_sent
from django.conf import settings


@heartbeat_sent.connect
def touch_heartbeat(**_: Any) -> None:
    """Every few seconds by the loop that takes the tasks; a full disk must not stop it."""
    if settings.WORKER_HEARTBEAT_FILE:
        with suppress(OSError):
            Path(settings.WORKER_HEARTBEAT_FILE).touch()
