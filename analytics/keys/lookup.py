"""Looking an API key up by its text.

A key is looked up in this process, then in the mirror in Redis, never in MongoDB: with MongoDB
down, accepting goes on. A revocation reaches every process within 8 seconds: KNOWN_SECONDS and
one look-up in Redis, timeouts included.
"""

import hmac
import threading
import time
from dataclasses import dataclass

import msgspec
import structlog
from celery import current_app
from redis.exceptions import RedisError

from analytics.bounded_cache import BoundedCache
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import api_key_key, api_keys_complete_key
from analytics.keys.key_text import digest_key, is_public_text
from analytics.keys.records import KeyRecord
from analytics.remembered import forgets
from analytics.task_names import MAINTENANCE_QUEUE, MIRROR_KEYS
from analytics.web.problems import Unavailable

log = structlog.get_logger(__name__)

KNOWN_SECONDS = 5.0
UNKNOWN_SECONDS = 5.0
# How long a key that was good stays good while Redis does not answer.
STALE_SECONDS = 60.0
# While one request looks a stale key up again, the others go on with what is known.
RECHECK_SECONDS = 1.0
KNOWN_MAX = 10_000
UNKNOWN_MAX = 10_000
RESTORE_ASKED_SECONDS = 5.0


@dataclass(slots=True)
class _Known:
    record: KeyRecord
    read_at: float
    check_at: float


_known: BoundedCache[bytes, _Known] = BoundedCache(KNOWN_MAX)
_unknown: BoundedCache[bytes, float] = BoundedCache(UNKNOWN_MAX)  # digest -> when it was looked up
_restore_asked_at = float("-inf")


def find_record(text: str) -> KeyRecord | None:
    """The record of the key with this text; None when there is no such key.

    Raises Unavailable (`keys_unavailable`) when it cannot be looked up.
    """
    record = _find(digest_key(text))
    if record and record.public != is_public_text(text):
        # Mirrored by a worker of before, which knows no public keys: no secret one, for a moment.
        request_mirror_restore()
        raise _unavailable()
    return record


@forgets
def forget_keys() -> None:
    """Empty this process's caches, as a restart would."""
    global _restore_asked_at
    _known.clear()
    _unknown.clear()
    _restore_asked_at = float("-inf")


def request_mirror_restore() -> None:
    """Ask a worker to write the mirror again; at most every RESTORE_ASKED_SECONDS per process.

    Best effort: beat runs the same task each minute.
    """
    global _restore_asked_at
    now = time.monotonic()
    if now - _restore_asked_at < RESTORE_ASKED_SECONDS:
        return
    _restore_asked_at = now
    # Outside the request: a broker that is down takes seconds to say so.
    threading.Thread(target=_publish_restore, daemon=True).start()


def _publish_restore() -> None:
    try:
        current_app.send_task(MIRROR_KEYS, queue=MAINTENANCE_QUEUE, expires=60, retry=False)
    except Exception as error:  # a broker can fail in many ways, and none matters here
        log.warning("mirror_restore_not_asked", error=repr(error))


def _find(digest: bytes) -> KeyRecord | None:
    now = time.monotonic()
    known = _known.get(digest)
    if known and now < known.check_at and now < known.read_at + STALE_SECONDS:
        return known.record
    if known is None:
        looked_up_at = _unknown.get(digest)
        if looked_up_at is not None and now < looked_up_at + UNKNOWN_SECONDS:
            return None
    else:
        known.check_at = now + RECHECK_SECONDS
    try:
        record = _read_mirror(digest)
    except RedisError as error:
        if known and now < known.read_at + STALE_SECONDS:
            return known.record
        log.warning("key_mirror_unreachable", error=repr(error))
        raise _unavailable() from error
    if record is None:
        _known.drop(digest)
        _unknown.set(digest, now)
        return None
    _known.set(digest, _Known(record, read_at=now, check_at=now + KNOWN_SECONDS))
    return record


def _read_mirror(digest: bytes) -> KeyRecord | None:
    """The record of `digest`; None when a whole mirror has none."""
    # The marker first: it must have been there when the key was not.
    pipeline = stream_client().pipeline(transaction=False)
    pipeline.get(api_keys_complete_key())
    pipeline.get(api_key_key(digest.hex()))
    complete, raw = pipeline.execute()
    if raw is not None:
        try:
            record = msgspec.json.decode(raw, type=KeyRecord)
        except msgspec.DecodeError as error:
            log.error("key_mirror_unreadable", error=str(error))
        else:
            return record if hmac.compare_digest(record.digest, digest) else None
    elif complete is not None:
        return None
    # Redis was emptied: whether this key exists is not known until the mirror is whole again.
    _known.drop(digest)
    request_mirror_restore()
    raise _unavailable()


def _unavailable() -> Unavailable:
    return Unavailable(
        "API keys cannot be checked at the moment.", code="keys_unavailable", retry_after_seconds=2
    )
