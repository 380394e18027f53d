"""Umami's tracker and its clients for servers: docs/receivers/umami.md."""

import hmac
from base64 import urlsafe_b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, NamedTuple
from uuid import uuid4

from django.conf import settings

from analytics.events import event as limits
from analytics.keys.aliases import spell_alias
from analytics.keys.records import KeyRecord
from analytics.web.problems import BadRequest, Problem
from ingestion.accept.reply import Reply
from ingestion.receivers.batches import Items, read_items
from ingestion.receivers.envelope import Call, Envelope, Native, Refused, Taken
from ingestion.receivers.fields import as_number, as_object, as_text, cut, if_short
from ingestion.receivers.owner import list_few, list_head_keys, list_own
from ingestion.receivers.receiver import Receiver

_KIND = "umami"
_BATCH = "/api/batch"
_EXPECTED = "an object with type and payload"
_CACHE = "HTTP_X_UMAMI_CACHE"
_VITALS = ("lcp", "inp", "cls", "fcp", "ttfb")
_KEPT = ("tag", *_VITALS)


class Parsed(NamedTuple):
    items: Items
    websites: Sequence[str | None]  # of each


@dataclass(slots=True)
class UmamiEnvelope(Envelope):
    """`website` is whose the request is."""

    website: str = field(default="")


class Umami(Receiver[Parsed]):
    name = "umami"
    title = "Umami"
    paths = ("/api/send", _BATCH)
    key_place = (
        "none: the website id is an alias; a server may send Authorization: Bearer <secret key>"
    )
    alias_kind = _KIND

    def read(self, call: Call) -> Parsed:
        if call.path == _BATCH:
            items = read_items(call.body, "an array of objects with type and payload")
        else:
            items = read_items(b"[%b]" % call.body, _EXPECTED)
            if len(items.found) != 1:
                raise BadRequest(f"Send {_EXPECTED}.", code="bad_envelope")
        return Parsed(items, [_find_website(item) for item in items.found])

    def list_aliases(self, parsed: Parsed) -> Sequence[str]:
        return list_few(parsed.websites)

    def translate(self, parsed: Parsed, call: Call, key: KeyRecord) -> Envelope:
        """By a key all events are its project's; by a website id what is another's is left out."""
        own = list_own(_KIND, parsed.websites, list_head_keys(call.meta), key)
        events = [
            translate_event(item) if isinstance(item, dict) and website in own else _refuse(item)
            for item, website in zip(parsed.items.found, parsed.websites, strict=True)
        ]
        single = call.path != _BATCH
        named = next(filter(None, parsed.websites), "")
        return UmamiEnvelope(events, None, parsed.items.list_sources, single, named)

    def answer(self, taken: Taken, call: Call) -> Reply:
        envelope = taken.envelope
        assert isinstance(envelope, UmamiEnvelope)
        session = find_session(call.meta.get(_CACHE), envelope.website)
        if envelope.single:
            return Reply(200, session, {})
        details = [
            {"index": index, "response": {"error": {"message": refused.detail}}}
            for index, refused in taken.refused.items()
        ]
        size = len(envelope.events)
        counts = {"size": size, "processed": taken.accepted, "errors": len(details)}
        return Reply(200, {**counts, "details": details, "cache": session["cache"]}, {})

    def explain(self, problem: Problem) -> Mapping[str, object]:
        return {"error": {"message": problem.detail, "code": problem.code}}


def _find_website(item: dict[str, Any] | Refused) -> str | None:
    if isinstance(item, Refused):
        return None
    return spell_alias(_KIND, as_text(as_object(item.get("payload")).get("website")) or "")


def _refuse(item: dict[str, Any] | Refused) -> Refused:
    if isinstance(item, Refused):
        return item
    return Refused("other_website", "The events of a request are of one project's websites.")


def translate_event(item: dict[str, Any]) -> Native | Refused:
    payload = as_object(item.get("payload"))
    type_ = as_text(item.get("type"))
    name = as_text(payload.get("name"))
    match type_:
        case "event":
            event = name or limits.PAGEVIEW
        case "identify" | "error" | "engagement":
            event = f"${type_}"
        case "performance":
            event = "$vitals"
        case _:
            return Refused("unknown_type", "There is no such type of event.")
    properties = dict(as_object(payload.get("data")))
    for kept in _KEPT:
        if payload.get(kept) is not None:
            properties.setdefault(kept, payload[kept])
    if type_ == "engagement" and (ms := as_number(payload.get("engagement"))) is not None:
        properties["seconds"] = ms / 1_000
    native: dict[str, Any] = {
        "event": event,
        "timestamp": _read_timestamp(payload.get("timestamp")),
        "userId": as_text(payload.get("id")),
        "ip": as_text(payload.get("ip")),
        "userAgent": cut(payload.get("userAgent"), limits.MAX_USER_AGENT_CHARS),
        "referrer": if_short(payload.get("referrer"), limits.MAX_URL_CHARS),
        "title": cut(payload.get("title"), limits.MAX_TITLE_CHARS),
        "language": if_short(payload.get("language"), limits.MAX_LANGUAGE_CHARS),
        "screen": if_short(payload.get("screen"), limits.MAX_SCREEN_CHARS),
        "hostname": if_short(payload.get("hostname"), limits.MAX_HOSTNAME_CHARS),
        "properties": properties or None,
    }
    if url := as_text(payload.get("url")):
        native["url"] = cut(url, limits.MAX_URL_CHARS)
    else:
        native["path"] = cut(f"/_event/{event}", limits.MAX_PATH_CHARS)
    return native


def _read_timestamp(value: Any) -> str | None:
    """Of seconds since 1970; another text is judged as it is."""
    try:
        return datetime.fromtimestamp(float(value), UTC).isoformat()
    except (TypeError, ValueError, OverflowError, OSError):
        return as_text(value)


def find_session(cache: str | None, website: str) -> dict[str, str]:
    """What a client is told of itself: as the time before if its token is ours, else by chance.

    Nothing is kept of it. Visits are worked out from what is stored.
    """
    if cache:
        text, _, seal = cache.rpartition(".")
        session, _, visit = text.partition(".")
        if visit and hmac.compare_digest(seal.encode(), _seal(text, website).encode()):
            return {"cache": cache, "sessionId": session, "visitId": visit}
    session, visit = str(uuid4()), str(uuid4())
    text = f"{session}.{visit}"
    return {"cache": f"{text}.{_seal(text, website)}", "sessionId": session, "visitId": visit}


def _seal(text: str, website: str) -> str:
    key = b"umami cache:" + settings.SECRET_KEY.encode()
    digest = hmac.new(key, f"{website}.{text}".encode(), sha256).digest()
    return urlsafe_b64encode(digest).decode().rstrip("=")
