"""Mixpanel's clients: docs/receivers/mixpanel.md."""

import binascii
from base64 import b64decode
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from analytics.events import event as limits
from analytics.keys.key_text import holds_secret_key, read_key_id
from analytics.keys.records import KeyRecord
from analytics.web.problems import BadRequest, Unauthorized
from ingestion.accept.reply import Reply
from ingestion.receivers.batches import Items, read_items
from ingestion.receivers.bodies import mend_escapes, read_form
from ingestion.receivers.envelope import Call, Envelope, Native, Refused, Taken
from ingestion.receivers.fields import as_event_id, as_object, as_text, cut, if_short
from ingestion.receivers.owner import OTHER_KEY, is_of_another, list_head_keys
from ingestion.receivers.receiver import Receiver

_EXPECTED = "an event or an array of events, as JSON or as the field data of a form"
_PEOPLE, _GROUPS, _IMPORT = "/engage", "/groups", "/import"
_NAMES = {"$mp_web_page_view": limits.PAGEVIEW, "$create_alias": "$alias", "$merge": "$alias"}
_DIRECT = "$direct"
_MS_FROM = 1e11  # a later second is in the year 5138
# What has a field of its own, is found out here anyway, or tells of the client alone.
_NOISE = frozenset({
    "token", "distinct_id", "time", "ip", "mp_lib", "current_url", "current_url_path",
    "current_url_protocol", "current_url_search", "current_domain", "current_page_title",
    "$browser", "$browser_version", "$current_url", "$device", "$device_id", "$insert_id",
    "$lib_version", "$os", "$referrer", "$referring_domain", "$initial_referrer",
    "$initial_referring_domain", "$screen_height", "$screen_width", "$user_id", "$user_agent",
    "$mp_api_endpoint", "$mp_api_timestamp_ms", "mp_processing_time_ms", "mp_sent_by_lib_version",
})  # fmt: skip
_OF_PEOPLE = ("$token", "$distinct_id", "$time", "$ip", "$ignore_time", "$group_key", "$group_id")


class Parsed(NamedTuple):
    items: Items
    keys: Sequence[str]
    single: bool


class Mixpanel(Receiver[Parsed]):
    name = "mixpanel"
    title = "Mixpanel"
    paths = ("/track", _PEOPLE, _GROUPS, _IMPORT)
    key_place = "the project token: token in the properties; of /import the user of Basic, too"
    takes_get = True
    allows_cookies = True

    def read(self, call: Call) -> Parsed:
        is_get = call.meta["REQUEST_METHOD"] == "GET"
        text = _find_data(call.query.encode("latin-1") if is_get else call.body)
        if is_get and holds_secret_key(text.decode("utf-8", "replace")):
            raise Unauthorized(
                "A secret API key must not stand in an address.", code="key_in_address"
            )
        if is_array := text[:1] == b"[":
            items = read_items(text, _EXPECTED)
        elif call.path == _IMPORT:
            items = read_items(b"[%b]" % b",".join(text.split(b"\n")), _EXPECTED)  # one a line
        else:
            items = read_items(b"[%b]" % text, _EXPECTED)
        single = not is_array and call.path != _IMPORT
        if single and len(items.found) != 1:
            raise BadRequest(f"Send {_EXPECTED}.", code="bad_envelope")
        return Parsed(items, _find_keys(call, items), single)

    def list_keys(self, parsed: Parsed) -> Sequence[str]:
        return parsed.keys

    def translate(self, parsed: Parsed, call: Call, key: KeyRecord) -> Envelope:
        of_people = call.path in (_PEOPLE, _GROUPS)
        translate = translate_update if of_people else translate_event
        events = [
            item
            if isinstance(item, Refused)
            else OTHER_KEY
            if parsed.keys and is_of_another(_read_token(item), key)
            else translate(item)
            for item in parsed.items.found
        ]
        return Envelope(events, None, parsed.items.list_sources, parsed.single)

    def answer(self, taken: Taken, call: Call) -> Reply:
        told: dict[str, Any] = {"status": 1, "error": None}
        if call.path == _IMPORT:
            failed = [
                {"index": index, "field": refused.code, "message": refused.detail}
                for index, refused in taken.refused.items()
            ]
            told |= {"code": 200, "num_records_imported": taken.accepted, "failed_records": failed}
        # A GET as well: what is sent again is not to be answered by a cache.
        return Reply(200, told, {"Cache-Control": "no-store"})


