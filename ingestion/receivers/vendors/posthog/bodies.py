"""The bodies of PostHog's clients: an event, a list of them, a batch; as JSON, or in a form."""

import binascii
from base64 import b64decode
from contextlib import suppress
from typing import Any, NamedTuple

import msgspec

from analytics.web.problems import BadRequest
from ingestion.accept.inflate import inflate
from ingestion.accept.judge import MAX_BATCH_BODY_BYTES
from ingestion.receivers.batches import ItemsOf, read_items_as
from ingestion.receivers.bodies import decode_envelope, mend_escapes, read_form
from ingestion.receivers.envelope import Refused
from ingestion.receivers.fields import as_text
from ingestion.receivers.vendors.posthog.events import Capture

_EXPECTED = 'an event, a list of events, or an object with a "batch"'
_GZIP_MAGIC = b"\x1f\x8b"


class _Head(msgspec.Struct):
    """What a body says of all its events."""

    api_key: Any = None
    token: Any = None
    sent_at: Any = None
    batch: msgspec.Raw = msgspec.Raw(b"")
    event: Any = None


class _Batch(msgspec.Struct):
    """A batch as nearly all are: each of its items is an object."""

    batch: list[Capture]
    api_key: Any = None
    token: Any = None
    sent_at: Any = None


class Parsed(NamedTuple):
    key: str | None
    sent_at: str | None
    items: ItemsOf[Capture]
    single: bool = False  # the body is one event's
    by_items: bool = False  # the key is that of the first event that names one


_decode_head = msgspec.json.Decoder(_Head).decode
_decode_batch = msgspec.json.Decoder(_Batch).decode
_captures = msgspec.json.Decoder(list[Capture])
_capture = msgspec.json.Decoder(Capture)


def read_events(body: bytes) -> Parsed:
    """Raises BadRequest for what no client of PostHog's sends."""
    body = body.strip()
    with suppress(msgspec.MsgspecError, UnicodeDecodeError, RecursionError):  # and see why below
        whole = _decode_batch(body)
        items = ItemsOf(lambda: bytes(_decode_head(body).batch), whole.batch)
        return _parse(whole, items, single=False)
    if body[:1] not in (b"{", b"["):
        body = _read_data(body)
    if body[:1] == b"[":
        items = _read_items(body)
        return Parsed(_find_key(items), None, items, by_items=True)
    head = decode_envelope(_decode_head, body, _EXPECTED)
    batch = bytes(head.batch)
    if batch:
        items = _read_items(batch)
    elif head.event is not None:
        items = _read_items(b"[%b]" % body)
    else:
        raise BadRequest(f"Send {_EXPECTED}.", code="bad_envelope")
    return _parse(head, items, single=not batch)


def _parse(head: _Head | _Batch, items: ItemsOf[Capture], *, single: bool) -> Parsed:
    key = as_text(head.api_key) or as_text(head.token)
    sent_at = as_text(head.sent_at)
    return Parsed(key or _find_key(items), sent_at, items, single, by_items=key is None)


def _read_items(array: bytes) -> ItemsOf[Capture]:
    return read_items_as(_captures, _capture, array, _EXPECTED)


def _read_data(body: bytes) -> bytes:
    """What the field `data` of a form holds, or a body that is base64 as a whole."""
    form = read_form(body) if b"=" in body[:-2] else {}
    data = form.get("data", "").strip().encode() or body
    if data[:1] in (b"{", b"["):
        return data
    try:
        data = b64decode(data.replace(b" ", b"+"), validate=True)  # a form's blank was a plus
    except (binascii.Error, ValueError):
        raise BadRequest(f"Send {_EXPECTED}.", code="bad_envelope") from None
    if data.startswith(_GZIP_MAGIC):
        data = inflate(data, "gzip", MAX_BATCH_BODY_BYTES)
    return mend_escapes(data).strip()


def _find_key(items: ItemsOf[Capture]) -> str | None:
    """Of old clients, each of whose events says it."""
    for item in items.found:
        if not isinstance(item, Refused) and (key := read_key(item)):
            return key
    return None


def read_key(capture: Capture) -> str | None:
    """The key that an event names itself."""
    token = capture.given.get("token")
    if capture.api_key is None and token is None:
        return None  # as nearly all
    return as_text(capture.api_key) or as_text(token)
