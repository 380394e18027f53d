"""How full the memory of the stream's Redis is."""

import math
import threading
import time

from django.conf import settings
from redis.exceptions import RedisError

from analytics.databases import redis_clients as names
from analytics.remembered import forgets
from analytics.web.problems import Unavailable

# Of the memory that events may fill, what those by public keys may: a flood in a page of few but
# large events leaves as much room as one of many.
PUBLIC_SHARE = 0.5


class MemoryGuard:
    """Refuses from STREAM_MAX_MEMORY_RATIO of Redis's memory on, so that it can still drain.

    Asks Redis once a second; one request asks, the others go by the last answer.
    """

    INTERVAL_SECONDS = 1.0

    def __init__(self) -> None:
        self._asking = threading.Lock()
        self._asked_at = -math.inf
        self._used = 0.0  # of what may be used

    def check(self, share: float = 1.0) -> None:
        """Raises Unavailable when over a share of what may be used is, or Redis does not answer."""
        now = time.monotonic()
        if now - self._asked_at > self.INTERVAL_SECONDS and self._asking.acquire(blocking=False):
            try:
                self._used = self._ask()
                self._asked_at = now
            except (RedisError, OSError) as exc:
                raise Unavailable("The stream does not answer.", code="stream_unavailable") from exc
            finally:
                self._asking.release()
        if self._used > share:
            raise Unavailable("The stream's memory is nearly full.", code="stream_full")

    def is_known_free(self, share: float) -> bool:
        """Whether `check` would pass by the last answer."""
        is_fresh = time.monotonic() - self._asked_at <= self.INTERVAL_SECONDS
        return is_fresh and self._used <= share

    def _ask(self) -> float:
        memory = names.stream_client().info("memory")
        limit = int(memory["maxmemory"])
        used = int(memory["used_memory"])
        return used / (limit * settings.STREAM_MAX_MEMORY_RATIO) if limit else 0.0


_memory = MemoryGuard()


@forgets
def forget_memory() -> None:
    """Ask again at once, as after a restart."""
    global _memory
    _memory = MemoryGuard()


def check_memory(*, public: bool) -> None:
    """As `MemoryGuard.check`, with what this process asked last."""
    _memory.check(PUBLIC_SHARE if public else 1.0)


def is_memory_known_free(*, public: bool) -> bool:
    """Whether `check_memory` would pass, and ask nobody."""
    return _memory.is_known_free(PUBLIC_SHARE if public else 1.0)
