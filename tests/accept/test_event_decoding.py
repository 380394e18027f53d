"""`decode_event`: what passes can be stored and reported; what does not is named."""

import json
import math
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import bson
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events.addresses import parse_ip
from analytics.events.event import (
    FEW_EVENTS,
    Event,
    check_age,
    decode_event,
    decode_events,
    judge_event,
    parse_timestamp,
)
from analytics.events.invalid_event import InvalidEvent


def encode(**fields: Any) -> bytes:
    return json.dumps({"path": "/a", **fields}).encode()


def refusal(raw: bytes) -> tuple[str | None, str]:
    """The field and code with which `raw` is refused."""
    with pytest.raises(InvalidEvent) as refused:
        decode_event(raw)
    assert refused.value.detail
    return refused.value.field, refused.value.code


def nest(levels: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(levels):
        value = {"a": value}
    return dict(value)


def test_a_path_alone_is_an_event() -> None:
    event = decode_event(b'{"path": "/home"}')

    assert (event.path, event.event) == ("/home", "pageview")
    rest = (event.event_id, event.timestamp, event.user_id, event.session_id, event.ip)
    assert {*rest, event.user_agent} == {None}
    assert event.properties is None


def test_null_is_as_good_as_absent() -> None:
    optional = ("event", "eventId", "timestamp", "userId", "sessionId", "ip", "userAgent")
    nulls = dict.fromkeys((*optional, "properties"))

    assert decode_event(encode(**nulls)) == decode_event(encode())


@pytest.mark.parametrize(
    ("raw", "field", "code"),
    [
        (b"", None, "invalid_json"),
        (b"{", None, "invalid_json"),
        (b'{"path":"/a"}{"path":"/b"}', None, "invalid_json"),
        (b"{'path':'/a'}", None, "invalid_json"),
        (b'{"path":"/a\nb"}', None, "invalid_json"),
        (b'{"path":"/a\xff"}', None, "invalid_json"),
        (b'{"path":"/\xed\xa0\x80"}', None, "invalid_json"),
        (b'{"path":"/a","userId":"\\ud800"}', None, "invalid_json"),
        (b'{"path":"/a","properties":{"\\udfff":1}}', None, "invalid_json"),
        (b'\xef\xbb\xbf{"path":"/a"}', None, "invalid_json"),
        (b'{"path":"/a","properties":{"n":NaN}}', None, "invalid_json"),
        (b'{"path":"/a","properties":{"n":-Infinity}}', None, "invalid_json"),
        (b'{"path":"/a","properties":{"n":0x10}}', None, "invalid_json"),
        (b"1", None, "wrong_type"),
        (b"null", None, "wrong_type"),
        (b'"/a"', None, "wrong_type"),
        (b"[]", None, "wrong_type"),
        (b"{}", "path", "missing_field"),
        (b'{"path":null}', "path", "missing_field"),
        (b'{"path":["/a"]}', "path", "wrong_type"),
        (b'{"path":{"$gt":""}}', "path", "wrong_type"),
        (b'{"path":""}', "path", "too_short"),
        (encode(pth="/a"), "pth", "unknown_field"),
        (encode(**{"$set": {}}), "$set", "unknown_field"),
        (encode(**{"a` - at `$.b`": 1}), "a` - at `$.b`", "unknown_field"),
        (encode(user_id="u"), "user_id", "unknown_field"),
        (encode(event=""), "event", "too_short"),
        (encode(eventId=""), "eventId", "too_short"),
        (encode(eventId={"$ne": None}), "eventId", "wrong_type"),
        (encode(userId=12345), "userId", "wrong_type"),
        (encode(userId=""), "userId", "too_short"),
        (encode(timestamp=1767225600000), "timestamp", "wrong_type"),
        (encode(ip="999.1.1.1"), "ip", "bad_ip"),
        (encode(ip="169.254.169.254.evil.example"), "ip", "bad_ip"),
        (encode(ip=""), "ip", "bad_ip"),
        (encode(ip="fe80::1%eth0"), "ip", "bad_ip"),
        (encode(ip="1.2.3.4\0"), "ip", "bad_ip"),
        (encode(properties=[1]), "properties", "wrong_type"),
        (encode(properties="x"), "properties", "wrong_type"),
        (encode(properties={"a": {"b\0": 1}}), "properties", "bad_property_name"),
        (encode(properties=nest(33)), "properties", "too_deep"),
        (encode(properties={"a": [[[nest(30)]]]}), "properties", "too_deep"),
        (encode(properties={"n": 2**63}), "properties", "number_out_of_range"),
        (encode(properties={"n": -(2**63) - 1}), "properties", "number_out_of_range"),
        (encode(properties={"n": [10**30]}), "properties", "number_out_of_range"),
        (b'{"path":"/a","properties":{"n":1e999}}', "properties", "number_out_of_range"),
        (
            b'{"path":"/a","properties":{"n":' + b"9" * 5_000 + b"}}",
            "properties",
            "number_out_of_range",
        ),
    ],
)
def test_what_cannot_be_stored_is_refused_by_name(raw: bytes, field: str | None, code: str) -> None:
    assert refusal(raw) == (field, code)


@pytest.mark.parametrize("field", ["event", "eventId", "userId", "sessionId"])
@pytest.mark.parametrize("character", ["\0", "\n", "\x1b", "\x7f", "\x85"])
def test_an_id_with_a_control_character_is_refused(field: str, character: str) -> None:
    assert refusal(encode(**{field: f"a{character}b"})) == (field, "control_character")


@pytest.mark.parametrize(
    ("field", "limit_chars"),
    [("path", 2_047), ("event", 128), ("eventId", 128), ("userId", 256), ("sessionId", 256)],
)
@pytest.mark.parametrize("character", ["x", "\N{GRINNING FACE}"])
def test_a_limit_counts_characters_whatever_their_bytes(
    field: str, limit_chars: int, character: str
) -> None:
    decode_event(encode(**{field: character * limit_chars}))

    assert refusal(encode(**{field: character * (limit_chars + 1)})) == (field, "too_long")


def test_a_user_agent_is_cut_unless_it_is_longer_than_a_header_can_be() -> None:
    assert decode_event(encode(userAgent="x" * 8_192)).user_agent == "x" * 1_024
    assert refusal(encode(userAgent="x" * 8_193)) == ("userAgent", "too_long")


def test_properties_hold_4096_bytes_of_compact_json() -> None:
    empty = len(b'{"s":""}')
    largest = {"s": "x" * (4_096 - empty)}
    assert decode_event(encode(properties=largest)).properties == largest

    too_large = {"s": "x" * (4_097 - empty)}
    assert refusal(encode(properties=too_large)) == ("properties", "properties_too_large")


def test_blanks_and_escapes_do_not_count_towards_the_size_of_properties() -> None:
    properties = {"s": "é" * 2_000}
    spaced = json.dumps({"path": "/a", "properties": properties}, indent=8).encode()

    assert len(spaced) > 12_000
    assert decode_event(spaced).properties == properties


def test_properties_may_be_32_levels_deep() -> None:
    assert decode_event(encode(properties=nest(32))).properties == nest(32)


@pytest.mark.parametrize("levels", [1_000, 6_000, 30_000])
def test_deep_nesting_fails_fast(levels: int) -> None:
    unclosed = b'{"path":"/a","properties":' + b'{"a":' * levels
    closed = unclosed + b"1" + b"}" * (levels + 1)

    assert refusal(closed)[1] == "too_deep"
    assert refusal(unclosed)[1] in ("too_deep", "invalid_json")


def test_the_last_of_two_fields_of_one_name_counts() -> None:
    assert decode_event(b'{"path":"/a","path":"/b"}').path == "/b"


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2025-11-14T09:00:00.000Z", "2025-11-14T09:00:00+00:00"),
        ("2025-11-14T09:00:00", "2025-11-14T09:00:00+00:00"),
        ("2025-11-14 09:00:00+02:00", "2025-11-14T07:00:00+00:00"),
        ("2025-11-14", "2025-11-14T00:00:00+00:00"),
        ("2026-01-01T00:00:00.123999Z", "2026-01-01T00:00:00.123000+00:00"),
        ("2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00.123000+00:00"),
        ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00+00:00"),
    ],
)
def test_a_timestamp_becomes_utc_in_milliseconds(text: str, moment: str) -> None:
    assert parse_timestamp(text).isoformat() == moment


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "NaN",
        "1767225600000",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+14:00",
        "9999-12-31T23:59:59-12:00",
        "-000044-03-15T00:00:00Z",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+00:01",
        "2026-02-30T00:00:00Z",
        "2026-01-01T00:00:00+25:00",
        "٢٠٢٦-01-01",
        "20251114T090000Z",
        "2025-W46-5",
        "2025-11-14x09:00:00Z",
    ],
)
def test_what_is_no_moment_since_1970_is_refused(text: str) -> None:
    assert refusal(encode(timestamp=text)) == ("timestamp", "bad_timestamp")


