"""The stored document of an event, spliced, is what `bson.encode` makes of it field by field."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions
from bson.errors import BSONError
from bson.int64 import Int64
from django.conf import LazySettings
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from analytics.bounded_cache import Kept
from analytics.databases.mongo import Document
from analytics.events.entry import Part
from analytics.events.event import Event, decode_event
from analytics.events.ids import EntryId, datetime_of_ms, event_key, make_place, public_event_key
from analytics.events.invalid_event import InvalidEvent
from analytics.projects.horizon import expiry
from analytics.projects.policy import Policy
from analytics.rollups import summarize, summarize_facts
from ingestion.enrich import countries as enrich
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.enrich.bots import is_spam, judge_user_agent
from ingestion.enrich.campaigns import find_campaign
from ingestion.enrich.countries import NOWHERE, find_location
from ingestion.enrich.pages import read_page
from ingestion.enrich.referrers import referrer_host
from ingestion.enrich.traffic import find_traffic, is_own_host
from ingestion.enrich.user_agents import parse_user_agent
from ingestion.enrich.visitors import hash_visitor
from ingestion.store.document import encode_event, encode_properties
from ingestion.store.origins import Origin

AWARE: CodecOptions[Document] = CodecOptions(tz_aware=True, tzinfo=UTC)
PROJECT = b"project1"
PLACE = make_place(EntryId(1_700_000_000_123, 4), 2)
ORIGIN = Origin(PROJECT, 1_700_000_000_123, Policy("truncate", 90), b"salt")
PART = Part(PROJECT, "203.0.113.9", "Firefox/120.0", [])
UUID = "0190163d-8694-739b-aea5-966c26f8ad91"


def make_event(**fields: Any) -> Event:
    event = decode_event(json.dumps({"path": "/a", **fields}).encode())
    event.event_id = event.event_id or UUID
    return event


def make_part(**fields: Any) -> Part:
    return Part(PROJECT, "203.0.113.9", "Mozilla/5.0 Firefox/120.0", [], None, **fields)


def make_document(event: Event, part: Part, origin: Origin) -> Document:
    """The document of docs/data-model.md, one field after the other."""
    ingested_at, policy = datetime_of_ms(origin.ingested_ms), origin.policy
    timestamp = event.timestamp or ingested_at
    event_id = event.event_id or ""
    ip = part.client_ip if part.public else event.ip or part.client_ip
    sent = None if part.public else event.user_agent
    user_agent = part.client_user_agent if sent is None else sent
    is_judged = sent is not None or part.from_page
    unfollowed = part.do_not_track and policy.honours_do_not_track
    agent = parse_user_agent(user_agent) if user_agent and is_judged else None
    location = find_location(ip) if ip else NOWHERE
    page = read_page(event.url, event.path, event.hostname, tidy=policy.tidies_addresses)
    properties = event.properties or {}
    referrer = event.referrer
    if referrer is None and isinstance(properties.get("referrer"), str):
        referrer = properties["referrer"]
    host = referrer_host(referrer) if referrer else None
    bots = [
        judge_user_agent(user_agent) if is_judged else None,
        "referrer spam" if is_spam(host) else None,
        "automation" if event.automation else None,
        "other hostname" if is_foreign(page.hostname, policy.hostnames) else None,
    ]
    if host and is_own_host(host, {*policy.hostnames, page.hostname or ""}):
        host = None
    campaign = find_campaign(page.campaign, properties)
    traffic = find_traffic(host, campaign, page.click_id)
    user_id = None if unfollowed else event.user_id
    anonymous = hash_visitor(PROJECT, None, ip, user_agent, origin.salt)
    optional = {
        "eventId": None if event_id == UUID and not part.public else event_id,
        "visitor": None if unfollowed else hash_visitor(PROJECT, user_id, ip, user_agent, b"salt"),
        "anonymous": anonymous if part.public and not unfollowed else None,
        "userId": user_id,
        "sessionId": None if unfollowed else event.session_id,
        "ip": None if unfollowed else apply_ip_rule(policy.ip_rule, ip),
        "country": location.country,
        "region": location.region,
        "city": location.city,
        "userAgent": None if unfollowed else user_agent or None,
        "browser": agent and agent.browser,
        "os": agent and agent.os,
        "device": agent and agent.device,
        "browserVersion": None if unfollowed else agent and agent.browser_version,
        "osVersion": None if unfollowed else agent and agent.os_version,
        "title": event.title,
        "language": event.language,
        "screen": event.screen,
        "properties": event.properties,
        "expiresAt": expiry(timestamp, ingested_at, policy.retention_days),
        "hostname": page.hostname,
        "referrer": host,
        "referrerUrl": event.referrer[:2_048] if event.referrer else None,
        "source": traffic.source,
        "channel": traffic.channel,
        "clickId": page.click_id,
        "bot": next((bot for bot in bots if bot), None),
        "skewMs": Int64(part.skew_ms) if part.skew_ms else None,
        **{f"utm{name.title()}": value for name, value in campaign._asdict().items()},
    }
    make_key = public_event_key if part.public else event_key
    return {
        "_id": make_key(PROJECT, event_id),
        "v": 2,
        "project": PROJECT,
        "timestamp": timestamp,
        "ingestedAt": ingested_at,
        "path": page.path,
        "event": event.event,
        "place": PLACE,
    } | {name: value for name, value in optional.items() if value is not None}


def is_foreign(hostname: str | None, own: frozenset[str]) -> bool:
    return bool(own and hostname) and not is_own_host(str(hostname), own)


def check(event: Event, part: Part, origin: Origin) -> None:
    document = make_document(event, part, origin)
    # A neighbour, so that its properties must be found among others.
    for [*_, properties] in ([None], encode_properties([{"a": 1}, None, event.properties])):
        encoded, fact = encode_event(event, document["_id"], PLACE, origin, part, properties)

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
_agents = st.none() | st.sampled_from(
    ["curl/8", "Mozilla/5.0 (Android 14; Mobile) Firefox/1", "Mozilla/5.0 (compatible; GPTBot/1.2)"]
)
_ips = st.none() | st.ip_addresses().map(str)
_hosts = st.sampled_from(["example.com", "www.example.com", "Shop.Example:8080"]) | _texts
_policies = st.builds(
    Policy,
    st.sampled_from(["keep", "truncate", "drop"]),
    st.none() | st.integers(1, 3_650),
    tidies_addresses=st.booleans(),
    honours_do_not_track=st.booleans(),
    hostnames=st.sampled_from([frozenset(), frozenset(["example.com"])]),
)
_parts = st.builds(
    Part,
    st.just(PROJECT),
    _ips,
    _agents,
    st.just([]),
    st.none(),
    st.booleans(),
    st.booleans(),
    st.booleans(),
    st.sampled_from([0, 0, 90_000, -2_000]),
)
_referrers = st.sampled_from(
    ["https://www.google.com/", "https://example.com/b", "android-app://com.slack", "/x", ""]
)


@hypothesis_settings(max_examples=100)
@given(
    st.fixed_dictionaries(
        {"path": _paths},
        optional={
            "url": st.sampled_from(["https://example.com/a?gclid=1&utm_term=x#y", "//b/", "x"]),
            "hostname": _hosts,
            "referrer": _referrers,
            "title": _texts,
            "language": _texts,
            "screen": st.just("1920x1080"),
            "automation": st.booleans(),
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
    _parts,
)
def test_the_spliced_document_is_the_plain_one(
    fields: Document, event_id: str, origin: Origin, part: Part
) -> None:
    try:
        event = decode_event(json.dumps(fields).encode())
    except InvalidEvent:
        return
    event.event_id = event_id

    check(event, part, origin)


def test_what_repeats_is_spliced_from_what_was_kept() -> None:
    event = make_event(userId="u", properties={"referrer": "//a.example"})

    for _ in range(2):
        check(event, make_part(public=True), ORIGIN)


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
        encode_event(event, event_key(PROJECT, UUID), PLACE, ORIGIN, PART)


@hypothesis_settings(max_examples=50)
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


def test_the_country_is_that_of_the_whole_address(
    monkeypatch: pytest.MonkeyPatch, settings: LazySettings
) -> None:
    class Database:
        def get(self, ip: str) -> dict[str, Any] | None:
            return {"country": {"iso_code": "NZ"}} if ip == "203.0.113.9" else None

    settings.GEOIP_PATH = "any"
    monkeypatch.setattr(enrich, "_geoip", Database)

    encoded, fact = encode_event(make_event(), event_key(PROJECT, UUID), PLACE, ORIGIN, PART)

    document = bson.decode(encoded, AWARE)
    assert (document["country"], document["ip"]) == ("NZ", "203.0.113.0")
    assert document["expiresAt"] == document["ingestedAt"] + timedelta(days=97)
    assert summarize_facts([fact]) == summarize(PROJECT, [document])
