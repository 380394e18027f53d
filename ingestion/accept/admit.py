"""Admit the events of one request: limit, quota, backpressure, append, all in one atomic step.

`ingestion/stream/lua/admit.lua` decides; here what it refuses becomes a 429 or a 503.
"""

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cache
from typing import NamedTuple

import structlog
from django.conf import settings

from analytics.databases import redis_clients as names
from analytics.events.entry import AcceptedEvent, Part, encode_part, split_events
from analytics.keys.records import KeyRecord
from analytics.metrics import tracing
from analytics.metrics.counting import note_accepted
from analytics.remembered import forgets
from analytics.web.problems import TooLarge, TooManyRequests, Unavailable
from ingestion.accept.cells import find_cell
from ingestion.accept.plan import Plan, find_plan, next_month
from ingestion.stream.answers import Reply
from ingestion.stream.group_commit import GroupCommit, open_reply
from ingestion.stream.memory import check_memory
from ingestion.stream.scripts import ADMIT
from ingestion.stream.signals import signal_drain

log = structlog.get_logger(__name__)

ACCEPTED, OVER_RATE, OVER_QUOTA, STREAM_FULL = range(4)
PUBLIC_STREAM_FULL, OVER_PUBLIC_QUOTA, OVER_ADDRESS_RATE = range(4, 7)  # by public keys alone


class Sender(NamedTuple):
    """Whose events these are, where the request came from, and what its headers say of it."""

    key: KeyRecord
    ip: str | None
    user_agent: str | None
    from_page: bool = False
    do_not_track: bool = False


class Admission(NamedTuple):
    """What is asked of the stream for a request, and of whom; `plan.head` goes before it."""

    key: KeyRecord
    plan: Plan
    arguments: Sequence[bytes]
    event_count: int


@forgets
def forget_admissions() -> None:
    """Leave the connection, as a restart would."""
    group_commit()._disconnect()
    group_commit.cache_clear()


def admit(sender: Sender, events: Sequence[AcceptedEvent], skew_ms: int = 0) -> dict[str, str]:
    """Append `events` to the stream, all or none, and return the rate-limit headers.

    When this returns the events are on the disk of Redis. Raises TooLarge for more events than the
    burst of the key, or of an address with a public key, TooManyRequests over a rate or a quota,
    Unavailable when the stream is full or Redis did not answer.
    """
    admission = ask(sender, events, skew_ms)
    check_memory(public=sender.key.public)
    return settle(admission, group_commit().call(admission.plan.head, admission.arguments))


def ask(sender: Sender, events: Sequence[AcceptedEvent], skew_ms: int = 0) -> Admission:
    """What to send to the stream. Raises TooLarge as `admit`."""
    key = sender.key
    plan = find_plan(key)
    if len(events) > plan.most_events:
        raise _too_many(key, plan)
    trace = tracing.trace_of_request() if tracing.trace_of_request else None
    parts: list[bytes] = []
    for run in [events] if len(events) == 1 else split_events(events):
        part = Part(
            key.project_id, sender.ip, sender.user_agent, run, trace,
            key.public, sender.from_page, sender.do_not_track, skew_ms,
        )  # fmt: skip
        parts += (b"%d" % len(run), encode_part(part))
    arguments = (b"%d" % (len(parts) // 2), *parts)
    if key.public:
        arguments = (find_cell(sender.ip), *arguments)
    return Admission(key, plan, arguments, len(events))


def settle(admission: Admission, reply: Reply) -> dict[str, str]:
    """The rate-limit headers of who was admitted. Raises as `admit` where the reply says no."""
    key, plan, _, event_count = admission
    outcome, remaining, retry_after_ms, wake = open_reply(reply)
    headers = _rate_headers(key, plan, remaining, retry_after_ms)
    if outcome != ACCEPTED:
        raise _refusal(outcome, headers, math.ceil(retry_after_ms / 1000))
    note_accepted(key.project_id, event_count)
    if wake:
        signal_drain(key.partition)
    return headers


def _too_many(key: KeyRecord, plan: Plan) -> TooLarge:
    """What never fits, however long one waits: only a smaller request does."""
    whom = "With this key an address" if plan.most_events < key.burst_events else "This key"
    detail = f"{whom} admits at most {plan.most_events} events at once: send fewer in a request."
    return TooLarge(detail, code="over_burst")


def _refusal(
    outcome: int, headers: dict[str, str], retry_after_seconds: int
) -> TooManyRequests | Unavailable:
    if outcome == STREAM_FULL:
        return Unavailable("Too many events wait to be stored.", code="stream_full")
    if outcome == PUBLIC_STREAM_FULL:
        detail = "Too many events by public keys of this project wait to be stored."
        return Unavailable(detail, code="stream_full")
    if outcome in (OVER_QUOTA, OVER_PUBLIC_QUOTA):
        retry_after_seconds = _seconds_to_next_month()
    headers["Retry-After"] = str(max(1, retry_after_seconds))
    if outcome == OVER_QUOTA:
        detail = "This project has used up its events of the month."
        return TooManyRequests(detail, code="over_quota", headers=headers)
    if outcome == OVER_PUBLIC_QUOTA:
        detail = "The public keys of this project have used up their events of the month."
        return TooManyRequests(detail, code="over_public_quota", headers=headers)
    if outcome == OVER_ADDRESS_RATE:
        detail = "Too many events come from this address."
        return TooManyRequests(detail, code="over_address_rate", headers=headers)
    return TooManyRequests("This key is over its rate.", headers=headers)


def _rate_headers(
    key: KeyRecord, plan: Plan, remaining: int, retry_after_ms: int
) -> dict[str, str]:
    """draft-ietf-httpapi-ratelimit-headers-11: the policy, and what is left of it."""
    reset = -((remaining - key.burst_events) // key.rate_events_per_second)
    if retry_after_ms:
        reset = max(reset, math.ceil(retry_after_ms / 1000))
    return {"RateLimit-Policy": plan.policy, "RateLimit": f'"key";r={remaining};t={reset}'}


def _seconds_to_next_month() -> int:
    now = datetime.now(UTC)
    return math.ceil((next_month(now) - now).total_seconds())


@cache
def group_commit() -> GroupCommit:
    return GroupCommit(names.stream_client(), ADMIT, wait_replicas=settings.REDIS_WAIT_REPLICAS)
