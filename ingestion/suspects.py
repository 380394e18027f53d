"""Suspects: entries that were delivered so often that they have perhaps killed their processes.

A suspect is handled alone, event by event, and after others, so that they flow. If its process
dies it rests until it is stale (CLAIM_IDLE_SECONDS) before another takes it over. It is never
buried for that: it waits for a release that can handle it.
"""

import random
from typing import Protocol, TypeVar

import structlog

log = structlog.get_logger(__name__)

MAX_SHARED_DELIVERIES = 5


class Delivered(Protocol):
    """An entry that was delivered for the nth time."""

    @property
    def raw_id(self) -> bytes: ...
    @property
    def deliveries(self) -> int: ...


D = TypeVar("D", bound=Delivered)


def is_suspect(deliveries: int) -> bool:
    return deliveries > MAX_SHARED_DELIVERIES


def pick_suspect(suspects: list[D]) -> D:
    """Take one out, at random: the one that kills must not always come before the same others."""
    suspect = suspects.pop(random.randrange(len(suspects)))
    log.warning("suspect_handled", entry_id=suspect.raw_id.decode(), deliveries=suspect.deliveries)
    return suspect
