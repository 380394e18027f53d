"""A release with a bug: it buries good events, of one path."""

from collections.abc import Sequence

import django

django.setup()

from config.celery import app
from ingestion.drain import loop as drain
from ingestion.store.prepare import (
    INVALID,
    Failure,
    PreparedEvent,
    prepare,
)
from ingestion.stream.entries import ReadEntry

BURIED_PATH = b'"/buried"'


def prepare_or_bury(entries: Sequence[ReadEntry]) -> list[PreparedEvent]:
    batch = prepare(entries)
    for event in batch:
        if BURIED_PATH in event.accepted.raw:
            event.failure = Failure(INVALID, "the bug of this release")
    return batch


setattr(drain, "prepare", prepare_or_bury)  # noqa: B010  mypy knows only what it exports

__all__ = ["app"]
