"""Which API key a request carries, and what it may do.

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
from analytics.databases.redis_keys import api_key_key, api_keys_complete_key, api_keys_used_key
from analytics.projects.key_text import digest_key, is_public_text, read_key_id
from analytics.projects.records import KeyRecord
from analytics.projects.refusals import note_refusal
from analytics.remembered import forgets
from analytics.task_names import MAINTENANCE_QUEUE, MIRROR_KEYS
from analytics.web.problems import Forbidden, Unauthorized, Unavailable

log = structlog.get_logger(__name__)

KNOWN_SECONDS = 5.0
UNKNOWN_SECONDS = 5.0
# How long a key that was good stays good while Redis does not answer.
STALE_SECONDS = 60.0
# While one request looks a stale key up again, the others go on with what is known.
RECHECK_SECONDS = 1.0
KNOWN_MAX = 10_000
UNKNOWN_MAX = 10_000
USE_NOTED_SECONDS = 60.0
RESTORE_ASKED_SECONDS = 5.0

_INVALID_TOKEN = {"WWW-Authenticate": 'Bearer realm="analytics", error="invalid_token"'}


@dataclass(slots=True)
class _Known:
    record: KeyRecord
    read_at: float
    check_at: float


_known: BoundedCache[bytes, _Known] = BoundedCache(KNOWN_MAX)
_unknown: BoundedCache[bytes, float] = BoundedCache(UNKNOWN_MAX)  # digest -> when it was looked up
_noted: BoundedCache[str, float] = BoundedCache(KNOWN_MAX)  # key id -> when its use was noted
_restore_asked_at = float("-inf")


def authenticate(authorization_header: str | None, address_key: str | None = None) -> KeyRecord:
    """The key that an `Authorization: Bearer <key>` header carries, or else the address.

    Raises Unauthorized (`missing_key`, `two_keys`, `invalid_key`, `revoked_key`, `expired_key`,
    `inactive_project`) and, when the key cannot be looked up, Unavailable (`keys_unavailable`).
    """
    text = _read_text(authorization_header, address_key)
    record = _find_record(digest_key(text))
    if record.public != is_public_text(text):
        # Mirrored by a worker of before, which knows no public keys: no secret one, for a moment.
        request_mirror_restore()
        raise _unavailable()
    if record.revoked:
        raise _refuse("This API key was revoked.", "revoked_key", record)
    if record.expires_at is not None and record.expires_at <= time.time():
        raise _refuse("This API key has expired.", "expired_key", record)
    if not record.project_active:
        raise _refuse("The project of this API key is not active.", "inactive_project")
    return record


def require_scope(record: KeyRecord, *scopes: str) -> None:
    """Raise Forbidden unless the key has one of `scopes`; `admin` implies every other."""
    if record.scopes.isdisjoint({*scopes, "admin"}):
        note_refusal(record, Forbidden.default_code)
        raise Forbidden(
            f"This needs an API key with the scope {' or '.join(scopes)}.",
            code="missing_scope",
            headers={
                "WWW-Authenticate": (
                    f'Bearer realm="analytics", error="insufficient_scope", '
                    f'scope="{" ".join(scopes)}"'
                )
            },
        )


def note_use(record: KeyRecord) -> None:
    """Leave the time of use in Redis, for the mirror's task to copy; once a minute per key.

    Never raises; call it where a request was served, after its answer if that is possible.
    """
    now = time.monotonic()
    noted_at = _noted.get(record.key_id)
    if noted_at is not None and now < noted_at + USE_NOTED_SECONDS:
        return
    _noted.set(record.key_id, now)
    try:
        stream_client().hset(api_keys_used_key(), record.key_id, str(int(time.time())))
    except RedisError as error:  # a full Redis refuses it; the use of the next minute will do
        log.warning("key_use_not_noted", error=repr(error))


@forgets
def forget_keys() -> None:
    """Empty this process's caches, as a restart would."""
    global _restore_asked_at
    _known.clear()
    _unknown.clear()
    _noted.clear()
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


def _refuse(detail: str, code: str, known: KeyRecord | None = None) -> Unauthorized:
    if known and known.project_active:  # else nobody is left to look, and nothing may be kept
        note_refusal(known, code)
    return Unauthorized(detail, code=code, headers=_INVALID_TOKEN)


def _read_text(header: str | None, address_key: str | None) -> str:
    """The text of the key in `header`, or else `address_key`.

    A header of another scheme is none: browsers send what a site's own sign-in needs.
    """
    scheme, _, text = (header or "").strip(" \t").partition(" ")
    if scheme.lower() == "bearer":
        text = text.strip(" \t")
        if address_key not in (None, text):
            raise Unauthorized("The header and the address name two keys.", code="two_keys")
    elif address_key is not None:
        text = address_key
    else:
        raise Unauthorized("Send Authorization: Bearer <API key>.", code="missing_key")
    if read_key_id(text) is None:  # also what is not ASCII
        raise _refuse("This is not an API key.", "invalid_key")
    return text


def _find_record(digest: bytes) -> KeyRecord:
    now = time.monotonic()
    known = _known.get(digest)
    if known and now < known.check_at and now < known.read_at + STALE_SECONDS:
        return known.record
    if known is None:
        looked_up_at = _unknown.get(digest)
        if looked_up_at is not None and now < looked_up_at + UNKNOWN_SECONDS:
            raise _refuse("This API key does not exist.", "invalid_key")
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
        raise _refuse("This API key does not exist.", "invalid_key")
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
