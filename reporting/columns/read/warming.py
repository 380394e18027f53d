"""What the first question of a process would wait for: done before it takes any."""

from contextlib import suppress
from typing import Final

import pymongo
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.databases.mongo import database
from analytics.databases.redis_clients import stream_client

PATIENCE_SECONDS: Final = 0.5


def warm_up() -> None:
    """Connections. What cannot be had soon, the first question tries again.

    No engine: at rest it would take 25 MiB of those who ask nothing, and takes 30 ms to make.
    """
    with suppress(RedisError, OSError):
        stream_client().ping()
    with suppress(PyMongoError), pymongo.timeout(PATIENCE_SECONDS):
        database().command("ping")
