"""The limits of an API key as the admission script takes them, the same for a month."""

import math
import struct
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache

from django.conf import settings

from analytics.bounded_cache import BoundedCache
from analytics.databases.redis_keys import (
    accepted_key,
    addresses_key,
    allowances_key,
    quota_key,
    stream_key,
    usage_key,
    waiting_key,
    wake_key,
)
from analytics.events.entry import FORMAT_VERSION, MAX_ENTRY_BYTES, MAX_ENTRY_EVENTS
from analytics.keys.rates import read_public_rate
from analytics.keys.records import KeyRecord
from analytics.remembered import forgets
from ingestion.stream.answers import Argument
from ingestion.stream.calls import CallHead, SectionHead

# Of an address, in its rate: a page that was offline sends what it kept at once.
ADDRESS_BURST_PERIODS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """`most_events` are those that a request may have: more never fit its allowances."""

    head: SectionHead
    policy: str  # of the rate-limit headers
    ends_at: float  # unix seconds: the quota's month
    most_events: int


# By key and revision, so that a changed key has a new plan.
_plans: BoundedCache[tuple[str, int], Plan] = BoundedCache(10_000)


@forgets
def forget_plans() -> None:
    """Make them anew, as after a restart."""
    _plans.clear()
    find_call.cache_clear()


def find_plan(key: KeyRecord) -> Plan:
    plan = _plans.get((key.key_id, key.revision))
    if plan is None or time.time() >= plan.ends_at:
        plan = _make_plan(key)
        _plans.set((key.key_id, key.revision), plan)
    return plan


def next_month(now: datetime) -> datetime:
    start = now.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    return start.replace(year=now.year + now.month // 12, month=now.month % 12 + 1)


def _make_plan(key: KeyRecord) -> Plan:
    project = key.project_id.hex()
    names = []
    now = datetime.now(UTC)
    limits: list[float] = [
        key.rate_events_per_second,
        key.burst_events,
        _quota(key.quota_events_per_month),
    ]
    most_events = key.burst_events
    if key.public:
        count, period_seconds = read_public_rate()
        address_burst = ADDRESS_BURST_PERIODS * count
        names.append(addresses_key(key.partition, key.key_id))
        quota = _quota(key.public_quota_events_per_month)
        limits += (quota, count / period_seconds, address_burst)
        most_events = min(most_events, address_burst)
    if limits[2] >= 0 or (key.public and limits[3] >= 0):
        names.append(quota_key(key.partition, project))
    window = max(1, math.ceil(key.burst_events / key.rate_events_per_second))
    return Plan(
        SectionHead(
            find_call(key.partition, settings.STREAM_MAX_EVENTS, f"{now:%Y%m}"),
            _encode(names),
            encode_section(limits, project, key.key_id),
        ),
        f'"key";q={key.burst_events};w={window}',
        next_month(now).timestamp(),
        most_events,
    )


@cache
def find_call(partition: int, stream_max_events: int, month: str) -> CallHead:
    """What the calls for all keys of a partition begin with in a month, `YYYYMM`."""
    find_names = (waiting_key, accepted_key, stream_key, wake_key, allowances_key)
    names = [*(find(partition) for find in find_names), usage_key(partition, month)]
    limits = (stream_max_events, FORMAT_VERSION, MAX_ENTRY_EVENTS, MAX_ENTRY_BYTES, month)
    return CallHead(_encode(names), _encode(limits))


def encode_section(limits: Sequence[float], project_hex: str, key_id: str) -> tuple[bytes, ...]:
    """What the script takes of an API key: the numbers that limit it, and whose it is."""
    return (
        struct.pack(f"<{len(limits)}d", *limits),
        project_hex.encode(),
        f"{project_hex}:{key_id}".encode(),
    )


def _encode(arguments: Iterable[Argument]) -> tuple[bytes, ...]:
    return tuple(one if isinstance(one, bytes) else str(one).encode() for one in arguments)


def _quota(events_per_month: int | None) -> int:
    return -1 if events_per_month is None else events_per_month
