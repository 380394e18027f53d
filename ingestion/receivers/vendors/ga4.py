"""GA4's Measurement Protocol: docs/receivers/ga4.md."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

import msgspec

from analytics.events import event as limits
from analytics.keys.records import KeyRecord
from ingestion.accept.reply import Reply
from ingestion.receivers.batches import Items, read_items
from ingestion.receivers.bodies import decode_envelope
from ingestion.receivers.envelope import Call, Envelope, Native, Refused, Taken
from ingestion.receivers.fields import as_number, as_object, as_text, cut, if_short
from ingestion.receivers.receiver import Receiver
from ingestion.receivers.vendors.pictures import answer_picture

_NAMES = {"page_view": limits.PAGEVIEW, "screen_view": limits.PAGEVIEW}
_ENGAGEMENT = "user_engagement"
# Of an event's parameters, what has a field of its own or tells of the client alone.
_OWN = frozenset({
    "page_location", "page_referrer", "page_title", "language", "screen_resolution", "session_id",
    "engagement_time_msec", "debug_mode", "screen_name",
})  # fmt: skip


class _Head(msgspec.Struct):
    events: msgspec.Raw
    client_id: Any = None
    app_instance_id: Any = None
    user_id: Any = None
    timestamp_micros: Any = None
    user_properties: Any = None
    ip_override: Any = None
    user_agent: Any = None


class Parsed(NamedTuple):
    head: _Head
    items: Items
    secrets: Sequence[str]


_decode = msgspec.json.Decoder(_Head).decode


class Ga4(Receiver[Parsed]):
    name = "ga4"
    title = "GA4 (Measurement Protocol)"
    paths = ("/mp/collect",)
    key_place = "a public key as api_secret in the address, or Authorization: Bearer"

    def read(self, call: Call) -> Parsed:
        head = decode_envelope(_decode, call.body, 'an object with "events"')
        items = read_items(bytes(head.events), '"events" that are an array')
        secrets = [text for name, text in parse_qsl(call.query) if name == "api_secret"]
        return Parsed(head, items, secrets)

    def list_keys(self, parsed: Parsed) -> Sequence[str]:
        return parsed.secrets

    def translate(self, parsed: Parsed, call: Call, key: KeyRecord) -> Envelope:
        common = _read_common(parsed.head)
        events = [
            item if isinstance(item, Refused) else translate_event(item, common)
            for item in parsed.items.found
        ]
        return Envelope(events, sources=parsed.items.list_sources)

    def answer(self, taken: Taken, call: Call) -> Reply:
        return answer_picture(empty=True)


def _read_common(head: _Head) -> dict[str, Any]:
    """What a request says of all its events."""
    return {
        "timestamp": _read_micros(head.timestamp_micros),
        "userId": as_text(head.user_id) or as_text(head.client_id) or as_text(head.app_instance_id),
        "ip": as_text(head.ip_override),
        "userAgent": cut(head.user_agent, limits.MAX_USER_AGENT_CHARS),
        "properties": {
            name: value["value"]
            for name, value in as_object(head.user_properties).items()
            if isinstance(value, dict) and value.get("value") is not None
        },
    }


def translate_event(event: dict[str, Any], common: dict[str, Any]) -> Native | Refused:
    name = as_text(event.get("name"))
    if name is None:
        return Refused("missing_field", "name is required.")
    given = as_object(event.get("params"))
    properties = {key: value for key, value in given.items() if key not in _OWN}
    if of_user := common["properties"]:
        properties["user_properties"] = of_user
    native: dict[str, Any] = {
        **common,
        "event": _NAMES.get(name, name),
        "sessionId": as_text(given.get("session_id")),
        "referrer": if_short(given.get("page_referrer"), limits.MAX_URL_CHARS),
        "title": cut(given.get("page_title"), limits.MAX_TITLE_CHARS),
        "language": if_short(given.get("language"), limits.MAX_LANGUAGE_CHARS),
        "screen": if_short(given.get("screen_resolution"), limits.MAX_SCREEN_CHARS),
    }
    if moment := _read_micros(event.get("timestamp_micros")):
        native["timestamp"] = moment
    if name == _ENGAGEMENT:
        native["event"] = "$engagement"
        if (ms := as_number(given.get("engagement_time_msec"))) is not None:
            properties["seconds"] = ms / 1_000
    native["properties"] = properties or None
    screen = as_text(given.get("screen_name"))
    if url := as_text(given.get("page_location")):
        native["url"] = cut(url, limits.MAX_URL_CHARS)
    else:
        own_path = f"/{screen}" if screen else f"/_event/{native['event']}"
        native["path"] = cut(own_path, limits.MAX_PATH_CHARS)
    return native


def _read_micros(value: Any) -> str | None:
    """Microseconds since 1970, as a number or its text."""
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(int(value) / 1e6, UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return as_text(value) or "not a number"
