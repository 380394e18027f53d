"""The fields that say more of an event than its path: which are taken, and which refused."""

from typing import Any

import msgspec
import pytest

from analytics.events.event import (
    MAX_HOSTNAME_CHARS,
    MAX_LANGUAGE_CHARS,
    MAX_LOST,
    MAX_SCREEN_CHARS,
    MAX_TITLE_CHARS,
    MAX_TITLE_SENT_CHARS,
    MAX_URL_CHARS,
    Event,
    decode_event,
    decode_events,
)
from analytics.events.invalid_event import InvalidEvent
from tests.conftest import Api

URL = "https://example.com/a"


def decode(fields: dict[str, Any]) -> Event:
    """Alone and among others, which is another way through the decoder."""
    raw = msgspec.json.encode(fields)
    event = decode_event(raw)
    assert decode_events([raw, raw]) == [event, event]
    return event


def test_an_event_needs_a_path_or_an_address() -> None:
    assert decode({"url": URL}).path is None
    assert decode({"path": "/b", "url": URL}).url == URL
    with pytest.raises(InvalidEvent) as refused:
        decode({"hostname": "example.com"})
    assert (refused.value.field, refused.value.code) == ("path", "missing_field")


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("url", "", "too_short"),
        ("url", "x" * (MAX_URL_CHARS + 1), "too_long"),
        ("url", 7, "wrong_type"),
        ("hostname", "", "too_short"),
        ("hostname", "x" * (MAX_HOSTNAME_CHARS + 1), "too_long"),
        ("hostname", "a\nb", "control_character"),
        ("referrer", "x" * (MAX_URL_CHARS + 1), "too_long"),
        ("title", "x" * (MAX_TITLE_SENT_CHARS + 1), "too_long"),
        ("title", ["a"], "wrong_type"),
        ("language", "x" * (MAX_LANGUAGE_CHARS + 1), "too_long"),
        ("language", "d\x00e", "control_character"),
        ("screen", "x" * (MAX_SCREEN_CHARS + 1), "too_long"),
        ("screen", "1\x7f", "control_character"),
        ("automation", "yes", "wrong_type"),
        ("automation", 1, "wrong_type"),
        ("lost", -1, "wrong_type"),
        ("lost", MAX_LOST + 1, "wrong_type"),
        ("lost", 1.5, "wrong_type"),
        ("sentAt", "yesterday", "bad_timestamp"),
        ("sentAt", "1969-12-31T23:59:59Z", "bad_timestamp"),
        ("sentAt", 1_700_000_000, "wrong_type"),
    ],
)
def test_what_is_out_of_its_bounds_is_refused_by_name(field: str, value: Any, code: str) -> None:
    with pytest.raises(InvalidEvent) as refused:
        decode({"path": "/a", field: value})

    assert refused.value.field == field
    assert refused.value.code == code


@pytest.mark.parametrize(
    "field",
    [
        "url", "hostname", "referrer", "title", "language", "screen", "automation", "lost",
        "sentAt",
    ],
)  # fmt: skip
def test_null_is_as_good_as_absent(field: str) -> None:
    assert decode({"path": "/a", field: None}) == decode({"path": "/a"})


def test_a_long_title_is_cut_and_an_empty_one_is_none() -> None:
    assert decode({"path": "/a", "title": "é" * (MAX_TITLE_CHARS + 1)}).title == "é" * 512
    assert decode({"path": "/a", "title": ""}).title is None


def test_an_event_with_an_address_alone_is_accepted(ingest: Api) -> None:
    assert ingest.post("/event", {"url": URL}).status_code == 202
    assert ingest.post("/events", [{"url": URL}, {"path": "/a"}]).json()["accepted"] == 2
