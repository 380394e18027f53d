"""The Redis clients of a process."""

from functools import cache

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.exceptions import ReadOnlyError
from redis.retry import Retry

CONNECT_TIMEOUT_SECONDS = 0.5
STREAM_TIMEOUT_SECONDS = 2.0


@cache
def stream_client() -> redis.Redis:
    """The client of the stream's Redis: bytes in and out, short timeouts.

    The library's own retries are off: a retry after a lost reply would append twice. A server
    that has become a replica is left: the next connection is to whoever has its name by then.
    """
    client = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=STREAM_TIMEOUT_SECONDS,
        retry=Retry(NoBackoff(), 0),
        retry_on_error=[ReadOnlyError],
        protocol=2,
    )
    # Entries as they come: the drain decodes them itself.
    client.set_response_callback("XREADGROUP", lambda answer, **_: answer)
    return client


@cache
def broker_client() -> redis.Redis:
    """The client of the broker's Redis, for the length of a queue and the like."""
    return redis.Redis.from_url(
        settings.BROKER_URL,
        socket_connect_timeout=CONNECT_TIMEOUT_SECONDS,
        socket_timeout=STREAM_TIMEOUT_SECONDS,
    )
