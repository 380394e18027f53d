"""Snowplow's trackers: docs/receivers/snowplow.md."""

import binascii
from base64 import urlsafe_b64decode
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

import msgspec

from analytics.events import event as limits
from analytics.keys.aliases import spell_alias
from analytics.keys.records import KeyRecord
from analytics.web.problems import BadRequest
from ingestion.accept.reply import Reply
from ingestion.receivers.batches import Items, read_items
from ingestion.receivers.bodies import decode_envelope, mend_escapes, read_form
from ingestion.receivers.envelope import Call, Envelope, Native, Refused, Taken
from ingestion.receivers.fields import as_event_id, as_object, as_text, cut, if_short
from ingestion.receivers.owner import list_few, list_head_keys, list_own
from ingestion.receivers.receiver import Receiver
from ingestion.receivers.vendors.pictures import answer_picture

_KIND = "snowplow"
_PICTURE = "/i"
_PEOPLE = ("uid", "duid", "tnuid")
_STRUCTURED = {"se_ca": "category", "se_la": "label", "se_pr": "property"}
_ORDER = {"tr_id": "order", "tr_cu": "currency", "tr_af": "affiliation"}
_ITEM = {"ti_id": "order", "ti_sk": "sku", "ti_nm": "name", "ti_ca": "category"}
# What a page's tracker attaches to each event, and what is known of it here anyway.
_NOISE = frozenset({"web_page", "client_session", "browser_context", "performance_timing"})
_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class _Head(msgspec.Struct):
    data: msgspec.Raw


class Parsed(NamedTuple):
    items: Items
    apps: Sequence[str | None]  # of each


_decode = msgspec.json.Decoder(_Head).decode
_encode = msgspec.json.Encoder().encode


class Snowplow(Receiver[Parsed]):
    name = "snowplow"
    title = "Snowplow"
    paths = ("/com.snowplowanalytics.snowplow/tp2", _PICTURE)
    key_place = "none: the app id (aid) is an alias; servers may send Authorization: Bearer"
    alias_kind = _KIND
    takes_get = True
    allows_cookies = True
    tells_too_large = False  # its trackers would send the same for ever

    def read(self, call: Call) -> Parsed:
        if call.meta["REQUEST_METHOD"] == "GET":
            fields = read_form(call.query.encode("latin-1"))
            if "e" not in fields:
                raise BadRequest("Send an event: e is missing.", code="bad_envelope")
            items = read_items(b"[%b]" % _encode(fields), "an event")
        else:
            head = decode_envelope(_decode, call.body, 'an object with "data"')
            items = read_items(bytes(head.data), '"data" that is an array')
        return Parsed(items, [_find_app(item) for item in items.found])

    def list_aliases(self, parsed: Parsed) -> Sequence[str]:
        return list_few(parsed.apps)

    def translate(self, parsed: Parsed, call: Call, key: KeyRecord) -> Envelope:
        own = list_own(_KIND, parsed.apps, list_head_keys(call.meta), key)
        own_agent = call.meta.get("HTTP_USER_AGENT") if key.public else None
        events = [
            translate_event(item, own_agent)
            if isinstance(item, dict) and app in own
            else _refuse(item)
            for item, app in zip(parsed.items.found, parsed.apps, strict=True)
        ]
        items = parsed.items
        return Envelope(events, _find_sent_at(items), items.list_sources, beyond=items.beyond)

    def answer(self, taken: Taken, call: Call) -> Reply:
        if call.meta["REQUEST_METHOD"] == "GET":
            return answer_picture()
        return Reply.of_text(200, "ok", {})


def _find_app(item: dict[str, Any] | Refused) -> str | None:
    return None if isinstance(item, Refused) else spell_alias(_KIND, as_text(item.get("aid")) or "")


def _refuse(item: dict[str, Any] | Refused) -> Refused:
    if isinstance(item, Refused):
        return item
    return Refused("other_app", "The events of a request are of one project's apps.")


def _find_sent_at(items: Items) -> str | None:
    for item in items.found:
        if isinstance(item, dict) and (sent_at := _read_ms(item.get("stm"))):
            return sent_at
    return None


