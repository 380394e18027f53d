"""What an event is: the wire schema, its limits, and what the store can hold.

Everything that passes `decode_event` can be encoded as BSON; everything else is refused here,
with a code and the name of the field.
"""

import re
import socket
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta

_KIBIBYTE = 1024

MAX_EVENT_BODY_BYTES = 64 * _KIBIBYTE
MAX_PATH_CHARS = 2_047
MAX_EVENT_ID_CHARS = 128
MAX_EVENT_NAME_CHARS = 128
MAX_USER_ID_CHARS = 256
MAX_USER_AGENT_CHARS = 1_024  # a longer one is cut
MAX_USER_AGENT_SENT_CHARS = 8 * _KIBIBYTE  # no header is longer: one that is, is refused
MAX_PROPERTIES_BYTES = 4 * _KIBIBYTE  # as compact JSON
MAX_PROPERTIES_DEPTH = 32
MAX_TIMESTAMP_CHARS = 64
MAX_FUTURE = timedelta(hours=24)

PAGEVIEW = "pageview"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_INT64_MIN, _INT64_MAX = -(2**63), 2**63 - 1
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_ABSENT = (b"", b"null")


class InvalidEvent(Exception):
    """An event that is refused: which `field` (None: the whole), a `code`, a `detail`."""

    def __init__(self, field: str | None, code: str, detail: str) -> None:
        super().__init__(detail)
        self.field = field
        self.code = code
        self.detail = detail

    def as_error(self) -> dict[str, Any]:
        return {"field": self.field, "code": self.code, "detail": self.detail}


Identifier = Annotated[str, Meta(min_length=1, max_length=MAX_USER_ID_CHARS)]


class WireEvent(msgspec.Struct, rename="camel", forbid_unknown_fields=True):
    """An event as a client may send it; limits in characters are of Unicode code points."""

    path: Annotated[str, Meta(min_length=1, max_length=MAX_PATH_CHARS)]
    event: Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_NAME_CHARS)] | None = None
    event_id: Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_ID_CHARS)] | None = None
    timestamp: Annotated[str, Meta(max_length=MAX_TIMESTAMP_CHARS)] | None = None
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    ip: str | None = None
    user_agent: Annotated[str, Meta(max_length=MAX_USER_AGENT_SENT_CHARS)] | None = None
    properties: msgspec.Raw = msgspec.Raw(b"")


class Event(msgspec.Struct, kw_only=True):
    """A valid event. What the client left out is None until `fill` of the drain."""

    path: str
    event: str
    event_id: str | None
    timestamp: datetime | None
    user_id: str | None
    session_id: str | None
    ip: str | None
    user_agent: str | None
    properties: dict[str, Any] | None


_wire_decoder = msgspec.json.Decoder(WireEvent)
_object_decoder = msgspec.json.Decoder(dict[str, Any])


def decode_event(raw: bytes | msgspec.Raw) -> Event:
    """Decode and judge one event (a JSON object). Raises InvalidEvent."""
    try:
        wire = _wire_decoder.decode(raw)
    except msgspec.ValidationError as exc:
        raise _explain(str(exc)) from None
    except RecursionError:
        raise InvalidEvent(None, "too_deep", "The JSON is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidEvent(None, "invalid_json", f"Not valid JSON in UTF-8: {exc}.") from None
    properties = bytes(wire.properties)
    for field, text in (
        ("event", wire.event),
        ("eventId", wire.event_id),
        ("userId", wire.user_id),
        ("sessionId", wire.session_id),
    ):
        if text is not None and _CONTROL.search(text):
            raise InvalidEvent(field, "control_character", f"{field} holds a control character.")
    return Event(
        path=wire.path,
        event=wire.event or PAGEVIEW,
        event_id=wire.event_id,
        timestamp=None if wire.timestamp is None else parse_timestamp(wire.timestamp),
        user_id=wire.user_id,
        session_id=wire.session_id,
        ip=None if wire.ip is None else parse_ip(wire.ip),
        user_agent=wire.user_agent[:MAX_USER_AGENT_CHARS] if wire.user_agent else None,
        properties=None if properties in _ABSENT else _decode_properties(properties),
    )


def parse_timestamp(text: str) -> datetime:
    """ISO 8601 to UTC, cut to milliseconds; no offset means UTC. Raises InvalidEvent."""
    try:
        moment = datetime.fromisoformat(text)
        moment = moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError):
        detail = "timestamp is not an ISO 8601 date and time."
        raise InvalidEvent("timestamp", "bad_timestamp", detail) from None
    if moment < EPOCH:
        raise InvalidEvent("timestamp", "bad_timestamp", "timestamp is before 1970.")
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def check_age(timestamp: datetime, now: datetime, retention_days: int | None) -> None:
    """Refuse a timestamp too far ahead, or older than the project keeps events."""
    if timestamp - now > MAX_FUTURE:
        detail = "timestamp is more than 24 hours ahead."
        raise InvalidEvent("timestamp", "timestamp_in_future", detail)
    if retention_days is not None and now - timestamp > timedelta(days=retention_days):
        detail = f"timestamp is older than the {retention_days} days this project keeps events."
        raise InvalidEvent("timestamp", "timestamp_too_old", detail)


