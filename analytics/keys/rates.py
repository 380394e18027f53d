"""Rates in settings (a count, and the period that it is for), and the limits they put on keys.

Counted here are reports, erasures, what the admin API, notes and share links ask, and what people
do that costs much. Events are counted by the admission
script (`ingestion/stream/lua/admit.lua`), which has its rate of an address from here.
"""

import re
from functools import cache
from typing import Protocol

import structlog
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from analytics.events.ids import SECONDS_PER_DAY
from analytics.web.problems import TooManyRequests

log = structlog.get_logger(__name__)

_PERIOD_SECONDS = {"s": 1, "m": 60, "h": 3_600, "d": SECONDS_PER_DAY}
_RATE = re.compile(r"([0-9]{1,9})/([smhd])", re.ASCII)


@cache
def parse_rate(name: str, text: str) -> tuple[int, int]:
    """`600/m` as (600, 60). Raises ImproperlyConfigured with the setting's name."""
    match = _RATE.fullmatch(text)
    if match is None:
        raise ImproperlyConfigured(f"{name} must be like 600/m (or s, h, d), not {text!r}")
    return int(match[1]), _PERIOD_SECONDS[match[2]]


def read_public_rate() -> tuple[int, int]:
    """PUBLIC_RATE: so many events of an address in so many seconds. Raises as `parse_rate`."""
    count, period_seconds = parse_rate("PUBLIC_RATE", settings.PUBLIC_RATE)
    if count == 0:
        raise ImproperlyConfigured("PUBLIC_RATE must let an address send something, not 0")
    return count, period_seconds


class Counted(Protocol):
    """Whose requests are counted together."""

    @property
    def key_id(self) -> str: ...


def count_request(request: HttpRequest, key: Counted, group: str, setting: str) -> dict[str, str]:
    """As `count_asking`, of a request of `key`."""
    return count_asking(request, key.key_id, group, setting, "This key asks too often.")


def count_asking(
    request: HttpRequest, subject: str, group: str, setting: str, refusal: str
) -> dict[str, str]:
    """As `count_at_rate`, at the rate of a setting."""
    rate = parse_rate(setting, getattr(settings, setting))
    return count_at_rate(request, subject, group, rate, refusal)


def count_at_rate(
    request: HttpRequest, subject: str, group: str, rate: tuple[int, int], refusal: str
) -> dict[str, str]:
    """Count a request of `subject` in a group and return the rate-limit headers of its answer.

    Raises TooManyRequests (`rate_limited`) over the rate. While the cache does not answer, nothing
    is counted and nothing refused: what the groups are for is bounded by itself.
    """
    limit, period_seconds = rate
    try:
        usage = get_usage(
            request,
            group=group,
            key=lambda group, request: subject,
            rate=rate,
            increment=True,
        )
    except (RedisError, OSError) as exc:
        log.warning("rate_not_counted", error=repr(exc))
        return {}
    if usage is None or usage["time_left"] < 0:  # switched off; or the count was lost
        return {}
    reset_seconds = max(1, usage["time_left"])
    headers = {
        "RateLimit-Policy": f'"{group}";q={limit};w={period_seconds}',
        "RateLimit": f'"{group}";r={max(0, limit - usage["count"])};t={reset_seconds}',
    }
    if usage["should_limit"]:
        headers["Retry-After"] = str(reset_seconds)
        raise TooManyRequests(refusal, headers=headers)
    return headers
