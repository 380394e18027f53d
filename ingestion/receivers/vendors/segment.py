"""The clients of Segment and of RudderStack, which send the same: docs/receivers/segment.md."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from django.urls import URLPattern

from analytics.events import event as limits
from analytics.events.event import PAGEVIEW
from analytics.keys.records import KeyRecord
from analytics.web.problems import Problem
from ingestion.accept.reply import Reply
from ingestion.receivers.batches import ItemsOf, read_items_as
from ingestion.receivers.bodies import decode_envelope
from ingestion.receivers.envelope import Call, Envelope, Refused, Taken
from ingestion.receivers.fields import as_event_id, as_text
from ingestion.receivers.native import NativeEvent
from ingestion.receivers.receiver import Receiver
from ingestion.receivers.vendors.segment_context import (
    Context,
    decode_object,
    find_page,
    read_context,
    read_view,
)
from ingestion.receivers.vendors.segment_settings import list_patterns

# The last part of a path, and the type of the message that is sent there.
_TYPES: Mapping[str, str] = {
    **{name: name for name in ("track", "page", "screen", "identify", "group", "alias")},
    **{name[0]: name for name in ("track", "page", "screen", "identify", "group", "alias")},
}
_BATCHES = ("batch", "b")
_VIEWS, _PEOPLE = ("page", "screen"), ("identify", "group", "alias")
_NOTHING = msgspec.Raw(b"")


class Message(msgspec.Struct, rename="camel", gc=False):
    """One call of a client; whatever is of another type than it should be is as if absent."""

    type: Any = None
    message_id: Any = None
    user_id: Any = None
    anonymous_id: Any = None
    timestamp: Any = None
    original_timestamp: Any = None
    sent_at: Any = None
    event: Any = None
    name: Any = None
    category: Any = None
    group_id: Any = None
    previous_id: Any = None
    properties: msgspec.Raw = _NOTHING
    context: msgspec.Raw = _NOTHING
    traits: msgspec.Raw = _NOTHING


class _Head(msgspec.Struct, rename="camel"):
    """What a body says of the request; of a single message, beside the message's own."""

    write_key: Any = None
    sent_at: Any = None
    batch: msgspec.Raw = _NOTHING


class _Batch(msgspec.Struct, rename="camel"):
    """A batch as nearly all are: each of its items is an object."""

    batch: list[Message]
    write_key: Any = None
    sent_at: Any = None


class Parsed(NamedTuple):
    write_key: str | None
    sent_at: str | None
    items: ItemsOf[Message]
    type: str | None  # of the only message; None: a batch, each of which says its own


_A_BATCH = 'an object with a "batch" that is an array'
_decode_head = msgspec.json.Decoder(_Head).decode
_decode_batch = msgspec.json.Decoder(_Batch).decode
_messages = msgspec.json.Decoder(list[Message])
_message = msgspec.json.Decoder(Message)


class Segment(Receiver[Parsed]):
    name = "segment"
    title = "Segment, RudderStack"
    paths = tuple(f"/v1/{name}" for name in (*_TYPES, *_BATCHES))
    key_place = "the write key: the user of Basic authentication, or writeKey in the body"

    def read(self, call: Call) -> Parsed:
        kind, body = call.path.rpartition("/")[2], call.body
        if kind in _BATCHES:
            return _read_batch(body)
        head = decode_envelope(_decode_head, body, "an object")
        items = read_items_as(_messages, _message, b"[%b]" % body, "an object")
        return Parsed(as_text(head.write_key), as_text(head.sent_at), items, _TYPES[kind])

    def list_keys(self, parsed: Parsed) -> Sequence[str]:
        return [parsed.write_key] if parsed.write_key else []

    def translate(self, parsed: Parsed, call: Call, key: KeyRecord) -> Envelope:
        # What a browser says of itself twice is said once.
        own_agent = call.meta.get("HTTP_USER_AGENT") if key.public else None
        events = [_try_to_translate(item, parsed.type, own_agent) for item in parsed.items.found]
        sent_at = parsed.sent_at or _find_sent_at(parsed.items)
        return Envelope(events, sent_at, parsed.items.list_sources, parsed.type is not None)

    def answer(self, taken: Taken, call: Call) -> Reply:
        return Reply(200, {"success": True}, {})

    def explain(self, problem: Problem) -> Mapping[str, object]:
        return {"success": False, "message": problem.detail}

    def read_patterns(self) -> Sequence[URLPattern]:
        return list_patterns()


