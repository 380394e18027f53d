"""The stored document of an event as BSON, put together from pieces.

Most of a document is the same again and again: a path, a user, a browser. Such pieces are encoded
once and kept. The result is what `bson.encode` makes of the document of docs/data-model.md, in a
fraction of the time and without the document (tests/store/test_splice.py compares the two).
"""

import struct
from collections.abc import Mapping, Sequence
from typing import Any

import bson
import msgspec
from bson.errors import BSONError

from analytics.bounded_cache import Kept
from analytics.events.event import Event
from analytics.events.ids import PROJECT_ID_BYTES, is_uuid_key, ms_of_datetime
from analytics.projects.horizon import expiry_ms
from analytics.projects.policy import Policy
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
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.enrich.campaigns import NO_CAMPAIGN, Campaign, names_campaign, read_path
from ingestion.enrich.countries import find_country
from ingestion.enrich.referrers import referrer_host
from ingestion.enrich.sources import find_source
from ingestion.enrich.user_agents import parse_user_agent
from ingestion.enrich.visitors import hash_visitor

_int32 = struct.Struct("<i").pack
_int64 = struct.Struct("<q").pack
_read_int32 = struct.Struct("<i").unpack_from

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

_NO_CLIENT: tuple[bytes, Client] = (b"", (None, None, None))
_NO_SOURCE: tuple[bytes, Source] = (b"", (None, None, None, None))
_NO_PROPERTIES: Mapping[str, object] = {}

NOT_ENCODABLE = (
    BSONError,
    OverflowError,
    UnicodeError,
    RecursionError,
    TypeError,
    struct.error,
)
"""What encoding raises of a value that BSON cannot hold."""


class Origin(msgspec.Struct, gc=False):
    """What the events of one entry have in common. `salt` is of the UTC day of acceptance."""

    project_id: bytes
    ingested_ms: int
    policy: Policy
    salt: bytes
    project: bytes = b""  # elements: the project and the begin of the place,
    times: bytes = b""  # and the times of an event without a timestamp of its own

    def __post_init__(self) -> None:
        self.project = _PROJECT + self.project_id + _PLACE
        self.times = self.encode_times(self.ingested_ms)

    def encode_times(self, timestamp_ms: int) -> bytes:
        """Its elements `timestamp`, `ingestedAt` and `expiresAt`."""
        times = _TIMESTAMP + _int64(timestamp_ms) + _INGESTED_AT + _int64(self.ingested_ms)
        days = self.policy.retention_days
        if days is None:
            return times
        return times + _EXPIRES_AT + _int64(expiry_ms(timestamp_ms, self.ingested_ms, days))


def encode_event(
    event: Event, key: bytes, place: bytes, origin: Origin, properties: bytes | None = None
) -> tuple[bytes, Fact]:
    """The document of collection `events`, and what the rollups count of it.

    `key` is its `_id`, as `event_key` makes it of its id; `properties` are its own as BSON, where
    they are encoded already. Raises one of NOT_ENCODABLE for what BSON cannot hold.
    """
    if event.timestamp is None:
        timestamp_ms, times = origin.ingested_ms, origin.times
    else:
        timestamp_ms = ms_of_datetime(event.timestamp)
        times = origin.encode_times(timestamp_ms)
    path, name, ip, user_agent = event.path or "/", event.event, event.ip, event.user_agent
    if event.user_id is None:
        visitor = hash_visitor(origin.project_id, None, ip, user_agent, origin.salt)
        person, hit = _encode_visitor(visitor), make_hit(None, visitor, name == PAGEVIEW)
    else:
        person, view, other = _users[origin.project_id, event.user_id]
        hit = view if name == PAGEVIEW else other
    if is_uuid_key(key):
        begin, event_id = _UUID_ID, b""
    else:
        begin, event_id = _HASHED_ID, _string(_EVENT_ID, event.event_id)
    country = find_country(ip) if ip else None
    client_piece, client = _clients[user_agent] if user_agent else _NO_CLIENT
    path_piece, query = _paths[path]
    source_piece, source = _encode_source(query, event.properties or _NO_PROPERTIES)
    if event.properties is None:
        begin_properties = properties = b""
    else:
        begin_properties, properties = _PROPERTIES, properties or bson.encode(event.properties)
    elements = b"".join((
        begin, key, origin.project, place, times, path_piece, _names[name], event_id, person,
        _string(_SESSION_ID, event.session_id),
        _string(_IP, apply_ip_rule(origin.policy.ip_rule, ip)),
        b"" if country is None else _string(_COUNTRY, country),
        client_piece, begin_properties, properties, source_piece,
    ))  # fmt: skip
    fact = (timestamp_ms // BUCKET_MS, hit, path, name, country, client, source, None, None)
    return b"%b%b\x00" % (_int32(len(elements) + 5), elements), fact


def encode_properties(properties: Sequence[dict[str, Any] | None]) -> list[bytes | None]:
    """The properties of many events as BSON, in one call of the encoder.

    None stays None; all are None where one cannot be encoded, which `encode_event` then finds.
    """
    try:
        array = bson.encode({"": [{} if found is None else found for found in properties]})
    except NOT_ENCODABLE:
        return [None] * len(properties)
    pieces: list[bytes | None] = []
    at = 10  # past the lengths of document and array, and the array's type and name
    for index, found in enumerate(properties):
        at += 2 + len(str(index))  # its type, and its name: the index
        (size,) = _read_int32(array, at)
        pieces.append(None if found is None else array[at : at + size])
        at += size
    return pieces


def _string(begin: bytes, text: str | None) -> bytes:
    """An element that holds a string, or nothing."""
    if text is None:
        return b""
    data = text.encode()
    return begin + _int32(len(data) + 1) + data + b"\x00"


def _encode_path(path: str) -> tuple[bytes, Campaign]:
    return _string(_PATH, path), read_path(path)


def _encode_name(name: str) -> bytes:
    return _string(_EVENT, name)


def _encode_visitor(visitor: int) -> bytes:
    return _VISITOR + _int64(visitor)


def _encode_user(user: tuple[bytes, str]) -> tuple[bytes, Hit, Hit]:
    """Its elements `visitor` and `userId`, and what a pageview and another event of it count."""
    project_id, user_id = user
    user_hash = hash_user(project_id, user_id)
    visitor = hash_visitor(project_id, user_id, None, None, b"")
    piece = _encode_visitor(visitor) + _string(_USER_ID, user_id)
    return piece, make_hit(user_hash, visitor, True), make_hit(user_hash, visitor, False)


def _encode_client(user_agent: str) -> tuple[bytes, Client]:
    client = parse_user_agent(user_agent).client
    return b"".join(map(_string, _CLIENT, (user_agent, *client))), client


def _encode_source(query: Campaign, properties: Mapping[str, object]) -> tuple[bytes, Source]:
    if query is not NO_CAMPAIGN or names_campaign(properties):
        source = find_source(query, properties)
        return b"".join(map(_string, _SOURCE, source)), source
    referrer = properties.get("referrer")
    return _referrers[referrer] if isinstance(referrer, str) else _NO_SOURCE


def _encode_referrer(referrer: str) -> tuple[bytes, Source]:
    source = referrer_host(referrer), None, None, None
    return b"".join(map(_string, _SOURCE, source)), source


# Each stays below some 45 MiB, whatever characters its keys are of; a user id is short anyway.
_paths = Kept(_encode_path, 1 << 12)
_names = Kept(_encode_name, 1 << 13)
_users = Kept(_encode_user, 1 << 14)
_clients = Kept(_encode_client, 1 << 13)
_referrers = Kept(_encode_referrer, 1 << 13)
