"""Looking an API key up by its text, and an alias by what clients of its kind send.

Either is looked up in this process, then in the mirror in Redis, never in MongoDB: with MongoDB
down, accepting goes on. A revocation reaches every process within 8 seconds: KNOWN_SECONDS and
one look-up in Redis, timeouts included.
"""

import hmac
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import msgspec
import structlog
from celery import current_app
from redis.exceptions import RedisError

from analytics.bounded_cache import BoundedCache
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import (
    alias_key,
    aliases_complete_key,
    api_key_key,
    api_keys_complete_key,
)
from analytics.keys.key_text import digest_alias, digest_key, is_public_text
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


class _Mirror:
    """Records by their digest, in Redis, and what this process knows of them."""

    def __init__(self, name_of: Callable[[str], str], complete: Callable[[], str]) -> None:
        self.name_of = name_of
        self.complete = complete
        self.known: BoundedCache[bytes, _Known] = BoundedCache(KNOWN_MAX)
        # digest -> when it was looked up
        self.unknown: BoundedCache[bytes, float] = BoundedCache(UNKNOWN_MAX)

    def clear(self) -> None:
        self.known.clear()
        self.unknown.clear()


_keys = _Mirror(api_key_key, api_keys_complete_key)
# Beside the keys: those that stand there without a row, a release of before takes out.
_aliases = _Mirror(alias_key, aliases_complete_key)
_restore_asked_at = float("-inf")


def find_record(text: str) -> KeyRecord | None:
    """The record of the key with this text; None when there is no such key.

    Raises Unavailable (`keys_unavailable`) when it cannot be looked up.
    """
    record = _find(_keys, digest_key(text))
    if record and record.public != is_public_text(text):
        # Mirrored by a worker of before, which knows no public keys: no secret one, for a moment.
        request_mirror_restore()
        raise _unavailable()
    return record


def known_record(digest: bytes) -> KeyRecord | None:
    """The record of a key if this process knows it without looking it up again."""
    known = _keys.known.get(digest)
    if known is None:
        return None
    now = time.monotonic()
    return known.record if now < known.check_at and now < known.read_at + STALE_SECONDS else None


def find_alias_record(kind: str, value: str) -> KeyRecord | None:
    """The record of an alias, as that of a public key; None where no project has it.

    `value` is in the one spelling of its kind. Raises as `find_record`.
    """
    return _find(_aliases, digest_alias(kind, value))


@forgets
def forget_keys() -> None:
    """Empty this process's caches, as a restart would."""
    global _restore_asked_at
    _keys.clear()
    _aliases.clear()
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


def _find(mirror: _Mirror, digest: bytes) -> KeyRecord | None:
    now = time.monotonic()
    known = mirror.known.get(digest)
    if known and now < known.check_at and now < known.read_at + STALE_SECONDS:
        return known.record
    if known is None:
        looked_up_at = mirror.unknown.get(digest)
        if looked_up_at is not None and now < looked_up_at + UNKNOWN_SECONDS:
            return None
    else:
        known.check_at = now + RECHECK_SECONDS
    try:
        record = _read(mirror, digest)
    except RedisError as error:
        if known and now < known.read_at + STALE_SECONDS:
            return known.record
        log.warning("key_mirror_unreachable", error=repr(error))
        raise _unavailable() from error
    if record is None:
        mirror.known.drop(digest)
        mirror.unknown.set(digest, now)
        return None
    mirror.known.set(digest, _Known(record, read_at=now, check_at=now + KNOWN_SECONDS))
    return record


def _read(mirror: _Mirror, digest: bytes) -> KeyRecord | None:
    """The record of `digest`; None when a whole mirror has none."""
    # The marker first: it must have been there when the key was not.
    pipeline = stream_client().pipeline(transaction=False)
    pipeline.get(mirror.complete())
    pipeline.get(mirror.name_of(digest.hex()))
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
    mirror.known.drop(digest)
    request_mirror_restore()
    raise _unavailable()


def _unavailable() -> Unavailable:
    return Unavailable(
        "API keys cannot be checked at the moment.", code="keys_unavailable", retry_after_seconds=2
    )
