"""Events that a release before this one accepted, and that still wait in the stream."""

from datetime import UTC, datetime

import msgspec

from analytics.events.event import Event, check_epoch, decode_event
from analytics.events.invalid_event import InvalidEvent
from analytics.events.moments import cut_to_ms


def decode_older_event(raw: bytes) -> Event:
    """An event that a release before this one accepted: it knew more spellings of its timestamp.

    The basic format and dates by week, above all. Raises InvalidEvent.
    """
    try:
        fields = msgspec.json.decode(raw)
        moment = datetime.fromisoformat(fields.pop("timestamp"))
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError, LookupError, TypeError):  # or it is `sentAt` that is bad
        detail = "timestamp is not a date and time."
        raise InvalidEvent("timestamp", "bad_timestamp", detail) from None
    event = decode_event(msgspec.json.encode(fields))
    event.timestamp = cut_to_ms(check_epoch("timestamp", moment))
    return event