def test_a_timestamp_of_many_digits_is_refused_by_its_length() -> None:
    assert refusal(encode(timestamp="2026-01-01T00:00:00." + "0" * 10_000)) == (
        "timestamp",
        "too_long",
    )


NOW = datetime(2026, 1, 10, tzinfo=UTC)


@pytest.mark.parametrize(
    ("age", "retention_days", "code"),
    [
        (-timedelta(hours=24), None, None),
        (-timedelta(hours=24, milliseconds=1), None, "timestamp_in_future"),
        (timedelta(days=10_000), None, None),
        (timedelta(days=2), 2, None),
        (timedelta(days=2, milliseconds=1), 2, "timestamp_too_old"),
    ],
)
def test_a_timestamp_must_lie_between_the_retention_and_tomorrow(
    age: timedelta, retention_days: int | None, code: str | None
) -> None:
    if code is None:
        check_age(NOW - age, NOW, retention_days)
        return
    with pytest.raises(InvalidEvent) as refused:
        check_age(NOW - age, NOW, retention_days)
    assert (refused.value.field, refused.value.code) == ("timestamp", code)


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("203.0.113.42", "203.0.113.42"),
        ("::ffff:203.0.113.42", "203.0.113.42"),
        ("2001:DB8:0:0:0:0:0:1", "2001:db8::1"),
        ("::1", "::1"),
    ],
)
def test_an_address_gets_its_usual_spelling(text: str, address: str) -> None:
    assert parse_ip(text) == address


