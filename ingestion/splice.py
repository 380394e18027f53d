"""The stored document of an event as BSON, put together from pieces.

Most of a document is the same again and again: a path, a user, a browser. Such pieces are encoded
once and kept. The result is what `bson.encode` makes of the document of docs/data-model.md, in a
fraction of the time and without the document (tests/test_splice.py compares the two).
"""

import struct
from functools import lru_cache

import bson
import msgspec

from analytics.event import Event
from analytics.ids import PROJECT_ID_BYTES, is_uuid_key, ms_of_datetime
from analytics.projects import Policy
from analytics.rollups import (
    BUCKET_MS,
    PAGEVIEW,
    Client,
    Fact,
    Hit,
    Source,
    hash_user,
    make_hit,
)
from ingestion.enrich import (
    apply_ip_rule,
    expiry_ms,
    find_country,
    find_source,
    hash_visitor,
    parse_user_agent,
)

# What a kept piece takes differs by its kind; each cache stays below some 32 MiB.
_PATHS_KEPT = 1 << 12
_PIECES_KEPT = 1 << 13
_USERS_KEPT = 1 << 14

_int32 = struct.Struct("<i").pack
_int64 = struct.Struct("<q").pack

_STRING, _DOCUMENT, _BINARY, _DATETIME, _INT64 = b"\x02", b"\x03", b"\x05", b"\x09", b"\x12"


def _begin(kind: bytes, name: str) -> bytes:
    """The type and the name of an element, which its value follows."""
    return kind + name.encode() + b"\x00"


def _begin_binary(name: str, size: int) -> bytes:
    return _begin(_BINARY, name) + _int32(size) + b"\x00"


_UUID_ID = _begin_binary("_id", PROJECT_ID_BYTES + 16)
_HASHED_ID = _begin_binary("_id", PROJECT_ID_BYTES + 17)
_PROJECT = _begin_binary("project", PROJECT_ID_BYTES)
_PLACE = _begin_binary("place", 14)
_TIMESTAMP = _begin(_DATETIME, "timestamp")
_INGESTED_AT = _begin(_DATETIME, "ingestedAt")
_EXPIRES_AT = _begin(_DATETIME, "expiresAt")
_VISITOR = _begin(_INT64, "visitor")
_EVENT_ID = _begin(_STRING, "eventId")
_PATH = _begin(_STRING, "path")
_EVENT = _begin(_STRING, "event")
_USER_ID = _begin(_STRING, "userId")
_SESSION_ID = _begin(_STRING, "sessionId")
_IP = _begin(_STRING, "ip")
_COUNTRY = _begin(_STRING, "country")
_PROPERTIES = _begin(_DOCUMENT, "properties")
_CLIENT = [_begin(_STRING, name) for name in ("userAgent", "browser", "os", "device")]
_SOURCE = [_begin(_STRING, name) for name in ("referrer", "utmSource", "utmMedium", "utmCampaign")]

_NO_CLIENT: Client = (None, None, None)


class Origin(msgspec.Struct, gc=False):
    """What the events of one part have in common. `salt` is of the UTC day of acceptance."""

    project_id: bytes
    ingested_ms: int
    policy: Policy
    salt: bytes
    ip: str | None
    user_agent: str | None


def encode_event(
    event: Event, event_id: str, key: bytes, place: bytes, origin: Origin
) -> tuple[bytes, Fact]:
    """The document of collection `events`, and what the rollups count of it.

    `key` is its `_id`, as `event_key` makes it of `event_id`. Raises BSONError, OverflowError,
    UnicodeError or RecursionError for what BSON cannot hold.
    """
    project_id, ingested_ms, policy = origin.project_id, origin.ingested_ms, origin.policy
    timestamp_ms = ingested_ms if event.timestamp is None else ms_of_datetime(event.timestamp)
    ip = event.ip or origin.ip
    user_agent = event.user_agent or origin.user_agent
    is_view = event.event == PAGEVIEW
    if event.user_id is None:
        visitor = hash_visitor(project_id, None, ip, user_agent, origin.salt)
        person, hit = _encode_visitor(visitor), make_hit(None, visitor, is_view)
    else:
        person, view, other = _encode_user(project_id, event.user_id)
        hit = view if is_view else other
    client_piece, client = _encode_client(user_agent) if user_agent else (b"", _NO_CLIENT)
    properties = event.properties
    source = find_source(event.path, properties or {})
    country = find_country(ip) if ip else None
    has_uuid = is_uuid_key(key)
    retention_days = policy.retention_days
    elements = b"".join((
        _UUID_ID if has_uuid else _HASHED_ID, key, _PROJECT, project_id, _PLACE, place,
        _TIMESTAMP, _int64(timestamp_ms), _INGESTED_AT, _int64(ingested_ms),
        b"" if retention_days is None
        else _EXPIRES_AT + _int64(expiry_ms(timestamp_ms, ingested_ms, retention_days)),
        _encode_path(event.path),
        _encode_name(event.event),
        b"" if has_uuid else _string(_EVENT_ID, event_id),
        person,
        _string(_SESSION_ID, event.session_id),
        _string(_IP, apply_ip_rule(policy.ip_rule, ip)),
        _string(_COUNTRY, country),
        client_piece,
        b"" if properties is None else _PROPERTIES + bson.encode(properties),
        _encode_source(source),
    ))  # fmt: skip
    fact = (timestamp_ms // BUCKET_MS, hit, event.path, event.event, country, client, source)
    return _int32(len(elements) + 5) + elements + b"\x00", fact


def _string(begin: bytes, text: str | None) -> bytes:
    """An element that holds a string, or nothing."""
    if text is None:
        return b""
    data = text.encode()
    return begin + _int32(len(data) + 1) + data + b"\x00"


@lru_cache(maxsize=_PATHS_KEPT)
def _encode_path(path: str) -> bytes:
    return _string(_PATH, path)


@lru_cache(maxsize=_PIECES_KEPT)
def _encode_name(name: str) -> bytes:
    return _string(_EVENT, name)


def _encode_visitor(visitor: int) -> bytes:
    return _VISITOR + _int64(visitor)


@lru_cache(maxsize=_USERS_KEPT)
def _encode_user(project_id: bytes, user_id: str) -> tuple[bytes, Hit, Hit]:
    """Its elements `visitor` and `userId`, and what a pageview and another event of it count."""
    user_hash = hash_user(project_id, user_id)
    visitor = hash_visitor(project_id, user_id, None, None, b"")
    piece = _encode_visitor(visitor) + _string(_USER_ID, user_id)
    return piece, make_hit(user_hash, visitor, True), make_hit(user_hash, visitor, False)


@lru_cache(maxsize=_PIECES_KEPT)
def _encode_client(user_agent: str) -> tuple[bytes, Client]:
    client = parse_user_agent(user_agent)
    values = (user_agent, *client)
    return b"".join(map(_string, _CLIENT, values)), client


@lru_cache(maxsize=_PIECES_KEPT)
def _encode_source(source: Source) -> bytes:
    return b"".join(map(_string, _SOURCE, source))
