"""Amplitude's clients: docs/receivers/amplitude.md."""

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from analytics.events import event as limits
from analytics.keys.records import KeyRecord
from analytics.web.problems import Problem, Unauthorized
from ingestion.accept.reply import Reply
from ingestion.receivers.batches import Items, read_items
from ingestion.receivers.bodies import decode_envelope
from ingestion.receivers.envelope import Call, Envelope, Native, Refused, Taken
from ingestion.receivers.fields import as_event_id, as_object, as_text, cut, if_short
from ingestion.receivers.receiver import Receiver

_NAMES = {"[Amplitude] Page Viewed": limits.PAGEVIEW, "$groupidentify": "$group"}
_URL, _PATH, _TITLE = "[Amplitude] Page URL", "[Amplitude] Page Path", "[Amplitude] Page Title"
_DOMAIN, _LOCATION = "[Amplitude] Page Domain", "[Amplitude] Page Location"
_OF_THE_PAGE = frozenset((_URL, _PATH, _TITLE, _DOMAIN, _LOCATION, "referrer"))
_SENDER = "$remote"  # in the place of an address: the sender's own
# Beside its properties, what an event may tell that ours have no field for.
_KEPT = ("user_properties", "groups", "group_properties", "price", "quantity", "revenue",
         "currency", "productId", "app_version", "platform")  # fmt: skip
_NO_SESSION = -1


class _Head(msgspec.Struct):
    events: msgspec.Raw
    api_key: Any = None
    client_upload_time: Any = None


class Parsed(NamedTuple):
    head: _Head
    items: Items


_decode = msgspec.json.Decoder(_Head).decode


class Amplitude(Receiver[Parsed]):
    name = "amplitude"
    title = "Amplitude"
    paths = ("/2/httpapi",)
    key_place = "the API key: api_key in the body"

    def read(self, call: Call) -> Parsed:
        head = decode_envelope(_decode, call.body, 'an object with "events"')
        return Parsed(head, read_items(bytes(head.events), '"events" that are an array'))

    def list_keys(self, parsed: Parsed) -> Sequence[str]:
        return [text] if (text := as_text(parsed.head.api_key)) else []

    def translate(self, parsed: Parsed, call: Call, key: KeyRecord) -> Envelope:
        events = [
            item if isinstance(item, Refused) else translate_event(item, public=key.public)
            for item in parsed.items.found
        ]
        sent_at = as_text(parsed.head.client_upload_time)
        return Envelope(events, sent_at, parsed.items.list_sources)

    def answer(self, taken: Taken, call: Call) -> Reply:
        told = {
            "code": 200,
            "events_ingested": taken.accepted,
            "payload_size_bytes": len(call.body),
            "server_upload_time": int(time.time() * 1_000),
        }
        return Reply(200, told, {})

    def explain(self, problem: Problem) -> Mapping[str, object]:
        """Its clients look at a `code` that is the status, and know a bad key by its words."""
        error = problem.detail
        if isinstance(problem, Unauthorized):
            error = f"Invalid API key: {error}"
        return {"code": problem.status, "reason": problem.code, "error": error}


def translate_event(event: dict[str, Any], *, public: bool) -> Native | Refused:
    name = as_text(event.get("event_type"))
    if name is None:
        return Refused("missing_field", "event_type is required.")
    given = as_object(event.get("event_properties"))
    properties = {key: value for key, value in given.items() if key not in _OF_THE_PAGE}
    for kept in _KEPT:
        if event.get(kept) not in (None, {}):
            properties.setdefault(kept, event[kept])
    session, ip = event.get("session_id"), as_text(event.get("ip"))
    native: dict[str, Any] = {
        "eventId": as_event_id(event.get("insert_id")),
        "event": _NAMES.get(name, name),
        "timestamp": _read_ms(event.get("time")),
        "userId": as_text(event.get("user_id")) or as_text(event.get("device_id")),
        "sessionId": None if session == _NO_SESSION else as_text(session),
        "ip": None if ip == _SENDER else ip,
        "referrer": if_short(given.get("referrer"), limits.MAX_URL_CHARS),
        "title": cut(given.get(_TITLE), limits.MAX_TITLE_CHARS),
        "language": if_short(event.get("language"), limits.MAX_LANGUAGE_CHARS),
        "properties": properties or None,
    }
    if not public:
        native["userAgent"] = cut(event.get("user_agent"), limits.MAX_USER_AGENT_CHARS)
    if url := as_text(given.get(_URL)) or as_text(given.get(_LOCATION)):
        native["url"] = cut(url, limits.MAX_URL_CHARS)
    else:
        own_path = as_text(given.get(_PATH)) or f"/_event/{native['event']}"
        native["path"] = cut(own_path, limits.MAX_PATH_CHARS)
        native["hostname"] = if_short(given.get(_DOMAIN), limits.MAX_HOSTNAME_CHARS)
    return native


def _read_ms(value: Any) -> str | None:
    """Milliseconds since 1970."""
    if value is None:
        return None
    try:
        return datetime.fromtimestamp(float(value) / 1_000, UTC).isoformat(timespec="milliseconds")
    except (TypeError, ValueError, OverflowError, OSError):
        return "not a moment"
