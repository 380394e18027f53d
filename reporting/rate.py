"""How often one key may ask for reports."""

import structlog
from django.conf import settings
from django.http import HttpRequest
from django_ratelimit.core import get_usage
from redis.exceptions import RedisError

from analytics.keys import KeyRecord
from analytics.problems import TooManyRequests
from analytics.rates import parse_rate

log = structlog.get_logger(__name__)


def count_request(request: HttpRequest, key: KeyRecord) -> dict[str, str]:
    """Count a request of `key` and return the rate-limit headers of its answer.

    Raises TooManyRequests (`rate_limited`) over REPORTING_RATE. While the cache does not answer,
    nothing is counted and nothing refused: the time limit of queries still bounds each of them.
    """
    limit, period_seconds = parse_rate("REPORTING_RATE", settings.REPORTING_RATE)
    try:
        usage = get_usage(
            request,
            group="reporting",
            key=lambda group, request: key.key_id,
            rate=(limit, period_seconds),
            increment=True,
        )
    except (RedisError, OSError) as exc:
        log.warning("rate_not_counted", error=repr(exc))
        return {}
    if usage is None or usage["time_left"] < 0:  # switched off; or the count was lost
        return {}
    reset_seconds = max(1, usage["time_left"])
    headers = {
        "RateLimit-Policy": f'"reporting";q={limit};w={period_seconds}',
        "RateLimit": f'"reporting";r={max(0, limit - usage["count"])};t={reset_seconds}',
    }
    if usage["should_limit"]:
        headers["Retry-After"] = str(reset_seconds)
        raise TooManyRequests("This key asks for too many reports.", headers=headers)
    return headers