def _read_batch(body: bytes) -> Parsed:
    try:
        whole = _decode_batch(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        head = decode_envelope(_decode_head, body, _A_BATCH)
        items = read_items_as(_messages, _message, bytes(head.batch), _A_BATCH)
        return Parsed(as_text(head.write_key), as_text(head.sent_at), items, None)
    items = ItemsOf(lambda: bytes(_decode_head(body).batch), whole.batch)
    return Parsed(as_text(whole.write_key), as_text(whole.sent_at), items, None)


def _find_sent_at(items: ItemsOf[Message]) -> str | None:
    """RudderStack's clients say it in each message."""
    for item in items.found:
        if not isinstance(item, Refused) and (sent_at := as_text(item.sent_at)):
            return sent_at
    return None


def _try_to_translate(
    item: Message | Refused, type_: str | None, own_agent: str | None
) -> NativeEvent | Refused:
    if type(item) is not Message:
        return item if isinstance(item, Refused) else Refused("wrong_type", "No message.")
    try:
        return translate(item, type_ or item.type, own_agent)
    except msgspec.DecodeError:
        return Refused("number_out_of_range", "A number is beyond what is taken.")
    except RecursionError:
        return Refused("too_deep", "The JSON is nested too deeply.")


def translate(message: Message, type_: Any, own_agent: str | None) -> NativeEvent | Refused:
    """A message of `type_`. Raises as msgspec where its JSON is beyond what is taken."""
    raw = bytes(message.properties)
    event, properties = None, None
    if type_ in _VIEWS:
        page, properties, session_id, context = read_view(bytes(message.context), raw)
    else:
        context = read_context(bytes(message.context))
        page, session_id = context.page, context.session_id
    more = {**context.campaign}
    if type_ == "track":
        event = as_text(message.event)
        if event is None:
            return Refused("missing_field", "event is required.")
        if b'"sessionId"' in raw or (not page.named and (b'"path"' in raw or b'"url"' in raw)):
            properties = decode_object(raw)
            page = page if page.named else find_page(properties)
            session_id = session_id or as_text(properties.get("sessionId"))
    elif type_ in _VIEWS:
        if message.name is not None or message.category is not None or type_ == "screen":
            more |= _describe_view(message, type_)
    elif type_ in _PEOPLE:
        event, properties = f"${type_}", _describe_person(message, type_, context)
    else:
        return Refused("unknown_type", "There is no such type of message.")
    user_id = as_text(message.user_id)
    if (anonymous_id := as_text(message.anonymous_id)) and user_id != anonymous_id:
        if user_id:
            more["anonymousId"] = anonymous_id
        else:
            user_id = anonymous_id
    path, agent = page.path, context.user_agent
    if path is None and page.url is None:
        path = _make_path(message, event)
    return NativeEvent(
        as_event_id(message.message_id),
        event,
        as_text(message.timestamp or message.original_timestamp),
        user_id,
        session_id,
        path,
        page.url,
        page.referrer,
        page.title,
        context.language,
        context.screen,
        context.ip,
        None if agent == own_agent else agent,
        _join(raw, properties, more),
    )


def _make_path(message: Message, event: str | None) -> str:
    """Of what happened on no page: a screen's, of its name."""
    name = as_text(message.name) if event is None else None
    return (f"/{name}" if name else f"/_event/{event or PAGEVIEW}")[: limits.MAX_PATH_CHARS]


def _describe_view(message: Message, type_: str) -> dict[str, Any]:
    told = {"name": as_text(message.name), "category": as_text(message.category)}
    told["type"] = type_ if type_ == "screen" else None
    return {name: text for name, text in told.items() if text}


def _join(raw: bytes, properties: Mapping[str, Any] | None, more: dict[str, Any]) -> Any:
    """The properties with `more` where they do not say it themselves; as they came if that is all.

    `properties` are those of `raw` where they had to be read.
    """
    if not more:
        if properties is not None:
            return properties or None
        return msgspec.Raw(raw) if raw[:1] == b"{" else None
    return {**more, **(decode_object(raw) if properties is None else properties)}


def _describe_person(message: Message, type_: str, context: Context) -> dict[str, Any]:
    """Of whom it is said, and what: RudderStack's clients say it in the context."""
    told = decode_object(bytes(message.traits)) or dict(context.traits)
    if type_ != "identify":
        for name, value in (("groupId", message.group_id), ("previousId", message.previous_id)):
            if text := as_text(value):
                told[name] = text
    return told