def _find_data(body: bytes) -> bytes:
    """The JSON of a body, or of the field `data` of a form, where it may be base64."""
    body = body.strip()
    if body[:1] in (b"{", b"["):
        return body
    data = read_form(body).get("data", "").strip().encode()
    if data[:1] not in (b"{", b"["):
        try:
            data = b64decode(data.replace(b" ", b"+"), validate=True).strip()
        except (binascii.Error, ValueError):
            data = b""
    if data[:1] not in (b"{", b"["):
        raise BadRequest(f"Send {_EXPECTED}.", code="bad_envelope")
    return mend_escapes(data)


def _find_keys(call: Call, items: Items) -> Sequence[str]:
    """The token of the first event that has one, unless the head has a key."""
    if any(read_key_id(text) is not None for text in list_head_keys(call.meta)):
        return []
    for item in items.found:
        if isinstance(item, dict) and (text := _read_token(item)):
            return [text]
    return []


def _read_token(item: dict[str, Any]) -> str | None:
    return as_text(as_object(item.get("properties")).get("token") or item.get("$token"))


def translate_event(event: dict[str, Any]) -> Native | Refused:
    name = as_text(event.get("event"))
    if name is None:
        return Refused("missing_field", "event is required.")
    given = as_object(event.get("properties"))
    properties = {
        key: value for key, value in given.items() if value is not None and key not in _NOISE
    }
    native: dict[str, Any] = {
        "eventId": as_event_id(given.get("$insert_id")),
        "event": _NAMES.get(name, name),
        "timestamp": _read_time(given.get("time")),
        "userId": as_text(given.get("$user_id")) or as_text(given.get("distinct_id")),
        "ip": as_text(given.get("ip")),
        "userAgent": cut(given.get("$user_agent"), limits.MAX_USER_AGENT_CHARS),
        "properties": properties or None,
    }
    _name_people(native, properties, name, given)
    url = as_text(given.get("$current_url")) or as_text(given.get("current_url"))
    path = as_text(given.get("current_url_path"))
    if url:
        native["url"] = cut(url, limits.MAX_URL_CHARS)
    else:
        native["path"] = cut(path or f"/_event/{name}", limits.MAX_PATH_CHARS)
        native["hostname"] = if_short(given.get("current_domain"), limits.MAX_HOSTNAME_CHARS)
    referrer = if_short(given.get("$referrer"), limits.MAX_URL_CHARS)
    native["referrer"] = None if referrer == _DIRECT else referrer
    native["title"] = cut(given.get("current_page_title"), limits.MAX_TITLE_CHARS)
    width, height = given.get("$screen_width"), given.get("$screen_height")
    if isinstance(width, int) and isinstance(height, int):
        native["screen"] = if_short(f"{width}x{height}", limits.MAX_SCREEN_CHARS)
    return native


def _name_people(
    native: dict[str, Any], properties: dict[str, Any], name: str, given: dict[str, Any]
) -> None:
    if name == "$identify":
        native["userId"] = as_text(properties.pop("$identified_id", None)) or native["userId"]
        if before := as_text(properties.pop("$anon_id", None)):
            properties["anonymousId"] = before
    elif name == "$create_alias" and (other := as_text(properties.pop("alias", None))):
        properties["previousId"] = other


def translate_update(update: dict[str, Any]) -> Native | Refused:
    """What is told of a person, or of a group."""
    group = as_text(update.get("$group_id"))
    told = {name: value for name, value in update.items() if name not in _OF_PEOPLE}
    person = as_text(update.get("$distinct_id"))
    if group is None and person is None:
        return Refused("missing_field", "$distinct_id is required.")
    event = "$group" if group else "$identify"
    if group:
        told |= {"groupId": group, "groupType": as_text(update.get("$group_key"))}
    return {
        "event": event,
        "timestamp": _read_time(update.get("$time")),
        "userId": person,
        "ip": as_text(update.get("$ip")),
        "path": f"/_event/{event}",
        "properties": told or None,
    }


def _read_time(value: Any) -> str | None:
    """Seconds or milliseconds since 1970; a text is judged as it is."""
    if value is None or isinstance(value, str):
        return as_text(value)
    try:
        seconds = float(value)
        return datetime.fromtimestamp(
            seconds / 1_000 if seconds >= _MS_FROM else seconds, UTC
        ).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return "not a moment"