def translate_event(item: dict[str, Any], own_agent: str | None = None) -> Native | Refused:
    event, properties = _find_event(item)
    if event is None:
        return Refused("unknown_type", "There is no such type of event.")
    for name, data in _read_contexts(item).items():
        properties.setdefault("contexts", {})[name] = data
    agent = as_text(item.get("ua"))
    native: dict[str, Any] = {
        "eventId": as_event_id(item.get("eid")),
        "event": event,
        "timestamp": _read_ms(item.get("ttm")) or _read_ms(item.get("dtm")),
        "userId": next((text for name in _PEOPLE if (text := as_text(item.get(name)))), None),
        "sessionId": as_text(item.get("sid")),
        "ip": as_text(item.get("ip")),
        "userAgent": None if agent == own_agent else cut(agent, limits.MAX_USER_AGENT_CHARS),
        "referrer": if_short(item.get("refr"), limits.MAX_URL_CHARS),
        "language": if_short(item.get("lang"), limits.MAX_LANGUAGE_CHARS),
        "screen": if_short(item.get("res"), limits.MAX_SCREEN_CHARS),
        "properties": properties or None,
    }
    if event == limits.PAGEVIEW:
        native["title"] = cut(item.get("page"), limits.MAX_TITLE_CHARS)
    if url := as_text(item.get("url")):
        native["url"] = cut(url, limits.MAX_URL_CHARS)
    else:
        native["path"] = cut(f"/_event/{event}", limits.MAX_PATH_CHARS)
    return native


def _find_event(item: Mapping[str, Any]) -> tuple[str | None, dict[str, Any]]:
    """Its name, and what is told of it."""
    match as_text(item.get("e")):
        case "pv":
            return limits.PAGEVIEW, {}
        case "pp":
            return "$ping", {}
        case "se":
            return as_text(item.get("se_ac")), _pick(item, _STRUCTURED, {"se_va": "value"})
        case "tr":
            return "order", _pick(item, _ORDER, {"tr_tt": "revenue", "tr_tx": "tax"})
        case "ti":
            return "item", _pick(item, _ITEM, {"ti_pr": "price", "ti_qu": "quantity"})
        case "ue":
            described = as_object(_read_json(item, "ue_px", "ue_pr").get("data"))
            name = _read_schema(described.get("schema"))
            return ("$link" if name == "link_click" else name), dict(
                as_object(described.get("data"))
            )
    return None, {}


def _pick(
    item: Mapping[str, Any], texts: Mapping[str, str], numbers: Mapping[str, str]
) -> dict[str, Any]:
    told: dict[str, Any] = {
        ours: text for name, ours in texts.items() if (text := as_text(item.get(name)))
    }
    for name, ours in numbers.items():
        try:
            number = float(as_text(item.get(name)) or "")
        except ValueError:
            continue
        if abs(number) < float("inf"):
            told[ours] = number
    return told


def _read_schema(text: Any) -> str | None:
    """The name in `iglu:com.shop/signup/jsonschema/1-0-0`."""
    parts = (as_text(text) or "").split("/")
    return parts[1] if len(parts) == 4 and parts[1] else None


def _read_contexts(item: Mapping[str, Any]) -> dict[str, Any]:
    """What is attached to an event, by the names of the schemas."""
    attached = _read_json(item, "cx", "co").get("data")
    found: dict[str, Any] = {}
    for one in attached if isinstance(attached, list) else ():
        name = _read_schema(as_object(one).get("schema"))
        if name and name not in _NOISE:
            found[name] = as_object(one.get("data"))
    return found


def _read_json(item: Mapping[str, Any], packed: str, plain: str) -> dict[str, Any]:
    """The object of a field, in base64 or not; an empty one where there is none."""
    text = as_text(item.get(plain)) or ""
    try:
        if encoded := as_text(item.get(packed)):
            raw = urlsafe_b64decode(encoded + "=" * (-len(encoded) % 4))
        else:
            raw = text.encode()
        return _decode_object(mend_escapes(raw)) if raw else {}
    except (binascii.Error, ValueError, msgspec.MsgspecError, RecursionError):
        return {}


def _read_ms(value: Any) -> str | None:
    """Milliseconds since 1970, as a text."""
    text = as_text(value)
    if text is None:
        return None
    try:
        return datetime.fromtimestamp(int(text) / 1_000, UTC).isoformat(timespec="milliseconds")
    except (ValueError, OverflowError, OSError):
        return text