def parse_ip(text: str) -> str:
    """An IPv4 or IPv6 address in its usual spelling; `::ffff:1.2.3.4` becomes `1.2.3.4`."""
    if ":" not in text:
        try:
            return socket.inet_ntop(socket.AF_INET, socket.inet_pton(socket.AF_INET, text))
        except (OSError, ValueError):
            raise InvalidEvent("ip", "bad_ip", "ip is not an IPv4 or IPv6 address.") from None
    try:
        packed = socket.inet_pton(socket.AF_INET6, text)
    except (OSError, ValueError):
        raise InvalidEvent("ip", "bad_ip", "ip is not an IPv4 or IPv6 address.") from None
    if packed.startswith(b"\x00" * 10 + b"\xff\xff"):
        return socket.inet_ntop(socket.AF_INET, packed[12:])
    return socket.inet_ntop(socket.AF_INET6, packed)


def _decode_properties(raw: bytes) -> dict[str, Any]:
    try:
        properties = _object_decoder.decode(raw)
    except msgspec.ValidationError as exc:
        if "range" in str(exc):
            raise _number_out_of_range() from None
        raise InvalidEvent("properties", "wrong_type", "properties must be an object.") from None
    except RecursionError:
        raise _too_deep() from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidEvent("properties", "invalid_json", f"Not valid JSON: {exc}.") from None
    _check_bson(properties, 1)
    too_large = len(raw) > MAX_PROPERTIES_BYTES
    if too_large and len(msgspec.json.encode(properties)) > MAX_PROPERTIES_BYTES:
        detail = f"properties is over {MAX_PROPERTIES_BYTES} bytes of compact JSON."
        raise InvalidEvent("properties", "properties_too_large", detail)
    return properties


def _check_bson(value: Any, depth: int) -> None:
    """Refuse what BSON cannot hold: deep nesting, NUL in a key, integers beyond 64 bits."""
    if isinstance(value, str):
        return
    if isinstance(value, int):
        if not _INT64_MIN <= value <= _INT64_MAX:
            raise _number_out_of_range()
    elif isinstance(value, dict):
        if depth > MAX_PROPERTIES_DEPTH:
            raise _too_deep()
        for key, item in value.items():
            if "\x00" in key:
                raise InvalidEvent(
                    "properties", "bad_property_name", "A key of properties holds a NUL."
                )
            _check_bson(item, depth + 1)
    elif isinstance(value, list):
        if depth > MAX_PROPERTIES_DEPTH:
            raise _too_deep()
        for item in value:
            _check_bson(item, depth + 1)


def _number_out_of_range() -> InvalidEvent:
    detail = "A number of properties is beyond 64 bits."
    return InvalidEvent("properties", "number_out_of_range", detail)


def _too_deep() -> InvalidEvent:
    detail = f"properties is nested more than {MAX_PROPERTIES_DEPTH} levels deep."
    return InvalidEvent("properties", "too_deep", detail)


_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `(.*)`")
_AT = re.compile(r" - at `\$\.?(.*)`\Z", re.DOTALL)
_CODES: Mapping[str, str] = {"length <=": "too_long", "length >=": "too_short"}


def _explain(message: str) -> InvalidEvent:
    """A validation error of msgspec in the project's words (its messages are stable API)."""
    if match := _UNKNOWN.match(message):
        field = match[1][:MAX_EVENT_NAME_CHARS]
        return InvalidEvent(field, "unknown_field", f"There is no field {field!r} in an event.")
    if match := _MISSING.match(message):
        return InvalidEvent(match[1], "missing_field", f"{match[1]} is required.")
    at = _AT.search(message)
    field_name = at[1] if at else None
    detail = _AT.sub("", message) + "."
    for sign, code in _CODES.items():
        if sign in message:
            return InvalidEvent(field_name, code, detail)
    return InvalidEvent(field_name, "wrong_type", detail)
