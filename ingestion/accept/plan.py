"""The limits of an API key as the admission script takes them, the same for a month."""

import math
import time
from dataclasses import dataclass
from datetime import UTC, datetime

from django.conf import settings

from analytics.bounded_cache import BoundedCache
from analytics.databases.redis_keys import (
    accepted_key,
    addresses_key,
    allowance_key,
    quota_key,
    stream_key,
    waiting_key,
    wake_key,
)
from analytics.events.entry import FORMAT_VERSION, MAX_ENTRY_BYTES, MAX_ENTRY_EVENTS
from analytics.keys.rates import read_public_rate
from analytics.keys.records import KeyRecord
from analytics.remembered import forgets
from ingestion.stream.answers import Argument
from ingestion.stream.group_commit import CallHead

# Of an address, in its rate: a page that was offline sends what it kept at once.
ADDRESS_BURST_PERIODS = 2


@dataclass(frozen=True, slots=True)
class Plan:
    """`most_events` are those that a request may have: more never fit its allowances."""

    head: CallHead
    policy: str  # of the rate-limit headers
    ends_at: float  # unix seconds: the quota's month
    most_events: int


# By key and revision, so that a changed key has a new plan.
_plans: BoundedCache[tuple[str, int], Plan] = BoundedCache(10_000)
forgets(_plans.clear)


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
    names = [
        allowance_key(key.partition, key.key_id),
        quota_key(key.partition, project),
        waiting_key(key.partition),
        accepted_key(key.partition),
        stream_key(key.partition),
        wake_key(key.partition),
    ]
    now = datetime.now(UTC)
    arguments: list[Argument] = [
        key.rate_events_per_second,
        key.burst_events,
        _quota(key.quota_events_per_month),
        f"{now:%Y%m}",
        settings.STREAM_MAX_EVENTS,
        project,
        FORMAT_VERSION,
        key.key_id,
        MAX_ENTRY_EVENTS,
        MAX_ENTRY_BYTES,
    ]
    most_events = key.burst_events
    if key.public:
        count, period_seconds = read_public_rate()
        address_burst = ADDRESS_BURST_PERIODS * count
        names.append(addresses_key(key.partition, key.key_id))
        quota = _quota(key.public_quota_events_per_month)
        arguments += (quota, count / period_seconds, address_burst)
        most_events = min(most_events, address_burst)
    window = max(1, math.ceil(key.burst_events / key.rate_events_per_second))
    return Plan(
        CallHead(tuple(name.encode() for name in names), tuple(arguments)),
        f'"key";q={key.burst_events};w={window}',
        next_month(now).timestamp(),
        most_events,
    )


def _quota(events_per_month: int | None) -> int:
    return -1 if events_per_month is None else events_per_month
