"""Waits until the stores of Docker Compose answer, and makes MongoDB's replica set the first time.

Whoever needs the stores waits for the set-up alone, so that no health check has to be frequent.
"""

import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import pymongo
import redis
from pymongo.errors import ConfigurationError, OperationFailure, PyMongoError
from redis.backoff import NoBackoff
from redis.retry import Retry

REPLICA_SET = "rs0"
ALREADY_INITIATED = 23
PATIENCE_SECONDS = 180.0
ANSWER_SECONDS = 5.0
POLL_SECONDS = 0.2


class StoreNotReady(Exception):
    """A store that did not answer in time; the message names it, and no password."""


def wait_for_stores(
    environment: Mapping[str, str], member: str = "", patience_seconds: float = PATIENCE_SECONDS
) -> None:
    """`member` is the host and port of a mongod whose replica set is made if there is none.

    Raises StoreNotReady.
    """
    deadline = time.monotonic() + patience_seconds
    if member:
        wait_for(f"mongod at {member}", partial(initiate_replica_set, member), deadline)
    for name in ("REDIS_URL", "BROKER_URL", "CACHE_URL"):
        if url := environment.get(name):
            wait_for(f"the Redis of {name}", partial(ask_redis, url), deadline)
    if uri := environment.get("MONGO_URI"):
        wait_for("the MongoDB of MONGO_URI", partial(ask_primary, uri), deadline)


def wait_for(name: str, ask: Callable[[], None], deadline: float) -> None:
    while True:
        try:
            return ask()
        # A wrong address or a missing option does not mend itself.
        except (ConfigurationError, ValueError) as error:
            raise StoreNotReady(f"{name}: {error}") from error
        except (redis.RedisError, PyMongoError) as error:
            if time.monotonic() > deadline:
                raise StoreNotReady(f"{name} is not ready: {error}") from error
        time.sleep(POLL_SECONDS)


def ask_redis(url: str) -> None:
    """Raises RedisError, also while it loads its data."""
    client = redis.Redis.from_url(
        url,
        socket_timeout=ANSWER_SECONDS,
        socket_connect_timeout=ANSWER_SECONDS,
        retry=Retry(NoBackoff(), 0),
    )
    try:
        client.ping()
    finally:
        client.close()


def ask_primary(uri: str) -> None:
    """Raises PyMongoError while there is no primary."""
    with connect(uri) as client:
        client.admin.command("ping")


def initiate_replica_set(member: str) -> None:
    """Does nothing where there is one, whatever its members. Raises PyMongoError."""
    with connect(f"mongodb://{member}/", directConnection=True) as client:
        if "setName" in client.admin.command("hello"):
            return
        members = [{"_id": 0, "host": member}]
        try:
            client.admin.command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        except OperationFailure as error:
            if error.code != ALREADY_INITIATED:  # it was only on its way up
                raise


def connect(uri: str, **options: Any) -> pymongo.MongoClient[dict[str, Any]]:
    return pymongo.MongoClient(uri, serverSelectionTimeoutMS=int(ANSWER_SECONDS * 1_000), **options)
