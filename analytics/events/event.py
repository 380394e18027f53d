"""What an event is: the wire schema, its limits, and what the store can hold.

Everything that passes `decode_event` can be encoded as BSON; everything else is refused here,
with a code and the name of the field.
"""

from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from operator import itemgetter
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from analytics.events.addresses import parse_ip
from analytics.events.controls import refuse_controls
from analytics.events.invalid_event import InvalidEvent, explain
from analytics.events.moments import MAX_MOMENT_CHARS, BadMoment, parse_moment
from analytics.events.properties import INT64_MAX, INT64_MIN, decode_properties
from analytics.events.properties import MAX_PROPERTIES_BYTES as MAX_PROPERTIES_BYTES
from analytics.events.properties import MAX_PROPERTIES_DEPTH as MAX_PROPERTIES_DEPTH

_KIBIBYTE = 1024

MAX_EVENT_BODY_BYTES = 64 * _KIBIBYTE
MAX_PATH_CHARS = 2_047
MAX_EVENT_ID_CHARS = 128
MAX_EVENT_NAME_CHARS = 128
MAX_USER_ID_CHARS = 256
MAX_USER_AGENT_CHARS = 1_024  # a longer one is cut
MAX_USER_AGENT_SENT_CHARS = 8 * _KIBIBYTE  # no header is longer: one that is, is refused
MAX_TIMESTAMP_CHARS = MAX_MOMENT_CHARS
MAX_URL_CHARS = 8 * _KIBIBYTE  # its path is cut at MAX_PATH_CHARS, after its query was read
MAX_HOSTNAME_CHARS = 256
MAX_TITLE_CHARS = 512  # a longer one is cut
MAX_TITLE_SENT_CHARS = 8 * _KIBIBYTE
MAX_LANGUAGE_CHARS = 64
MAX_SCREEN_CHARS = 16
MAX_LOST = 1_000_000
FEW_EVENTS = 16  # that are not worth being told apart
MAX_FUTURE = timedelta(hours=24)

PAGEVIEW = "pageview"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_BACKSLASH, _DELETE = b"\\\x7f"  # as numbers, which `in` finds much faster
_OPENS, _CLOSES = set(b"{"), set(b"}")
_first, _last = itemgetter(0), itemgetter(-1)
_ABSENT = (b"", b"null")

Identifier = Annotated[str, Meta(min_length=1, max_length=MAX_USER_ID_CHARS)]


class Event(msgspec.Struct, gc=False):
    """A valid event. What the client left out is None, also its id until the drain fills it in."""

    path: str | None  # either this or the url is there
    event: str
    event_id: str | None
    timestamp: datetime | None
    user_id: str | None
    session_id: str | None
    ip: str | None
    user_agent: str | None
    properties: dict[str, Any] | None
    url: str | None
    hostname: str | None
    referrer: str | None
    title: str | None
    language: str | None
    screen: str | None
    automation: bool | None
    lost: int | None
    sent_at: datetime | None


class WireEvent(Event, rename="camel", forbid_unknown_fields=True, gc=False):
    """An event as a client may send it; `_settle` turns the same object into a valid Event.

    Limits in characters are of Unicode code points.
    """

    path: Annotated[str, Meta(min_length=1, max_length=MAX_PATH_CHARS)] | None = None
    event: Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_NAME_CHARS)] | None = None  # type: ignore[assignment]
    event_id: Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_ID_CHARS)] | None = None
    timestamp: Annotated[str, Meta(max_length=MAX_TIMESTAMP_CHARS)] | None = None  # type: ignore[assignment]
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    ip: str | None = None
    user_agent: Annotated[str, Meta(max_length=MAX_USER_AGENT_SENT_CHARS)] | None = None
    properties: msgspec.Raw = msgspec.Raw(b"")  # type: ignore[assignment]
    url: Annotated[str, Meta(min_length=1, max_length=MAX_URL_CHARS)] | None = None
    hostname: Annotated[str, Meta(min_length=1, max_length=MAX_HOSTNAME_CHARS)] | None = None
    referrer: Annotated[str, Meta(max_length=MAX_URL_CHARS)] | None = None
    title: Annotated[str, Meta(max_length=MAX_TITLE_SENT_CHARS)] | None = None
    language: Annotated[str, Meta(max_length=MAX_LANGUAGE_CHARS)] | None = None
    screen: Annotated[str, Meta(max_length=MAX_SCREEN_CHARS)] | None = None
    automation: bool | None = None
    lost: Annotated[int, Meta(ge=0, le=MAX_LOST)] | None = None
    sent_at: Annotated[str, Meta(max_length=MAX_TIMESTAMP_CHARS)] | None = None  # type: ignore[assignment]


_Scalar = str | Annotated[int, Meta(ge=INT64_MIN, le=INT64_MAX)] | float | bool | None


class PlainEvent(WireEvent, gc=False):
    """An event without nested properties, which msgspec judges by itself."""

    properties: dict[str, _Scalar] | None = None  # type: ignore[assignment]


