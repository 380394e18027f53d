"""What a project leaves out of what is sent, and what it lets its public keys send.

Anyone can read a public key in a page.
"""

from collections.abc import Collection
from typing import Any

import msgspec

from analytics.events.event import PAGEVIEW, Event, try_event
from analytics.events.invalid_event import InvalidEvent
from analytics.keys.excluded import is_address_excluded, is_page_excluded
from analytics.keys.records import Excluded, KeyRecord
from analytics.keys.refusals import IGNORED_FIELD, PROPERTY_LEFT_OUT
from ingestion.accept.judged import Judged
from ingestion.enrich.pages import read_page

_OURS = "$"  # names that begin with it always pass
_OF_THE_SENDER = ("ip", "userAgent")  # which a public key's request tells by itself

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def is_excluded(excluded: Excluded, event: Event, ip: str | None, *, public: bool) -> bool:
    """Whether the project leaves `event` out; `ip` is the address that it came from.

    By a secret key the event may name another. Pages have the spelling that is stored of them, and
    neither query nor fragment, whatever the project keeps.
    """
    if event.ip is not None and not public:
        ip = event.ip
    if is_address_excluded(excluded, ip):
        return True
    if not (excluded.paths or excluded.hostnames):
        return False
    page = read_page(event.url, event.path, event.hostname, tidy=True)
    return is_page_excluded(excluded, page.path, page.hostname)


def apply_page_rules(raw: bytes, event: Event, key: KeyRecord, judged: Judged) -> bytes:
    """What to append of an event by a public key; what is ignored and left out is counted.

    Raises InvalidEvent (`event_not_allowed`).
    """
    name = event.event
    if key.allowed_events and name != PAGEVIEW and not _passes(name, key.allowed_events):
        detail = "The project lets its public keys send no event of this name."
        raise InvalidEvent("event", "event_not_allowed", detail)
    if ignored := (event.ip is not None) + (event.user_agent is not None):
        judged.count(IGNORED_FIELD, ignored)
    if key.allowed_properties and event.properties:
        left_out = [name for name in event.properties if not _passes(name, key.allowed_properties)]
        if left_out:
            judged.count(PROPERTY_LEFT_OUT, len(left_out))
            return _leave_out(raw, left_out)
    return raw


def decode_without_sender(
    raw: bytes, refusal: InvalidEvent, judged: Judged
) -> tuple[bytes, Event | InvalidEvent]:
    """An event that was refused for what it says of its sender, which is ignored, without that.

    One that was refused for anything else is as it was.
    """
    if refusal.field not in _OF_THE_SENDER:
        return raw, refusal
    try:
        fields: dict[str, Any] = _decode_object(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return raw, refusal  # what follows in it is no JSON
    judged.count(IGNORED_FIELD, sum(fields.pop(name, None) is not None for name in _OF_THE_SENDER))
    raw = _encode(fields)
    return raw, try_event(raw)


def _passes(name: str, allowed: Collection[str]) -> bool:
    return name in allowed or name.startswith(_OURS)


def _leave_out(raw: bytes, names: Collection[str]) -> bytes:
    """The event without these properties; every other value in the sender's own bytes."""
    fields: dict[str, Any] = _decode_object(raw)
    properties = _decode_object(fields["properties"])
    for name in names:
        del properties[name]
    return _encode({**fields, "properties": properties})
