"""What the doors refused, left out or ignored, counted by key and reason for people to see.

Counted in this process, and added up in Redis outside of any answer's way: one hash for each
project and UTC day. A reason is a problem's code, of a request or of one event of a batch, or one
of the four below. A count may miss what a killed process had not written yet, and hold twice what
Redis took without saying so; the books of events are kept elsewhere.
"""

import threading
import time
from collections import Counter
from datetime import date
from typing import NamedTuple

import structlog
from redis.exceptions import RedisError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import refusals_key
from analytics.events.ids import SECONDS_PER_DAY, datetime_of_day
from analytics.keys.records import KeyRecord
from analytics.remembered import forgets

log = structlog.get_logger(__name__)

IGNORED_FIELD = "ignored_field"  # what a public key may not say of its sender
PROPERTY_LEFT_OUT = "property_left_out"  # by the project's list
EXCLUDED = "excluded"  # by what the project leaves out
LOST_BY_CLIENT = "lost_by_client"  # events that a client gave up, as it says itself

KEPT_DAYS = 31
FLUSH_SECONDS = 1.0
# Of keys, days and reasons together; what is new beyond it is not counted until Redis is back.
MAX_COUNTS = 10_000


class _Count(NamedTuple):
    partition: int
    project_id: bytes
    day: int
    field: str  # `<key id>:<reason>`


class Refusals(NamedTuple):
    """How often a key met with a reason on a UTC day."""

    day: date
    key_id: str
    reason: str
    times: int  # of LOST_BY_CLIENT: events


_counts: Counter[_Count] = Counter()
_mutex = threading.Lock()
_flushing = threading.Lock()


@forgets
def forget_refusals() -> None:
    with _mutex:
        _counts.clear()


def note_refusal(key: KeyRecord, reason: str, count: int = 1) -> None:
    """Never raises, and waits for nobody. `reason` is of the code's making, never a client's."""
    _add(_Count(key.partition, key.project_id, _today(), f"{key.key_id}:{reason}"), count)


def _add(what: _Count, count: int) -> None:
    with _mutex:
        if what in _counts or len(_counts) < MAX_COUNTS:
            _counts[what] += count


def begin_flushing() -> None:
    """Add up in Redis what this process counts, each second from now on."""
    threading.Thread(target=_flush_forever, name="refusals", daemon=True).start()


def _flush_forever() -> None:
    while True:
        time.sleep(FLUSH_SECONDS)
        flush_refusals()


def flush_refusals() -> None:
    """Add to Redis what was counted since the last time; kept where Redis does not take it."""
    global _counts
    with _flushing:
        with _mutex:
            taken, _counts = _counts, Counter()
        if not taken:
            return
        kept = _write(taken)
        for what, count in kept.items():
            _add(what, count)


def _write(counts: Counter[_Count]) -> Counter[_Count]:
    """Returns what Redis refused."""
    pipeline = stream_client().pipeline(transaction=False)
    fields = list(counts)
    for what in fields:
        pipeline.hincrby(_key(what), what.field, counts[what])
    for key in {_key(what) for what in fields}:
        pipeline.expire(key, KEPT_DAYS * SECONDS_PER_DAY)
    try:
        answers = pipeline.execute(raise_on_error=False)
    except (RedisError, OSError) as error:
        log.warning("refusals_not_written", error=repr(error))
        return counts
    refused = [
        what for what, answer in zip(fields, answers, strict=False) if type(answer) is not int
    ]
    if refused:
        log.warning("refusals_not_written", counts=len(refused))
    return Counter({what: counts[what] for what in refused})


def _key(what: _Count) -> str:
    return refusals_key(what.partition, what.project_id.hex(), what.day)


def list_kept_days() -> range:
    """The days of which there may be counts, today first."""
    today = _today()
    return range(today, today - KEPT_DAYS - 1, -1)


def read_refusals(partition: int, project_hex: str) -> list[Refusals]:
    """Of a project's last days, the latest first; of a day by key and reason. Raises RedisError."""
    days = list_kept_days()
    pipeline = stream_client().pipeline(transaction=False)
    for day in days:
        pipeline.hgetall(refusals_key(partition, project_hex, day))
    found = []
    for day, counts in zip(days, pipeline.execute(), strict=True):
        for field, count in sorted(counts.items()):
            key_id, _, reason = field.decode().partition(":")
            found.append(Refusals(datetime_of_day(day).date(), key_id, reason, int(count)))
    return found


def _today() -> int:
    return int(time.time()) // SECONDS_PER_DAY
