"""An imported event: all that is to be stored of it, what was sent and what was made of it.

Who imports an event makes it (`exchange/incoming/`), and the drain stores it as it is: of what
another time or another program has made of an event nothing could be made anew. It travels as JSON
in the place of a client's (`entry.py`), with the names that a stored event has.
"""

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from analytics.events.addresses import parse_ip
from analytics.events.controls import refuse_controls
from analytics.events.event import (
    MAX_EVENT_ID_CHARS,
    MAX_EVENT_NAME_CHARS,
    MAX_HOSTNAME_CHARS,
    MAX_LANGUAGE_CHARS,
    MAX_PATH_CHARS,
    MAX_SCREEN_CHARS,
    MAX_TITLE_CHARS,
    MAX_URL_CHARS,
    MAX_USER_AGENT_CHARS,
    Identifier,
)
from analytics.events.invalid_event import InvalidEvent, explain
from analytics.events.properties import INT64_MAX, INT64_MIN, decode_properties

_MOST_MS = 253_402_300_799_999  # of the year 9999, the last that a datetime has

_ABSENT = b"null"

Moment = Annotated[int, Meta(ge=0, le=_MOST_MS)]
Hash = Annotated[int, Meta(ge=INT64_MIN, le=INT64_MAX)]
Name = Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_NAME_CHARS)]
Value = Annotated[str, Meta(max_length=MAX_HOSTNAME_CHARS)]


class ImportedEvent(
    msgspec.Struct, rename="camel", forbid_unknown_fields=True, omit_defaults=True, gc=False
):
    """Moments in unix milliseconds, hashes of visitors signed; what is not known is None."""

    timestamp: Moment
    event: Name
    path: Annotated[str, Meta(min_length=1, max_length=MAX_PATH_CHARS)]
    ingested_at: Moment | None = None  # None: when it is imported
    event_id: Annotated[str, Meta(min_length=1, max_length=MAX_EVENT_ID_CHARS)] | None = None
    visitor: Hash | None = None
    anonymous: Hash | None = None
    user_id: Identifier | None = None
    session_id: Identifier | None = None
    hostname: Value | None = None
    title: Annotated[str, Meta(max_length=MAX_TITLE_CHARS)] | None = None
    language: Annotated[str, Meta(max_length=MAX_LANGUAGE_CHARS)] | None = None
    screen: Annotated[str, Meta(max_length=MAX_SCREEN_CHARS)] | None = None
    ip: str | None = None
    user_agent: Annotated[str, Meta(max_length=MAX_USER_AGENT_CHARS)] | None = None
    country: Value | None = None
    region: Value | None = None
    city: Value | None = None
    browser: Value | None = None
    browser_version: Value | None = None
    os: Value | None = None
    os_version: Value | None = None
    device: Value | None = None
    referrer: Annotated[str, Meta(max_length=MAX_URL_CHARS)] | None = None
    referrer_url: Annotated[str, Meta(max_length=MAX_URL_CHARS)] | None = None
    source: Value | None = None
    channel: Value | None = None
    utm_source: Value | None = None
    utm_medium: Value | None = None
    utm_campaign: Value | None = None
    utm_term: Value | None = None
    utm_content: Value | None = None
    click_id: Value | None = None
    bot: Value | None = None
    properties: msgspec.Raw = msgspec.Raw(b"null")


_decoder = msgspec.json.Decoder(ImportedEvent)


def decode_imported(raw: bytes) -> tuple[ImportedEvent, dict[str, Any] | None]:
    """An imported event and its properties, judged as a client's would be. Raises InvalidEvent.

    What passes can be encoded as BSON.
    """
    try:
        event = _decoder.decode(raw)
    except msgspec.ValidationError as exc:
        raise explain(str(exc)) from None
    except RecursionError:
        raise InvalidEvent(None, "too_deep", "The JSON is nested too deeply.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise InvalidEvent(None, "invalid_json", f"Not valid JSON in UTF-8: {exc}.") from None
    refuse_controls(event)
    if event.ip is not None:
        event.ip = parse_ip(event.ip)
    properties = bytes(event.properties)
    return event, None if properties == _ABSENT else decode_properties(properties)
