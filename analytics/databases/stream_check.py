"""Refuse to start on a Redis that would lose accepted events."""

import structlog
from django.conf import settings
from redis.exceptions import RedisError, ResponseError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key

log = structlog.get_logger(__name__)


ON_REWRITE = "no-appendfsync-on-rewrite"
SETTINGS = ("appendonly", "appendfsync", ON_REWRITE, "maxmemory", "maxmemory-policy")


class UnsafeStream(Exception):
    """The stream's Redis is set up to lose events; the text says what to change."""


def check_stream() -> None:
    """Raises UnsafeStream. A Redis that does not answer is no reason: it may come later."""
    if settings.REDIS_URL == settings.BROKER_URL:
        log.warning("one_redis_for_all", advice="a full stream would stop Celery: use two servers")
    check_partitions()
    check_single()
    try:
        found = {name: _read(name) for name in SETTINGS}
    except ResponseError as exc:  # a managed Redis may forbid CONFIG
        log.warning("stream_settings_unknown", error=str(exc))
        return
    except (RedisError, OSError) as exc:
        log.warning("stream_unreachable", error=str(exc))
        return
    if problems := find_problems(found):
        raise UnsafeStream("The Redis at REDIS_URL would lose events: " + "; ".join(problems))
    for finding, advice in find_delays(found):
        log.warning("stream_not_synced", found=finding, advice=advice)


def check_partitions() -> None:
    """Raises UnsafeStream where there were more partitions: a project keeps the one it has."""
    try:
        # A worker makes the streams of all partitions, so the first one beyond tells.
        has_more = stream_client().exists(stream_key(settings.STREAM_PARTITIONS))
    except (RedisError, OSError):
        return
    if has_more:
        raise UnsafeStream(
            f"STREAM_PARTITIONS was more than {settings.STREAM_PARTITIONS}: the events of projects "
            "in the others would never be stored. Set it back; it may only grow."
        )


def check_single() -> None:
    """Raises UnsafeStream on a Redis Cluster: the clients know one server, and follow no MOVED."""
    try:
        info: dict[str, str] = stream_client().cluster("info")
    except (RedisError, OSError):  # mostly: not a cluster
        return
    if int(info.get("cluster_size", 0)) > 1:
        raise UnsafeStream(
            "The Redis at REDIS_URL is part of a Redis Cluster, which the service does not speak "
            "to: give it a server of its own, with replicas if you like (docs/scaling.md)."
        )


def find_problems(found: dict[str, str]) -> list[str]:
    """What of these Redis settings loses accepted events, and how to mend it."""
    problems = []
    if found["appendonly"] != "yes":
        problems.append("it keeps nothing on disk (set appendonly yes)")
    if found["maxmemory-policy"] != "noeviction":
        problems.append("it evicts when it is full (set maxmemory-policy noeviction)")
    if found["maxmemory"] == "0":
        problems.append("its memory has no limit (set maxmemory, to what the machine can spare)")
    return problems


def find_delays(found: dict[str, str]) -> list[tuple[str, str]]:
    """What of these settings a power cut would lose events by, and how to mend it."""
    delays = []
    if (policy := found["appendfsync"]) != "always":
        delays.append(
            (
                f"appendfsync is {policy}: a power cut loses the last second",
                "set appendfsync always",
            )
        )
    if found[ON_REWRITE] != "no":
        delays.append(
            (f"{ON_REWRITE} is yes: nothing is synced while Redis rewrites its file",
             f"set {ON_REWRITE} no")
        )  # fmt: skip
    return delays


def _read(name: str) -> str:
    found: dict[str, str] = stream_client().config_get(name)  # type: ignore[assignment]
    return str(found[name])
