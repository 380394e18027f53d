"""Stored events as JSON."""

from datetime import datetime
from typing import Any

import msgspec

from analytics.databases.mongo import Document
from analytics.events.ids import event_id_of
from analytics.events.moments import format_moment
from columns.files.rows import encode_properties
from reporting.raw.stored import SHOWN
from reporting.web.wire import Json


def render_event(event: Document, *, shows_ip: bool) -> Json:
    """What is told of a stored event, in the names of docs/data-model.md."""
    body: Json = {"eventId": event.get("eventId") or event_id_of(event["_id"])}
    for name in SHOWN:
        if name in event and (shows_ip or name != "ip"):
            body[name] = _render(name, event[name])
    return body


def _render(name: str, value: Any) -> Any:
    if isinstance(value, datetime):
        return format_moment(value)
    if name == "properties":  # as they came: the driver makes other things of some
        return msgspec.json.decode(encode_properties(value))
    return value
