"""CloudEvents 1.0 in the words of our events: docs/receivers/cloudevents.md.

One event in binary mode has its attributes in headers `ce-…` and its data as the body; in
structured mode the body is the event; a batch is an array of such.
"""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import msgspec

from analytics.events import event as limits
from analytics.web.problems import UnsupportedMediaType
from ingestion.receivers.batches import Items, read_items
from ingestion.receivers.bodies import decode_envelope
from ingestion.receivers.envelope import Native, Refused
from ingestion.receivers.fields import as_event_id, as_text, cut

STRUCTURED, BATCH = "application/cloudevents+json", "application/cloudevents-batch+json"
_PREFIX = "application/cloudevents"
_HEADER = "HTTP_CE_"
VERSION_HEADER = f"{_HEADER}SPECVERSION"
_VERSION = "1.0"
_REQUIRED = ("id", "source", "type")
# What the data of a binary event is called if it is JSON, or by programs that call it nothing.
_JSON = ("", "application/json", "application/x-www-form-urlencoded")
# What the data may say of an event as a native one does.
_FIELDS = (
    *("path", "url", "hostname", "referrer", "title", "language", "screen"),
    *("userId", "sessionId", "ip", "userAgent"),
)
# Attributes of the specification; any other is an extension.
_ATTRIBUTES = frozenset(
    (
        *(*_REQUIRED, "specversion", "time", "subject", "datacontenttype", "dataschema"),
        *("data", "data_base64", "userid", "sessionid"),
    )
)

_decode_any = msgspec.json.Decoder().decode
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


def is_cloud_event(meta: Mapping[str, Any]) -> bool:
    """Whether a request's head says that it brings CloudEvents."""
    return VERSION_HEADER in meta or meta.get("CONTENT_TYPE", "").startswith(_PREFIX)


def is_batch(meta: Mapping[str, Any]) -> bool:
    """Whether it brings many. Raises UnsupportedMediaType for a format other than JSON."""
    media_type = meta.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if media_type.startswith(_PREFIX) and media_type not in (STRUCTURED, BATCH):
        raise UnsupportedMediaType(f"Send {STRUCTURED}, {BATCH}, or an event in binary mode.")
    return bool(media_type == BATCH)


def read_batch(body: bytes) -> Items:
    """The events of a batch. Raises BadRequest."""
    return read_items(body, "a JSON array of CloudEvents")


def read_single(meta: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """The attributes and the data of one event, in either mode. Raises BadRequest."""
    if not meta.get("CONTENT_TYPE", "").startswith(_PREFIX):
        return _read_binary(meta, body)
    return decode_envelope(_decode_object, body, "a CloudEvent as a JSON object")


def _read_binary(meta: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    event: dict[str, Any] = {
        name.removeprefix(_HEADER).lower(): unquote(value)
        for name, value in meta.items()
        if name.startswith(_HEADER)
    }
    media_type = meta.get("CONTENT_TYPE", "").partition(";")[0].strip().lower()
    if not body:
        return event
    if media_type in _JSON or media_type.endswith("+json"):
        event["data"] = decode_envelope(_decode_any, body, "JSON")
        return event
    try:
        event["data"] = body.decode()
    except UnicodeDecodeError:
        event["data_base64"] = b64encode(body).decode()
    return event


def translate(event: dict[str, Any]) -> Native | Refused:
    if event.get("specversion") != _VERSION:
        return Refused("bad_envelope", f"specversion must be {_VERSION}.")
    event_id, source, type_ = (as_text(event.get(name)) for name in _REQUIRED)
    if not (event_id and source and type_):
        return Refused("missing_field", "id, source and type are required.")
    data, properties = event.get("data"), {}
    if isinstance(data, dict):
        properties = {name: value for name, value in data.items() if name not in _FIELDS}
        nested = properties.get("properties")
        if isinstance(nested, dict):
            properties = {**properties, **nested}
            del properties["properties"]
    elif data is not None:
        properties["data"] = data
    if base64 := event.get("data_base64"):
        properties["data_base64"] = base64
    for name, value in event.items():
        if name not in _ATTRIBUTES:
            properties.setdefault(name, value)
    properties.setdefault("source", source)
    fields = data if isinstance(data, dict) else {}
    subject = as_text(event.get("subject"))
    is_path = bool(subject and subject.startswith("/"))
    person = None if is_path else subject
    native: dict[str, Any] = {name: as_text(fields.get(name)) for name in _FIELDS}
    native |= {
        "eventId": as_event_id(f"{source} {event_id}"),
        "event": type_,
        "timestamp": as_text(event.get("time")),
        "userId": native["userId"] or as_text(event.get("userid")) or person,
        "sessionId": native["sessionId"] or as_text(event.get("sessionid")),
        "properties": properties,
    }
    if native["path"] is None and is_path:
        native["path"] = cut(subject, limits.MAX_PATH_CHARS)
    if native["path"] is None and native["url"] is None:
        native["path"] = cut(f"/_event/{type_}", limits.MAX_PATH_CHARS)
    return native
