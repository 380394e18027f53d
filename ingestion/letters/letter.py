"""A dead letter: its states, what is shown of it, and what a replay sends."""

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from analytics.events.event import MAX_EVENT_BODY_BYTES, check_age, decode_event
from analytics.events.imported import decode_imported
from analytics.events.invalid_event import InvalidEvent
from ingestion.enrich.addresses import apply_ip_rule

DEAD, REPLAYED, DISCARDED, ERASED = STATES = ("dead", "replayed", "discarded", "erased")

# However it is spelled: JSON may escape any letter.
_IP_FIELD = re.compile(r'("(?:i|\\u0069)(?:p|\\u0070)"\s*:\s*)("(?:[^"\\]|\\.)*")')


def show_payload(payload: bytes, ip_rule: str) -> str:
    """The payload as text, with the addresses in it as the project may keep them.

    Bytes that are no UTF-8 are shown as escapes.
    """
    text = payload.decode("utf-8", "backslashreplace")
    if ip_rule == "keep":
        return text

    def keep_by_rule(match: re.Match[str]) -> str:
        try:
            kept = apply_ip_rule(ip_rule, json.loads(match[2]))
        except (OSError, ValueError):
            kept = None
        return match[1] + json.dumps(kept or None)

    return _IP_FIELD.sub(keep_by_rule, text)


def date_payload(payload: bytes, accepted_at: datetime) -> bytes:
    """`payload` with the moment of its acceptance as timestamp, where it has none of its own."""
    try:
        event = msgspec.json.decode(payload)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return payload
    if not isinstance(event, dict) or event.get("timestamp") is not None:
        return payload
    timestamp = accepted_at.astimezone(UTC).isoformat(timespec="milliseconds")
    if "timestamp" in event:
        return msgspec.json.encode({**event, "timestamp": timestamp})
    head, _, rest = payload.partition(b"{")
    comma = b"," if event else b""
    return b'%s{"timestamp":"%s"%s%s' % (head, timestamp.encode(), comma, rest)


def judge_edit(payload: bytes, letter: Mapping[str, object]) -> None:
    """Raises InvalidEvent for a payload that would be buried again, or be another event."""
    if len(payload) > MAX_EVENT_BODY_BYTES:
        detail = f"The event is over {MAX_EVENT_BODY_BYTES:,} bytes."
        raise InvalidEvent(None, "event_too_large", detail)
    if letter.get("imported"):  # whose id is not in its payload
        decode_imported(payload)
        return
    event = decode_event(payload)
    if event.timestamp is not None:  # it may be as old as it likes
        check_age(event.timestamp, datetime.now(UTC), None)
    if event.event_id not in (None, letter["eventId"]):
        detail = f"The letter's eventId is {letter['eventId']!r}, and it keeps it."
        raise InvalidEvent("eventId", "other_event", detail)
