"""Plausible's trackers, and what is sent to its events API: docs/receivers/plausible.md."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import msgspec

from analytics.events import event as limits
from analytics.events.addresses import parse_ip
from analytics.events.invalid_event import InvalidEvent
from analytics.keys.records import KeyRecord
from analytics.web.problems import BadRequest, Problem
from ingestion.accept.reply import Reply
from ingestion.receivers.bodies import decode_envelope, mend_escapes
from ingestion.receivers.envelope import Call, Envelope, Native, Refused, Taken
from ingestion.receivers.fields import as_number, as_object, as_text, cut, if_short
from ingestion.receivers.receiver import Receiver

_Body = dict[str, Any]

# Its fields, the short names first, as the trackers have them.
_NAME, _URL, _DOMAIN = ("n", "name"), ("u", "url"), ("d", "domain")
_REFERRER, _REVENUE = ("r", "referrer"), ("$", "revenue")
_PROPERTIES = ("p", "props", "m", "meta")
_HASH_MODE, _INTERACTIVE = ("h", "hashMode"), ("i", "interactive")

_ENGAGEMENT = "engagement"
_MAX_PROPERTIES = 30
_MAX_DOMAINS = 10
_DROPPED = {"x-plausible-dropped": "1"}
_ROUTE = re.compile(r"!?/+")
_MS_PER_SECOND = 1_000
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Plausible(Receiver[_Body]):
    name = "plausible"
    title = "Plausible"
    paths = ("/api/event",)
    key_place = "none: the domain is an alias; a server may send Authorization: Bearer <secret key>"
    alias_kind = "plausible"

    def read(self, call: Call) -> _Body:
        return decode_envelope(_decode, call.body, "an object with name, url and domain")

    def list_aliases(self, parsed: _Body) -> Sequence[str]:
        """A page may name several domains, with commas between them."""
        return (as_text(_find(parsed, _DOMAIN)) or "").split(",")[:_MAX_DOMAINS]

    def translate(self, parsed: _Body, call: Call, key: KeyRecord) -> Envelope:
        event = translate_event(parsed)
        if not key.public and isinstance(event, dict):
            _add_visitor(event, call)
        return Envelope([event], sources=lambda: [call.body], single=True)

    def answer(self, taken: Taken, call: Call) -> Reply:
        return Reply.of_text(202, "ok", _DROPPED if taken.excluded else {})

    def explain(self, problem: Problem) -> Mapping[str, object]:
        if isinstance(problem, BadRequest):
            return {"errors": {"event": [problem.detail]}}
        return {"error": problem.detail}


def _add_visitor(native: dict[str, Any], call: Call) -> None:
    """A server that has a key says in the headers of its request who was there."""
    native["userAgent"] = cut(call.meta.get("HTTP_USER_AGENT"), limits.MAX_USER_AGENT_CHARS)
    with suppress(InvalidEvent):
        forwarded: str = call.meta.get("HTTP_X_FORWARDED_FOR", "")
        native["ip"] = parse_ip(forwarded.partition(",")[0].strip())


def translate_event(body: _Body) -> Native | Refused:
    name, url = as_text(_find(body, _NAME)), as_text(_find(body, _URL))
    if name is None:
        return Refused("missing_field", "name is required.")
    if url is None:
        return Refused("missing_field", "url is required.")
    if url[:5].lower() == "data:":
        return Refused("bad_url", "url is of no page.")
    properties = _read_properties(_find(body, _PROPERTIES))
    native: dict[str, Any] = {
        "event": name,
        "url": cut(url, limits.MAX_URL_CHARS),
        "path": _find_path(url) if _find(body, _HASH_MODE) in (1, True, "1") else None,
        "referrer": if_short(_find(body, _REFERRER), limits.MAX_URL_CHARS),
    }
    if name == _ENGAGEMENT:
        native["event"] = "$engagement"
        _add_engagement(properties, body)
    elif _find(body, _INTERACTIVE) is False:
        properties["interactive"] = False
    _add_revenue(properties, _find(body, _REVENUE))
    native["properties"] = properties or None
    return native


def _find(body: _Body, names: Sequence[str]) -> Any:
    return next((body[name] for name in names if body.get(name) is not None), None)


def _find_path(url: str) -> str | None:
    """Of a page that what follows its `#` tells apart: as the path that it stands for."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return None
    if route := _ROUTE.match(parts.fragment):
        path = f"{parts.path.rstrip('/')}/{parts.fragment[route.end() :]}"
    elif parts.fragment:
        path = f"{parts.path or '/'}#{parts.fragment}"
    else:
        return None
    return cut(path, limits.MAX_PATH_CHARS)


def _read_properties(given: Any) -> dict[str, Any]:
    """An object, or the JSON of one, of plain values; what is nested is left out, as there."""
    if isinstance(given, str):
        try:
            given = _decode(mend_escapes(given.encode()))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return {}
    plain = (
        (name, value)
        for name, value in as_object(given).items()
        if isinstance(value, str | int | float | bool)
    )
    return dict(list(plain)[:_MAX_PROPERTIES])


def _add_engagement(properties: dict[str, Any], body: _Body) -> None:
    """Since the last time that it was told, where a tracker of ours tells all of a view."""
    if isinstance(depth := body.get("sd"), int | float) and 0 <= depth <= 100:
        properties["scroll"] = depth
    if (ms := as_number(body.get("e"))) is not None and ms >= 0:
        properties["seconds"] = ms / _MS_PER_SECOND


def _add_revenue(properties: dict[str, Any], given: Any) -> None:
    if isinstance(given, str):
        try:
            given = _decode(mend_escapes(given.encode()))
        except (msgspec.MsgspecError, UnicodeError, RecursionError):
            return
    revenue = as_object(given)
    amount, currency = revenue.get("amount"), as_text(revenue.get("currency"))
    try:
        number = float(amount) if isinstance(amount, str | int | float) else None
    except (ValueError, OverflowError):
        return
    if number is not None and currency and abs(number) < float("inf"):
        properties |= {"revenue": number, "currency": currency}