_wire_decoder = msgspec.json.Decoder(WireEvent)
_decode_plain = msgspec.json.Decoder(PlainEvent).decode
_decode_plain_lines = msgspec.json.Decoder(PlainEvent).decode_lines


def decode_event(raw: bytes) -> Event:
    """Decode and judge one event (a JSON object). Raises InvalidEvent.

    Nearly every event is plain ASCII without escapes, so that it holds no control character
    anywhere, and its properties are flat: decoding it then judges it too.
    """
    if (
        len(raw) <= MAX_PROPERTIES_BYTES
        and raw.isascii()
        and _BACKSLASH not in raw
        and _DELETE not in raw
    ):
        try:
            plain = _decode_plain(raw)
        except msgspec.MsgspecError:  # nested, or to be refused with its reason
            return judge_event(raw)
        return _settle(plain)
    return judge_event(raw)


def decode_events(raws: Sequence[bytes]) -> list[Event | InvalidEvent]:
    """As `try_event` does each of many: in the place of one that is refused, why.

    Plain ones are decoded as lines, in one go. Where one among them is not plain, only those of
    its FEW_EVENTS go the long way.
    """
    if len(raws) > 1:
        # Perhaps of one alone; an index is of one that is empty.
        with suppress(msgspec.MsgspecError, InvalidEvent, IndexError):
            if plain := _decode_lines(raws):
                return [_settle(event) for event in plain]
    if len(raws) <= FEW_EVENTS:
        return [try_event(raw) for raw in raws]
    middle = len(raws) // 2
    return decode_events(raws[:middle]) + decode_events(raws[middle:])


def _decode_lines(raws: Sequence[bytes]) -> list[PlainEvent] | None:
    """The events as the lines of one text; None where one of them is not plain.

    Where each begins and ends with a brace it holds a value at least, and none goes on in the next,
    for the line's end that is between them may stand in no text, and for no comma: as many values
    as events are one in each. Raises MsgspecError, and IndexError for one that is empty.
    """
    lines = b"\n".join(raws)
    if (
        not lines.isascii()
        or _BACKSLASH in lines
        or _DELETE in lines
        or set(map(_first, raws)) != _OPENS
        or set(map(_last, raws)) != _CLOSES
        or max(map(len, raws)) > MAX_PROPERTIES_BYTES
    ):
        return None
    plain = _decode_plain_lines(lines)
    return plain if len(plain) == len(raws) else None


def try_event(raw: bytes) -> Event | InvalidEvent:
    try:
        return decode_event(raw)
    except InvalidEvent as refusal:
        return refusal.anew()


def judge_event(raw: bytes) -> Event:
    """As `decode_event`, for any event: rule by rule, with a reason for each refusal."""
    try:
        wire = _wire_decoder.decode(raw)
    except msgspec.ValidationError as exc:
        raise explain(str(exc)) from None
    except RecursionError:
        raise InvalidEvent(None, "too_deep", "The JSON is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidEvent(None, "invalid_json", f"Not valid JSON in UTF-8: {exc}.") from None
    properties = bytes(wire.properties)
    refuse_controls(wire)
    wire.properties = None if properties in _ABSENT else decode_properties(properties)  # type: ignore[assignment]
    return _settle(wire)


def _settle(event: WireEvent) -> Event:
    """Fill in the default, and put the rest in its one form. Raises InvalidEvent."""
    if event.event is None:
        event.event = PAGEVIEW
    if event.path is None and event.url is None:
        raise InvalidEvent("path", "missing_field", "path is required, or url.")
    if event.timestamp is not None:
        event.timestamp = parse_timestamp(event.timestamp)  # type: ignore[assignment]
    if event.sent_at is not None:
        event.sent_at = parse_timestamp(event.sent_at, "sentAt")  # type: ignore[assignment]
    if event.ip is not None:
        event.ip = parse_ip(event.ip)
    if event.user_agent is not None:
        event.user_agent = event.user_agent[:MAX_USER_AGENT_CHARS]
    if event.title is not None:
        event.title = event.title[:MAX_TITLE_CHARS] or None
    return event


def parse_timestamp(text: str, field: str = "timestamp") -> datetime:
    """As `parse_moment`, from 1970 on. Raises InvalidEvent."""
    try:
        moment = parse_moment(text)
    except BadMoment as exc:
        raise InvalidEvent(field, "bad_timestamp", f"{field} {exc}.") from None
    return check_epoch(field, moment)


def check_epoch(field: str, moment: datetime) -> datetime:
    if moment < EPOCH:
        raise InvalidEvent(field, "bad_timestamp", f"{field} is before 1970.")
    return moment


def check_age(timestamp: datetime, now: datetime, retention_days: int | None) -> None:
    """Refuse a timestamp too far ahead, or older than the project keeps events."""
    if timestamp - now > MAX_FUTURE:
        detail = "timestamp is more than 24 hours ahead."
        raise InvalidEvent("timestamp", "timestamp_in_future", detail)
    if retention_days is not None and now - timestamp > timedelta(days=retention_days):
        detail = f"timestamp is older than the {retention_days} days this project keeps events."
        raise InvalidEvent("timestamp", "timestamp_too_old", detail)
