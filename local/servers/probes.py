"""What an embedded server is asked until it answers; MongoDB is also told to be a replica set.

A module of its own, because to load the two clients takes as long as the servers take to start.
"""

from typing import Any

import pymongo
import pymongo.errors
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.process.ports import LOOPBACK, is_port_answering

NOT_YET_INITIATED = 94


def is_redis_ready(port: int, pid: int) -> bool:
    """Whether the process answers there. Another server may have taken the port before it."""
    client = redis.Redis(LOOPBACK, port, socket_timeout=5, retry=Retry(NoBackoff(), 0))
    try:
        server: dict[str, Any] = client.info("server")
        return bool(client.ping()) and server["process_id"] == pid
    except redis.RedisError:  # refused, or still loading its data
        return False
    finally:
        client.close()


def is_mongod_ready(port: int, pid: int, replica_set: str) -> bool:
    """Whether the process is a primary there; makes it one, of a set of that name."""
    if not is_port_answering(port):  # spare the driver's own, slower retries
        return False
    client: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        LOOPBACK, port, directConnection=True, serverSelectionTimeoutMS=5_000
    )
    try:
        hello = client.admin.command("hello")
        if hello.get("isWritablePrimary"):
            return bool(client.admin.command("serverStatus")["pid"] == pid)
        _configure_replica_set(client, replica_set, f"{LOOPBACK}:{port}")
    except pymongo.errors.PyMongoError:  # not up yet, or in the middle of an election
        pass
    finally:
        client.close()
    return False


def _configure_replica_set(
    client: pymongo.MongoClient[dict[str, Any]], name: str, host: str
) -> None:
    """Initiates the set, or moves its only member to the host; does nothing when it is there."""
    try:
        config = client.admin.command("replSetGetConfig")["config"]
    except pymongo.errors.OperationFailure as error:
        if error.code != NOT_YET_INITIATED:
            raise
        members = [{"_id": 0, "host": host}]
        client.admin.command("replSetInitiate", {"_id": name, "members": members})
        return
    if config["members"][0]["host"] != host:
        config["members"][0]["host"] = host
        config["version"] += 1
        client.admin.command("replSetReconfig", config, force=True)
