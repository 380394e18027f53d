"""How long the drain leaves a store alone that did not answer."""

import random
import time

import pymongo
from pymongo.errors import PyMongoError

from analytics.databases import mongo
from analytics.remembered import forgets

MAX_BACKOFF_SECONDS = 5.0
PROBE_SECONDS = 2.0


class Backoff:
    """How long to leave a store alone that did not answer: 0.1 s to 5 s, with jitter."""

    def __init__(self) -> None:
        self._failures = 0
        self._retry_at = 0.0
        forgets(self.forget_failures)

    def note_failure(self) -> None:
        self._failures += 1
        seconds = min(MAX_BACKOFF_SECONDS, 0.1 * 2 ** min(self._failures, 10))
        self._retry_at = time.monotonic() + seconds * random.uniform(0.5, 1.0)

    def forget_failures(self) -> None:
        self._failures = 0

    def may_try(self) -> bool:
        """Whether to read at all: a failing store is probed first, and nothing is claimed."""
        if not self._failures:
            return True
        if time.monotonic() < self._retry_at:
            return False
        try:
            with pymongo.timeout(PROBE_SECONDS):
                mongo.client().admin.command("ping")
        except PyMongoError:
            self.note_failure()
            return False
        self.forget_failures()
        return True
