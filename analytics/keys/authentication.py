"""Whose request it is: its API key or alias, and how often one address may show bad ones.

A good key is served however many bad ones came from its address, which may be that of a whole
company or of a proxy: nobody can lock out a sender, and 256 random bits are not to be guessed.
"""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from typing import Any

import structlog
from django.conf import settings
from redis.exceptions import RedisError

from analytics.bounded_cache import BoundedCache
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import api_keys_used_key
from analytics.keys.address_keys import read_address_key, refuse_secret_key
from analytics.keys.failures import FailureLimit, group_address
from analytics.keys.key_text import read_key_id
from analytics.keys.lookup import find_alias_record, find_record, known_record
from analytics.keys.rates import parse_rate
from analytics.keys.records import KeyRecord
from analytics.keys.refusals import note_refusal
from analytics.remembered import forgets
from analytics.web.client_ip import client_ip
from analytics.web.problems import BadRequest, Forbidden, TooManyRequests, Unauthorized

log = structlog.get_logger(__name__)

SENDS_EVENTS = "ingest"  # the scope
USE_NOTED_SECONDS = 60.0
# A request without a key guesses nothing.
_MISSING = "missing_key"
_COUNTED = ("invalid_key", "revoked_key", "expired_key")
_INVALID_TOKEN = {"WWW-Authenticate": 'Bearer realm="analytics", error="invalid_token"'}
_MAX_NOTED = 10_000

_noted: BoundedCache[str, float] = BoundedCache(_MAX_NOTED)  # key id -> when its use was noted


def authenticate_request(meta: Mapping[str, Any], *scopes: str) -> KeyRecord:
    """The key of a request, a secret one that has one of `scopes`.

    Raises what `authenticate` and `require_scope` raise, Unauthorized (`key_in_address`), and
    TooManyRequests (`too_many_failures`) in place of another 401 over AUTH_FAILURES_RATE.
    """
    refuse_secret_key(meta)
    record = _counting_failures(meta, lambda: authenticate(meta.get("HTTP_AUTHORIZATION")))
    if record.public:
        note_refusal(record, Forbidden.default_code)
        raise Forbidden("A public API key may send events, and nothing else.")
    require_scope(record, *scopes)
    note_use(record)
    return record


def authenticate_sender(meta: Mapping[str, Any]) -> KeyRecord:
    """The key of a request that sends events: also a public one, also in the address.

    Raises as `authenticate_request`. The path is one of the doors' own and holds no key.
    """
    record = _counting_failures(meta, lambda: _judge_text(read_sender_key(meta)))
    require_scope(record, SENDS_EVENTS)
    note_use(record)
    return record


def read_sender_key(meta: Mapping[str, Any]) -> str:
    """The text of the key of a request that sends events. Raises Unauthorized."""
    address_key = None
    if query := meta.get("QUERY_STRING"):
        refuse_secret_key(meta)
        address_key = read_address_key(query)
    return _read_text(meta.get("HTTP_AUTHORIZATION"), address_key)


def known_sender(digest: bytes, *, public: bool) -> KeyRecord | None:
    """The key with this digest, `public` by its text, if it sends events and nothing is to be done.

    None where that is not certain without waiting, or `authenticate_sender` refuses or notes.
    """
    record = known_record(digest)
    if (
        record is None
        or record.public != public
        or record.revoked
        or not record.project_active
        or (record.expires_at is not None and record.expires_at <= time.time())
        or record.scopes.isdisjoint((SENDS_EVENTS, "admin"))
    ):
        return None
    noted_at = _noted.get(record.key_id)
    return record if noted_at and time.monotonic() < noted_at + USE_NOTED_SECONDS else None


def authenticate_texts(meta: Mapping[str, Any], texts: Iterable[str]) -> KeyRecord:
    """The key of a request that sends events, of the `texts` where its client puts one.

    A text that is no key at all stands there for something else: a site's own sign-in, `None`.
    Raises as `authenticate_request`, and Unauthorized (`two_keys`).
    """
    refuse_secret_key(meta)
    given = {text for text in texts if text}
    keys = {text for text in given if read_key_id(text) is not None}
    if len(keys) > 1:
        raise Unauthorized("The request names two keys.", code="two_keys")
    if not given:
        raise Unauthorized("Send an API key where your client has its write key.", code=_MISSING)
    record = _counting_failures(meta, lambda: _judge_text((keys or given).pop()))
    require_scope(record, SENDS_EVENTS)
    note_use(record)
    return record


def authenticate_alias(
    meta: Mapping[str, Any], kind: str, values: Iterable[str | None]
) -> KeyRecord:
    """The record of an alias of a project, by the first of `values` that is one: a public key's.

    Each is in the one spelling of its kind (`analytics/keys/aliases.py`); None is none.
    Raises BadRequest (`unknown_alias`), which does not say whose one is, TooManyRequests
    (`too_many_failures`) in its place over AUTH_FAILURES_RATE, and Unavailable as `authenticate`.
    """
    refuse_secret_key(meta)
    named = [value for value in values if value]
    for value in named:
        record = find_alias_record(kind, value)
        if record and record.project_active and not record.revoked:
            return record
    if named:  # a request without one guesses nothing
        _count_failure(meta)
    detail = f"No project has this {kind} alias: add it in the admin, or by manage.py add_alias."
    raise BadRequest(detail, code="unknown_alias")


def authenticate(authorization_header: str | None, address_key: str | None = None) -> KeyRecord:
    """The key that an `Authorization: Bearer <key>` header carries, or else the address.

    Raises Unauthorized (`missing_key`, `two_keys`, `invalid_key`, `revoked_key`, `expired_key`,
    `inactive_project`) and, when the key cannot be looked up, Unavailable (`keys_unavailable`).
    """
    return _judge_text(_read_text(authorization_header, address_key))


def _judge_text(text: str) -> KeyRecord:
    if read_key_id(text) is None:  # also what is not ASCII
        raise _refuse("This is not an API key.", "invalid_key")
    record = find_record(text)
    if record is None:
        raise _refuse("This API key does not exist.", "invalid_key")
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


@forgets
def forget_uses() -> None:
    """Empty this process's part, as a restart would."""
    _noted.clear()


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


def _counting_failures(meta: Mapping[str, Any], find: Callable[[], KeyRecord]) -> KeyRecord:
    try:
        return find()
    except Unauthorized as refusal:
        if refusal.code in _COUNTED:
            _count_failure(meta)
        raise


def _count_failure(meta: Mapping[str, Any]) -> None:
    limit = failure_limit(settings.AUTH_FAILURES_RATE)
    if seconds := limit.count(group_address(client_ip(meta))):
        raise TooManyRequests(
            "Too many bad API keys or unknown aliases came from this address.",
            code="too_many_failures",
            headers={"Retry-After": str(seconds)},
        )


@cache
def failure_limit(rate: str) -> FailureLimit:
    return FailureLimit("authentication", *parse_rate("AUTH_FAILURES_RATE", rate))


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
        detail = "Send Authorization: Bearer <API key>; with events ?key=<public key> does, too."
        raise Unauthorized(detail, code=_MISSING)
    return text
