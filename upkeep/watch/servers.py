"""The servers: do they keep what they are given, is there room, do their clocks agree?"""

import shutil
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import pymongo
from django.conf import settings
from pymongo.errors import OperationFailure, PyMongoError
from redis.exceptions import RedisError, ResponseError

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_commands import Commands, typed_commands
from analytics.databases.stream_check import SETTINGS, find_delays, find_problems
from upkeep.watch.finding import Finding, brief, doubtful, well, wrong

STORE_TIMEOUT_SECONDS = 3.0
MIN_REDIS = (6, 2)
MIN_MONGO = (6, 0)
MAX_MEMORY_RATIO = 0.7
MIN_FREE_RATIO = 0.1
MAX_SKEW_SECONDS = 1.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def check_stream() -> Iterator[Finding]:
    """The Redis at REDIS_URL: on its disk is what has a 202 and is not stored yet."""
    client = typed_commands(stream_client())
    try:
        info = client.info()
    except (RedisError, OSError) as exc:
        yield wrong(f"Redis does not answer: {exc}", "start it, or mend REDIS_URL")
        return
    # Every Valkey says that it is Redis 7.2.4, too.
    name = "Valkey" if "valkey_version" in info else "Redis"
    yield _check_version(name, info[f"{name.lower()}_version"], MIN_REDIS)
    yield from _check_stream_settings(client)
    if info.get("aof_last_write_status", "ok") != "ok":
        yield wrong("Redis cannot write its append-only file", "make room on its disk")
    if info["maxmemory"]:
        used = info["used_memory"] / info["maxmemory"]
        text = f"uses {used:.0%} of its maxmemory"
        advice = f"more workers or memory: from {settings.STREAM_MAX_MEMORY_RATIO:.0%} on, 503"
        yield doubtful(text, advice) if used > MAX_MEMORY_RATIO else well(text)
    yield from _check_redis_disk(client)
    yield from _check_password()


def _check_stream_settings(client: Commands) -> Iterator[Finding]:
    try:
        found = {name: client.config_get(name)[name] for name in SETTINGS}
    except ResponseError:
        yield doubtful(
            "its settings cannot be read",
            "see that it has appendonly yes, appendfsync always, noeviction and a maxmemory",
        )
        return
    problems = find_problems(found)
    for problem in problems:
        yield wrong(problem.what, problem.advice)
    delays = find_delays(found)
    for delay in delays:
        yield doubtful(delay.what, delay.advice)
    if not problems and not delays:
        yield well("keeps every event on disk before its 202, and evicts nothing")


def _check_redis_disk(client: Commands) -> Iterator[Finding]:
    """Only on this machine: Redis does not tell what its disk has left."""
    if urlsplit(settings.REDIS_URL).hostname not in _LOOPBACK:
        yield doubtful("its disk cannot be seen from here", "watch it where Redis runs")
        return
    try:
        disk = shutil.disk_usage(client.config_get("dir")["dir"])
    except (ResponseError, OSError):
        return
    yield _check_room("its disk", disk.free, disk.total)


def _check_room(name: str, free_bytes: float, total_bytes: float) -> Finding:
    text = f"{name} has {free_bytes / 2**30:.1f} GiB free"
    if free_bytes < MIN_FREE_RATIO * total_bytes:
        return doubtful(text, "make room: with a full disk nothing is accepted or stored")
    return well(text)


def _check_password() -> Iterator[Finding]:
    for name in ("REDIS_URL", "BROKER_URL"):
        url = urlsplit(getattr(settings, name))
        if url.hostname not in _LOOPBACK and not url.password:
            yield doubtful(
                f"{name} has no password", "set one, unless nobody else reaches that network"
            )


def check_broker() -> Iterator[Finding]:
    """The Redis at BROKER_URL: the signals, no event."""
    try:
        info = typed_commands(broker_client()).info()
    except (RedisError, OSError) as exc:
        yield wrong(f"the broker does not answer: {exc}", "start it, or mend BROKER_URL")
        return
    if settings.BROKER_URL == settings.REDIS_URL:
        yield doubtful(
            "stream and broker share one Redis: a full stream stops Celery",
            "give BROKER_URL and CACHE_URL a Redis of their own",
        )
    if info.get("maxmemory_policy", "noeviction") != "noeviction":
        yield wrong("the broker evicts: signals vanish", "set maxmemory-policy noeviction")
    else:
        yield well("the broker answers and evicts nothing")


def check_store() -> Iterator[Finding]:
    """MongoDB: a replica set that confirms a durable write."""
    try:
        with pymongo.timeout(STORE_TIMEOUT_SECONDS):
            hello = mongo.client().admin.command("hello")
            version = mongo.client().server_info()["version"]
    except PyMongoError as exc:
        yield wrong(f"MongoDB does not answer: {brief(exc)}", "start it, or mend MONGO_URI")
        return
    yield _check_version("MongoDB", version, MIN_MONGO)
    if not hello.get("setName"):
        yield wrong("MongoDB is no replica set: no transactions", "start it with --replSet")
        return
    members = len(hello.get("hosts", ()))
    yield well(f"replica set {hello['setName']} of {members}")
    if members == 1:
        yield doubtful("a replica set of one is gone with its disk", "add members, or back up")
    yield from _check_write_concern()
    with pymongo.timeout(STORE_TIMEOUT_SECONDS):
        stats = mongo.database().command("dbStats")
    if total := stats.get("fsTotalSize"):
        yield _check_room("its disk", total - stats["fsUsedSize"], total)


def _check_write_concern() -> Iterator[Finding]:
    """Ask for what each batch asks for: a majority has it on disk. Deletes what is not there."""
    try:
        with pymongo.timeout(STORE_TIMEOUT_SECONDS):
            collection(mongo.SALTS).delete_one({"_id": "doctor"})
    except PyMongoError as exc:
        reason = "not authorized" if isinstance(exc, OperationFailure) else "no majority in time"
        yield wrong(
            f"no write was confirmed by a majority ({reason}): {str(exc)[:200]}",
            "are most members up, and may the user write?",
        )
    else:
        yield well("a majority confirms writes, journaled")


def check_clocks() -> Iterator[Finding]:
    """An entry's id is Redis's time, its event's age is judged by ours."""
    clock = typed_commands(stream_client()).time()
    redis_skew = clock[0] + clock[1] / 1e6 - time.time()
    with pymongo.timeout(STORE_TIMEOUT_SECONDS):
        local_time = mongo.client().admin.command("hello")["localTime"]
    skews = {"Redis": redis_skew, "MongoDB": local_time.timestamp() - time.time()}
    for name, skew in skews.items():
        if abs(skew) > MAX_SKEW_SECONDS:
            yield wrong(f"the clock of {name} is {skew:+.1f} s from ours", "run NTP on every host")
    if all(abs(skew) <= MAX_SKEW_SECONDS for skew in skews.values()):
        yield well("the clocks agree within a second")


def _check_version(name: str, version: str, needed: tuple[int, int]) -> Finding:
    found = tuple(int(part) for part in version.split(".")[:2])
    if found < needed:
        return wrong(f"{name} is {version}", f"needs {needed[0]}.{needed[1]} or newer")
    return well(f"{name} {version}")
