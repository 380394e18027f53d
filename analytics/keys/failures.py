"""How often one sender may fail: to authenticate, or to sign in.

Counted in the cache for all processes, by django-ratelimit; in this process alone while the cache
does not answer. Only failures are counted, so a request that succeeds pays nothing.
"""

import ipaddress
import math
import time
from dataclasses import dataclass
from typing import Any

import structlog
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from analytics.bounded_cache import BoundedCache
from analytics.remembered import forgets

log = structlog.get_logger(__name__)

# After the cache did not answer, it is left alone for so long.
CACHE_AVOIDED_SECONDS = 5.0
_MAX_SUBJECTS = 10_000
_IPV6_NETWORK_BITS = 64  # what one customer of a provider usually has

_avoid_cache_until = 0.0


@dataclass(slots=True)
class _Count:
    failures: int
    ends_at: float


# By limit and subject: the counts of this process, and until when a subject is over the limit,
# so that it is refused without asking the cache.
_own: BoundedCache[tuple[str, str], _Count] = BoundedCache(_MAX_SUBJECTS)
_over: BoundedCache[tuple[str, str], float] = BoundedCache(_MAX_SUBJECTS)


@forgets
def forget_failures() -> None:
    """Empty this process's part, as a restart would."""
    global _avoid_cache_until
    _own.clear()
    _over.clear()
    _avoid_cache_until = 0.0


def group_address(address: str | None) -> str:
    """Whom an address stands for: itself, or the /64 network of an IPv6 address."""
    if address is None or ":" not in address:
        return address or "unknown"
    return str(ipaddress.ip_network((address, _IPV6_NETWORK_BITS), strict=False))


@dataclass(frozen=True)
class FailureLimit:
    """At most `limit` failures of one subject within `period_seconds`."""

    name: str
    limit: int
    period_seconds: int

    def count(self, subject: str) -> int:
        """Count a failure; the seconds that `subject` has to wait now, 0 for none."""
        if seconds := self._seconds_over(subject):
            return seconds
        usage = self._ask_cache(subject, increment=True)
        failures, seconds = usage or self._count_own(subject)
        return self._judge(subject, failures - 1, seconds)

    def check(self, subject: str) -> int:
        """The seconds that `subject` has to wait before it may try again, 0 for none."""
        if seconds := self._seconds_over(subject):
            return seconds
        usage = self._ask_cache(subject, increment=False)
        failures, seconds = usage or self._read_own(subject)
        return self._judge(subject, failures, seconds)

    def _judge(self, subject: str, failures: int, seconds: int) -> int:
        if failures < self.limit:
            return 0
        _over.set((self.name, subject), time.monotonic() + seconds)
        log.warning("failures_limited", limit=self.name, seconds=seconds)
        return seconds

    def _seconds_over(self, subject: str) -> int:
        until = _over.get((self.name, subject))
        return 0 if until is None else max(0, math.ceil(until - time.monotonic()))

    def _count_own(self, subject: str) -> tuple[int, int]:
        now = time.monotonic()
        count = _own.get((self.name, subject))
        if count is None or count.ends_at <= now:
            count = _Count(0, now + self.period_seconds)
            _own.set((self.name, subject), count)
        count.failures += 1
        return self._read_own(subject)

    def _read_own(self, subject: str) -> tuple[int, int]:
        count = _own.get((self.name, subject))
        seconds = count.ends_at - time.monotonic() if count else 0
        return (count.failures, math.ceil(seconds)) if count and seconds > 0 else (0, 0)

    def _ask_cache(self, subject: str, *, increment: bool) -> tuple[int, int] | None:
        """Failures so far and seconds to the end of their window; None if the cache is down."""
        global _avoid_cache_until
        if time.monotonic() < _avoid_cache_until:
            return None
        try:
            usage: dict[str, Any] | None = get_usage(
                None,  # the request, of use only to the keys that we do not use
                group=self.name,
                key=lambda group, request: subject,
                rate=(self.limit, self.period_seconds),
                increment=increment,
            )
        except (RedisError, OSError) as exc:
            _avoid_cache_until = time.monotonic() + CACHE_AVOIDED_SECONDS
            log.warning("failures_not_shared", limit=self.name, error=repr(exc))
            return None
        if usage is None or usage["time_left"] < 0:  # switched off, or the count was lost
            return None
        return usage["count"], max(1, usage["time_left"])
