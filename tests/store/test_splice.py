"""The stored document of an event, spliced, is what `bson.encode` makes of it field by field."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.bounded_cache import Kept
from analytics.databases.mongo import Document
from analytics.events.event import Event, decode_event
from analytics.events.ids import EntryId, datetime_of_ms, event_key, make_place
from analytics.events.invalid_event import InvalidEvent
from analytics.projects.horizon import expiry
from analytics.projects.policy import Policy
from analytics.rollups import SOURCE_FIELDS, summarize, summarize_facts
from ingestion.enrich import countries as enrich
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.enrich.campaigns import read_path
from ingestion.enrich.sources import find_source
from ingestion.enrich.user_agents import parse_user_agent
from ingestion.enrich.visitors import hash_visitor
from ingestion.store.document import Origin, encode_event, encode_properties

AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
PROJECT = b"project1"
PLACE = make_place(EntryId(1_700_000_000_123, 4), 2)
ORIGIN = Origin(PROJECT, 1_700_000_000_123, Policy("truncate", 90), b"salt")
UUID = "0190163d-8694-739b-aea5-966c26f8ad91"


def make_event(**fields: Any) -> Event:
    """As the drain has filled it in."""
    event = decode_event(json.dumps({"path": "/a", **fields}).encode())
    event.event_id = event.event_id or UUID
    event.ip = event.ip or "203.0.113.9"
    event.user_agent = event.user_agent or "Firefox/120.0"
    return event


def make_document(event: Event, origin: Origin) -> Document:
    """The document of docs/data-model.md, one field after the other."""
    ingested_at = datetime_of_ms(origin.ingested_ms)
    timestamp = event.timestamp or ingested_at
    ip, user_agent, event_id = event.ip, event.user_agent, event.event_id or ""
    browser, os, device = parse_user_agent(user_agent).client if user_agent else (None, None, None)
    source = find_source(read_path(event.path), event.properties or {})
    optional = {
        "eventId": None if event_id == UUID else event_id,
        "userId": event.user_id,
        "sessionId": event.session_id,
        "ip": apply_ip_rule(origin.policy.ip_rule, ip),
        "userAgent": user_agent or None,
        "browser": browser,
        "os": os,
        "device": device,
        "properties": event.properties,
        "expiresAt": expiry(timestamp, ingested_at, origin.policy.retention_days),
        **dict(zip(SOURCE_FIELDS, source, strict=True)),
    }
    return {
        "_id": event_key(PROJECT, event_id),
        "project": PROJECT,
        "timestamp": timestamp,
        "ingestedAt": ingested_at,
        "path": event.path,
        "event": event.event,
        "place": PLACE,
        "visitor": hash_visitor(PROJECT, event.user_id, ip, user_agent, origin.salt),
    } | {name: value for name, value in optional.items() if value is not None}


def check(event: Event, origin: Origin) -> None:
    key = event_key(PROJECT, event.event_id or "")
    document = make_document(event, origin)
    # A neighbour, so that its properties must be found among others.
    for [*_, properties] in ([None], encode_properties([{"a": 1}, None, event.properties])):
        encoded, fact = encode_event(event, key, PLACE, origin, properties)

        assert bson.decode(encoded, AWARE) == document
        assert len(encoded) == len(bson.encode(document))
        assert summarize_facts([fact]) == summarize(PROJECT, [document])


_texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8)
_values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats() | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_texts, inner, max_size=3),
    max_leaves=8,
).filter(lambda value: value == value)
_names = st.sampled_from(["referrer", "utm_source", "utmMedium", "_id", "a"]) | _texts
_paths = (
    st.sampled_from(
        ["/", "/a?utm_source=x&utm_campaign=%C3%A9", "/a#UTM_Source=X", "/utm_?utm_medium"]
    )
    | _texts
)
_agents = st.none() | st.sampled_from(["", "curl/8", "Mozilla/5.0 (Android 14; Mobile) Firefox/1"])
_ips = st.none() | st.ip_addresses().map(str)
_policies = st.builds(
    Policy, st.sampled_from(["keep", "truncate", "drop"]), st.none() | st.integers(1, 3_650)
)


@settings(max_examples=100, deadline=None)
@given(
    st.fixed_dictionaries(
        {"path": _paths},
        optional={
            "event": _texts,
            "timestamp": st.datetimes(
                datetime(1970, 1, 2),  # noqa: DTZ001
                datetime(9000, 1, 1),  # noqa: DTZ001
                timezones=st.just(UTC),
            ).map(str),
            "userId": _texts,
            "sessionId": _texts,
            "ip": st.ip_addresses().map(str),
            "userAgent": _texts,
            "properties": st.dictionaries(_names, _values, max_size=4),
        },
    ),
    st.just(UUID) | _texts,
    st.builds(
        Origin,
        st.just(PROJECT),
        st.integers(0, 2**43),
        _policies,
        st.just(b"salt"),
    ),
    _ips,
    _agents,
)
def test_the_spliced_document_is_the_plain_one(
    fields: Document, event_id: str, origin: Origin, ip: str | None, user_agent: str | None
) -> None:
    try:
        event = decode_event(json.dumps(fields).encode())
    except InvalidEvent:
        return
    event.event_id = event_id
    event.ip = event.ip or ip
    event.user_agent = event.user_agent or user_agent

    check(event, origin)


def test_what_repeats_is_spliced_from_what_was_kept() -> None:
    event = make_event(userId="u", properties={"referrer": "//a.example"})

    for _ in range(2):
        check(event, ORIGIN)


@pytest.mark.parametrize(
    ("properties", "error"), [({"a\0b": 1}, BSONError), ({"a": 2**63}, OverflowError)]
)
def test_what_bson_cannot_hold_is_an_error_of_that_event(
    properties: dict[str, Any], error: type[Exception]
) -> None:
    event = make_event()
    event.properties = properties

    assert encode_properties([{"a": 1}, properties]) == [None, None]
    with pytest.raises(error):
        encode_event(event, event_key(PROJECT, UUID), PLACE, ORIGIN)


@settings(max_examples=50, deadline=None)
# Not `_id`: at the top of a document the encoder puts it first.
@given(
    st.lists(
        st.none() | st.dictionaries(_names.filter(lambda name: name != "_id"), _values, max_size=3),
        max_size=120,
    )
)
def test_properties_encoded_together_are_those_encoded_one_by_one(
    properties: list[dict[str, Any] | None],
) -> None:
    try:
        expected = [None if found is None else bson.encode(found) for found in properties]
    except BSONError:  # a NUL in a key
        expected = [None] * len(properties)

    assert encode_properties(properties) == expected


def test_what_is_kept_does_not_grow_without_end() -> None:
    kept: Kept[str, str] = Kept(str.upper, 10, longest=2)

    for number in (*range(100), *range(95, 105)):
        assert kept[f"{number:x}"] == f"{number:X}"
        assert len(kept) <= 10
    assert kept["long"] == "LONG"
    assert "long" not in kept


def test_the_country_is_that_of_the_whole_address(monkeypatch: pytest.MonkeyPatch) -> None:
    class Database:
        def get(self, ip: str) -> dict[str, Any] | None:
            return {"country": {"iso_code": "NZ"}} if ip == "203.0.113.9" else None

    monkeypatch.setattr(enrich, "_geoip", Database)

    encoded, fact = encode_event(make_event(), event_key(PROJECT, UUID), PLACE, ORIGIN)

    document = bson.decode(encoded, AWARE)
    assert (document["country"], document["ip"]) == ("NZ", "203.0.113.0")
    assert document["expiresAt"] == document["ingestedAt"] + timedelta(days=97)
    assert summarize_facts([fact]) == summarize(PROJECT, [document])
