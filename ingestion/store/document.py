"""The stored document of an event as BSON, put together from pieces.

Most of a document is the same again and again: a path, a user, a browser. Such pieces are encoded
once and kept (`pieces.py`). The result is what `bson.encode` makes of the document of
docs/data-model.md, in a fraction of the time and without the document (tests/store/test_splice.py
compares the two).
"""

import struct
from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

import bson
from bson.errors import BSONError

from analytics.events.entry import Part
from analytics.events.event import Event
from analytics.events.ids import UUID_KEY_BYTES
from analytics.rollups import BUCKET_MS, PAGEVIEW, Fact, Hit, make_hit
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.enrich.bots import AUTOMATION, OTHER_HOSTNAME
from ingestion.enrich.referrers import MAX_REFERRER_CHARS
from ingestion.enrich.traffic import is_own_host
from ingestion.enrich.visitors import hash_visitor
from ingestion.store import elements as bson_of
from ingestion.store.elements import begin, int32, int64, read_int32, string
from ingestion.store.origins import Origin
from ingestion.store.pieces import (
    agents,
    encode_anonymous,
    encode_visitor,
    find_traffic_piece,
    locations,
    names,
    pages,
    users,
)

FORMAT: Final = 2
"""Of a stored event, field `v`; one without it is of a release that knew no bots."""

_FORMAT = begin(bson_of.INT32, "v") + int32(FORMAT)
_UUID_ID, _HASHED_ID = bson_of.UUID_ID, bson_of.HASHED_ID
_PROPERTIES = begin(bson_of.DOCUMENT, "properties")
_SKEW_MS = begin(bson_of.INT64, "skewMs")
_EVENT_ID, _SESSION_ID, _IP, _TITLE, _LANGUAGE, _SCREEN, _BOT, _REFERRER_URL = (
    begin(bson_of.STRING, name)
    for name in (
        "eventId", "sessionId", "ip", "title", "language", "screen", "bot", "referrerUrl",
    )
)  # fmt: skip

_NO_PROPERTIES: Mapping[str, object] = {}
_NOBODY_VIEWS: Final = make_hit(None, None, True)
_NOBODY_ACTS: Final = make_hit(None, None, False)

NOT_ENCODABLE = (
    BSONError,
    OverflowError,
    UnicodeError,
    RecursionError,
    TypeError,
    struct.error,
)
"""What encoding raises of a value that BSON cannot hold."""


def encode_event(
    event: Event, key: bytes, place: bytes, origin: Origin, part: Part,
    properties: bytes | None = None,
) -> tuple[bytes, Fact]:  # fmt: skip
    """The document of collection `events`, and what the rollups count of it.

    `key` is its `_id`, as `Entry.event_key` makes it; `part` brought it; `properties` are its own
    as BSON, where they are encoded already. Raises one of NOT_ENCODABLE.
    """
    policy, name = origin.policy, event.event
    if event.timestamp is None:
        timestamp_ms, times = origin.ingested_ms, origin.times
    else:
        timestamp_ms, times = origin.date(event.timestamp)
    ip, user_agent, is_judged = _read_sender(event, part)
    unfollowed = part.do_not_track and policy.honours_do_not_track
    if unfollowed:
        person, hit = b"", _NOBODY_VIEWS if name == PAGEVIEW else _NOBODY_ACTS
    else:
        person, hit = _encode_person(event, ip, user_agent, origin, public=part.public)
    if len(key) == UUID_KEY_BYTES:
        begin_id, event_id = _UUID_ID, b""
    else:
        begin_id, event_id = _HASHED_ID, string(_EVENT_ID, event.event_id)
    location_piece, country = locations[origin.locate(ip)] if ip else (b"", None)
    agent = agents[user_agent, is_judged, unfollowed]
    page_piece, page = pages[event.path, event.url, event.hostname, policy.tidies_addresses]
    traffic = find_traffic_piece(event.referrer, page, event.properties, policy.hostnames)
    bot = agent.bot or traffic.bot or (AUTOMATION if event.automation else None)
    if bot is None and policy.hostnames and is_foreign(page.hostname, policy.hostnames):
        bot = OTHER_HOSTNAME
    elements = b"".join((
        begin_id, key, _FORMAT, origin.project, place,
        times, page_piece, names[name], event_id, person,
        b"" if unfollowed else string(_SESSION_ID, event.session_id),
        b"" if unfollowed else string(_IP, apply_ip_rule(policy.ip_rule, ip)),
        location_piece, agent.elements, traffic.elements,
        _encode_seen(event),
        b"" if bot is None else string(_BOT, bot),
        b"" if event.properties is None else _PROPERTIES,
        b"" if event.properties is None else properties or bson.encode(event.properties),
        _SKEW_MS + int64(part.skew_ms) if part.skew_ms else b"",
    ))  # fmt: skip
    fact = (
        timestamp_ms // BUCKET_MS, hit, page.path, name, country, agent.client, traffic.source,
        page.hostname, bot,
    )  # fmt: skip
    return int32(len(elements) + 5) + elements + b"\x00", fact


def _read_sender(event: Event, part: Part) -> tuple[str | None, str | None, bool]:
    """Address and user agent, and whether that is judged: of another request it is a program's.

    Who reads a public key may say anything of himself, so only the request counts then.
    """
    ip = part.client_ip if part.public else event.ip or part.client_ip
    if event.user_agent is None or part.public:
        return ip, part.client_user_agent, part.from_page
    return ip, event.user_agent, True


def is_foreign(hostname: str | None, own: Collection[str]) -> bool:
    """Whether a page is on another host than the project's `own`; one that names none is not."""
    return hostname is not None and not is_own_host(hostname, own)


def _encode_seen(event: Event) -> bytes:
    """What the browser showed, and the whole of what led there."""
    title, language, screen, referrer = event.title, event.language, event.screen, event.referrer
    if title is language is screen is referrer is None:
        return b""
    seen = string(_TITLE, title) + string(_LANGUAGE, language) + string(_SCREEN, screen)
    return seen + (string(_REFERRER_URL, referrer[:MAX_REFERRER_CHARS]) if referrer else b"")


def _encode_person(
    event: Event, ip: str | None, user_agent: str | None, origin: Origin, *, public: bool
) -> tuple[bytes, Hit]:
    """Who an event is of: elements, and what the rollups count.

    By a public key also who it would be without a user id: visits go by that.
    """
    is_view = event.event == PAGEVIEW
    if event.user_id is None:
        visitor = hash_visitor(origin.project_id, None, ip, user_agent, origin.salt)
        person, hit = encode_visitor(visitor), make_hit(None, visitor, is_view)
        return (person + encode_anonymous(visitor) if public else person), hit
    person, view, other = users[origin.project_id, event.user_id]
    if public:
        anonymous = hash_visitor(origin.project_id, None, ip, user_agent, origin.salt)
        person += encode_anonymous(anonymous)
    return person, view if is_view else other


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
        (size,) = read_int32(array, at)
        pieces.append(None if found is None else array[at : at + size])
        at += size
    return pieces