def build_events(
    texts: st.SearchStrategy[str], scalars: st.SearchStrategy[Any]
) -> st.SearchStrategy[dict[str, Any]]:
    values = st.recursive(
        scalars | texts,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
        max_leaves=12,
    )
    zones: Any = st.none() | st.just(UTC) | st.timezones()
    moments = st.datetimes(datetime(1970, 1, 2), timezones=zones)  # noqa: DTZ001
    return st.fixed_dictionaries(
        {"path": texts},
        optional={
            "event": texts,
            "eventId": texts,
            "timestamp": moments.map(str),
            "userId": texts,
            "ip": st.ip_addresses().map(str),
            "userAgent": texts,
            "properties": st.dictionaries(texts, values, max_size=4),
        },
    )


# Mostly judged by the decoder alone; mostly fit to be stored; and all that JSON can say, also what
# BSON cannot hold.
_ascii = build_events(
    st.text(st.characters(min_codepoint=32, max_codepoint=127), max_size=6),
    st.none() | st.booleans() | st.integers() | st.floats(allow_infinity=False),
)
_plain = build_events(
    st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=8),
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_infinity=False),
)
_nasty = build_events(
    st.text(st.characters(codec=None), max_size=8) | st.text("\0\n\x7f\ud800 a$.", max_size=4),
    st.integers() | st.sampled_from([2**63, -(2**63) - 1, 2**64, math.inf, math.nan]),
)


