"""Refuse to start on a Redis that would lose accepted events."""

from collections.abc import Mapping
from typing import NamedTuple

import structlog
from django.conf import settings
from redis.exceptions import RedisError, ResponseError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import stream_key

log = structlog.get_logger(__name__)


ON_REWRITE = "no-appendfsync-on-rewrite"
SETTINGS = ("appendonly", "appendfsync", ON_REWRITE, "maxmemory", "maxmemory-policy")


class Fault(NamedTuple):
    """A setting that is not as it should be, and how to mend it."""

    what: str
    advice: str


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
        told = "; ".join(f"{fault.what} ({fault.advice})" for fault in problems)
        raise UnsafeStream(f"The Redis at REDIS_URL would lose events: {told}")
    for delay in find_delays(found):
        log.warning("stream_not_synced", found=delay.what, advice=delay.advice)


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


def find_problems(found: Mapping[str, str]) -> list[Fault]:
    """What of these Redis settings loses accepted events."""
    problems = []
    if found["appendonly"] != "yes":
        problems.append(Fault("it keeps nothing on disk", "set appendonly yes"))
    if found["maxmemory-policy"] != "noeviction":
        problems.append(Fault("it evicts when it is full", "set maxmemory-policy noeviction"))
    if found["maxmemory"] == "0":
        advice = "set maxmemory, to what the machine can spare"
        problems.append(Fault("its memory has no limit", advice))
    return problems


def find_delays(found: Mapping[str, str]) -> list[Fault]:
    """What of these settings a power cut would lose events by."""
    delays = []
    if (policy := found["appendfsync"]) != "always":
        what = f"appendfsync is {policy}: a power cut loses the last second"
        delays.append(Fault(what, "set appendfsync always"))
    if found[ON_REWRITE] != "no":
        what = f"{ON_REWRITE} is yes: nothing is synced while Redis rewrites its file"
        delays.append(Fault(what, f"set {ON_REWRITE} no"))
    return delays


def _read(name: str) -> str:
    found: dict[str, str] = stream_client().config_get(name)  # type: ignore[assignment]
    return str(found[name])
