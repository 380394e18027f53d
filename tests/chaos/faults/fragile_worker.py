"""A release with a bug: one event kills every process that prepares it."""

import os
import signal
from collections.abc import Iterable

import django

django.setup()

from config.celery import app
from ingestion.drain import loop as drain
from ingestion.store.prepare import (
    PreparedEvent,
    prepare,
)
from ingestion.stream.entries import ReadEntry

DEADLY_PATH = b'"/deadly"'


def prepare_or_die(entries: Iterable[ReadEntry]) -> list[PreparedEvent]:
    entries = list(entries)
    if any(DEADLY_PATH in event.raw for read in entries for event in read.entry.events):
        os.kill(os.getpid(), signal.SIGKILL)
    return prepare(entries)


setattr(drain, "prepare", prepare_or_die)  # noqa: B010  mypy knows only what it exports

__all__ = ["app"]