@settings(max_examples=100)
@given(_plain | _nasty, st.booleans())
def test_whatever_is_accepted_survives_bson_and_json(fields: Any, ascii_only: bool) -> None:
    raw = json.dumps(fields, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    try:
        event = decode_event(raw)
    except InvalidEvent:
        return

    assert_storable(event)


def judge(decode: Callable[[bytes], Event], raw: bytes) -> tuple[Any, ...]:
    try:
        return msgspec.structs.astuple(decode(raw))
    except InvalidEvent as refused:
        return refused.field, refused.code, refused.detail


@settings(max_examples=100)
@given(_ascii | _plain | _nasty, st.booleans(), st.binary(max_size=3), st.integers(0, 200))
def test_the_short_way_judges_as_the_long_one(
    fields: Any, ascii_only: bool, noise: bytes, at: int
) -> None:
    raw = json.dumps(fields, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")
    for sent in (raw, raw[:at] + noise + raw[at + len(noise) :]):
        assert judge(decode_event, sent) == judge(judge_event, sent)


_sent = st.builds(
    lambda fields, ascii_only: json.dumps(fields, ensure_ascii=ascii_only).encode(
        "utf-8", "surrogatepass"
    ),
    _ascii | _plain | _nasty,
    st.booleans(),
)
_broken = st.sampled_from([
    b"", b" ", b"\n", b'{"path":"/a"', b',"userId":"u"}', b'{"path":"/a"},{"path":"/b"}', b"{}",
    b'{"path":"/a"} {"path":"/b"}', b'{"path":"/a"}\n{"path":"/b"}', b'\n{"path":"/a"}', b"null",
    b'{"path":"/a","properties":{}', b'{"path":"/a","properties":', b'{}}',
    b'{"path":"/a","timestamp":"never"}', b'{"path":"/a","ip":"1.2.3"}', b'{"path":', b'"/a"}',
])  # fmt: skip


@pytest.mark.slow
@settings(max_examples=400)
@given(
    st.lists(_sent, max_size=5)
    | st.lists(_sent | _broken, max_size=5)
    | st.lists(_broken)
    | st.lists(st.just(b'{"path":"/a"}') | _broken, min_size=FEW_EVENTS, max_size=3 * FEW_EVENTS)
)
def test_many_are_judged_as_each_alone(raws: list[bytes]) -> None:
    together = [
        (event.field, event.code, event.detail)
        if isinstance(event, InvalidEvent)
        else msgspec.structs.astuple(event)
        for event in decode_events(raws)
    ]

    assert together == [judge(decode_event, raw) for raw in raws]


def test_one_that_is_not_plain_leaves_the_events_of_a_batch_as_they_are() -> None:
    raws = [b'{"path":"/%d"}' % number for number in range(100)]
    raws[7], raws[60] = b'{"path":"/7","title":"\xc3\xa9"}', b'{"path":'

    events = decode_events(raws)

    assert isinstance(refused := events.pop(60), InvalidEvent)
    assert refused.code == "invalid_json"
    found = [event.path for event in events if not isinstance(event, InvalidEvent)]
    assert found == [f"/{number}" for number in range(100) if number != 60]


@settings(max_examples=100)
@given(st.binary(max_size=60) | st.text(max_size=40).map(str.encode))
def test_any_bytes_are_decoded_or_refused(noise: bytes) -> None:
    for raw in (noise, b'{"path":"/a","properties":{"a":' + noise + b"}}"):
        try:
            event = decode_event(raw)
        except InvalidEvent as refused:
            msgspec.json.encode(refused.as_error())
            continue
        assert_storable(event)


def assert_storable(event: Event) -> None:
    document = {name: getattr(event, name) for name in event.__struct_fields__}
    assert bson.decode(bson.encode(document), _AWARE) == document
    if event.properties is not None:
        assert all(map(math.isfinite, _floats_of(event.properties)))
        assert json.loads(msgspec.json.encode(event.properties)) == event.properties
        # The stream carries the sender's bytes, but a dead letter may be written anew.
        assert decode_event(encode(properties=event.properties)).properties == event.properties


_AWARE: bson.CodecOptions[dict[str, Any]] = bson.CodecOptions(tz_aware=True, tzinfo=UTC)


def _floats_of(value: Any) -> list[float]:
    if isinstance(value, float):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [number for item in value for number in _floats_of(item)]
    return []
