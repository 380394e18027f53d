"""Admit the events of one request: limit, quota, backpressure, append, all in one atomic step.

`ingestion/stream/lua/admit.lua` decides; here what it refuses becomes a 429 or a 503.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

import structlog
from django.conf import settings

from analytics.bounded_cache import BoundedCache
from analytics.databases import redis_clients as names
from analytics.databases.redis_keys import (
    accepted_key,
    allowance_key,
    quota_key,
    stream_key,
    waiting_key,
    wake_key,
)
from analytics.events.entry import (
    FORMAT_VERSION,
    MAX_ENTRY_BYTES,
    MAX_ENTRY_EVENTS,
    AcceptedEvent,
    Part,
    encode_part,
    split_events,
)
from analytics.metrics import tracing
from analytics.metrics.counting import note_accepted
from analytics.projects.keys import KeyRecord
from analytics.remembered import forgets
from analytics.web.problems import TooLarge, TooManyRequests, Unavailable
from ingestion.stream.group_commit import CallHead, GroupCommit
from ingestion.stream.memory import check_memory
from ingestion.stream.scripts import ADMIT
from ingestion.stream.signals import signal_drain

log = structlog.get_logger(__name__)

ACCEPTED, OVER_RATE, OVER_QUOTA, STREAM_FULL = range(4)


@dataclass(frozen=True, slots=True)
class Sender:
    """Whose events these are and where the request came from."""

    key: KeyRecord
    ip: str | None
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is the same for all requests of a key within a month."""

    head: CallHead
    policy: str  # of the rate-limit headers
    ends_at: float  # unix seconds: the quota's month


def _make_plan(key: KeyRecord) -> _Plan:
    project = key.project_id.hex()
    keys = (
        allowance_key(key.partition, key.key_id),
        quota_key(key.partition, project),
        waiting_key(key.partition),
        accepted_key(key.partition),
        stream_key(key.partition),
        wake_key(key.partition),
    )
    now = datetime.now(UTC)
    arguments = (
        key.rate_events_per_second,
        key.burst_events,
        -1 if key.quota_events_per_month is None else key.quota_events_per_month,
        f"{now:%Y%m}",
        settings.STREAM_MAX_EVENTS,
        project,
        FORMAT_VERSION,
        key.key_id,
        MAX_ENTRY_EVENTS,
        MAX_ENTRY_BYTES,
    )
    window = max(1, math.ceil(key.burst_events / key.rate_events_per_second))
    return _Plan(
        CallHead(tuple(name.encode() for name in keys), arguments),
        f'"key";q={key.burst_events};w={window}',
        _next_month(now).timestamp(),
    )


# By key and revision, so that a changed key has a new plan.
_plans: BoundedCache[tuple[str, int], _Plan] = BoundedCache(10_000)


@forgets
def forget_admissions() -> None:
    """Forget the plans and leave the connection, as a restart would."""
    _plans.clear()
    _group_commit()._disconnect()
    _group_commit.cache_clear()


def admit(sender: Sender, events: Sequence[AcceptedEvent]) -> dict[str, str]:
    """Append `events` to the stream, all or none, and return the rate-limit headers.

    When this returns the events are on the disk of Redis. Raises TooLarge for more events than
    the key's burst, TooManyRequests over its rate or the project's quota, Unavailable when the
    stream is full or Redis did not answer.
    """
    key = sender.key
    if len(events) > key.burst_events:
        detail = f"This key admits at most {key.burst_events} events at once."
        raise TooLarge(detail, code="over_burst")
    check_memory()
    plan = _plans.get((key.key_id, key.revision))
    if plan is None or time.time() >= plan.ends_at:
        plan = _make_plan(key)
        _plans.set((key.key_id, key.revision), plan)
    trace = tracing.trace_of_request() if tracing.trace_of_request else None
    parts: list[bytes] = []
    for run in [events] if len(events) == 1 else split_events(events):
        part = Part(key.project_id, sender.ip, sender.user_agent, run, trace)
        parts += (b"%d" % len(run), encode_part(part))
    arguments = (b"%d" % (len(parts) // 2), *parts)
    outcome, remaining, retry_after_ms, wake = _group_commit().call(plan.head, arguments)
    headers = _rate_headers(key, plan, remaining, retry_after_ms)
    if outcome != ACCEPTED:
        raise _refusal(outcome, headers, math.ceil(retry_after_ms / 1000))
    note_accepted(key.project_id, len(events))
    if wake:
        signal_drain(key.partition)
    return headers


def _refusal(
    outcome: int, headers: dict[str, str], retry_after_seconds: int
) -> TooManyRequests | Unavailable:
    if outcome == OVER_RATE:
        headers["Retry-After"] = str(max(1, retry_after_seconds))
        return TooManyRequests("This key is over its rate.", headers=headers)
    if outcome == OVER_QUOTA:
        headers["Retry-After"] = str(_seconds_to_next_month())
        detail = "This project has used up its events of the month."
        return TooManyRequests(detail, code="over_quota", headers=headers)
    return Unavailable("Too many events wait to be stored.", code="stream_full")


def _rate_headers(
    key: KeyRecord, plan: _Plan, remaining: int, retry_after_ms: int
) -> dict[str, str]:
    """draft-ietf-httpapi-ratelimit-headers-11: the policy, and what is left of it."""
    reset = -((remaining - key.burst_events) // key.rate_events_per_second)
    if retry_after_ms:
        reset = max(reset, math.ceil(retry_after_ms / 1000))
    return {"RateLimit-Policy": plan.policy, "RateLimit": f'"key";r={remaining};t={reset}'}


def _seconds_to_next_month() -> int:
    now = datetime.now(UTC)
    return math.ceil((_next_month(now) - now).total_seconds())


def _next_month(now: datetime) -> datetime:
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start.replace(year=now.year + now.month // 12, month=now.month % 12 + 1)


@cache
def _group_commit() -> GroupCommit:
    return GroupCommit(names.stream_client(), ADMIT, wait_replicas=settings.REDIS_WAIT_REPLICAS)
