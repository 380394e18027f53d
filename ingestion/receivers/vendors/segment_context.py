"""What messages of Segment's say of where they come from, and of a page: the same again and again.

Clients repeat their whole context in each message, so each is read once and kept for the next.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple

import msgspec

from analytics.bounded_cache import Kept
from analytics.events import event as limits
from ingestion.receivers.fields import as_object, as_text, cut, if_short

# Of a page's properties, what has a field of its own.
_OF_THE_PAGE: Final = ("path", "url", "referrer", "title", "search")
_CAMPAIGN: Final = ("source", "medium", "term", "content")
_MOST_KEPT, _LONGEST_KEPT = 1_000, 4_096
# Of lists and objects within one another; a browser's context has ten. Each takes 90 bytes, also
# one that is sent in two: kept, what strangers send would be 40 times as much.
_MOST_NESTED_KEPT = 40

_decode_object = msgspec.json.Decoder(dict[str, Any]).decode


class Page(NamedTuple):
    """Of a page, in our words; `named`: whether anything was said of one."""

    named: bool = False
    path: str | None = None
    url: str | None = None
    referrer: str | None = None
    title: str | None = None


class Context(NamedTuple):
    """What holds for whatever is sent from one place."""

    page: Page = Page()
    session_id: str | None = None
    language: str | None = None
    screen: str | None = None
    ip: str | None = None
    user_agent: str | None = None
    campaign: Mapping[str, str] = {}
    traits: Mapping[str, Any] = {}


class View(NamedTuple):
    """A page or screen: what its own properties say goes before its context."""

    page: Page
    properties: Mapping[str, Any]  # without what went to a field
    session_id: str | None
    context: Context


def read_context(raw: bytes) -> Context:
    known = _contexts.get(raw)
    if known is not None:
        return known
    return _contexts[raw] if _is_plain(raw) else _read_context(raw)


def read_view(context: bytes, properties: bytes) -> View:
    of = context, properties
    known = _views.get(of)
    if known is not None:
        return known
    return _views[of] if _is_plain(context) and _is_plain(properties) else _read_view(of)


def _is_plain(raw: bytes) -> bool:
    return raw.count(b"{") + raw.count(b"[") <= _MOST_NESTED_KEPT


def find_page(given: Mapping[str, Any]) -> Page:
    """Where a server's event happened, as its properties may say."""
    path, url = given.get("path"), given.get("url")
    is_path = isinstance(path, str) and path.startswith("/")
    is_url = isinstance(url, str) and url.startswith(("https://", "http://"))
    return read_page({"path": path if is_path else None, "url": url if is_url else None})


def read_page(page: Mapping[str, Any]) -> Page:
    url = if_short(page.get("url"), limits.MAX_URL_CHARS)
    return Page(
        bool(page),
        cut(page.get("path"), limits.MAX_PATH_CHARS),
        url,
        if_short(page.get("referrer"), limits.MAX_URL_CHARS),
        cut(page.get("title"), limits.MAX_TITLE_CHARS),
    )


def decode_object(raw: bytes) -> dict[str, Any]:
    """An object; an empty one for anything else. Raises as msgspec where a number is beyond all."""
    return _decode_object(raw) if raw[:1] == b"{" else {}


def _read_context(raw: bytes) -> Context:
    context = decode_object(raw)
    if not context:
        return Context()
    screen = as_object(context.get("screen"))
    size = f"{as_text(screen.get('width'))}x{as_text(screen.get('height'))}"
    given = as_object(context.get("campaign"))
    campaign = {f"utm_{kind}": as_text(given.get(kind)) for kind in _CAMPAIGN}
    campaign["utm_campaign"] = as_text(given.get("name"))
    return Context(
        read_page(as_object(context.get("page"))),
        as_text(context.get("sessionId")),
        if_short(context.get("locale"), limits.MAX_LANGUAGE_CHARS),
        None if "None" in size else if_short(size, limits.MAX_SCREEN_CHARS),
        as_text(context.get("ip")),
        cut(context.get("userAgent"), limits.MAX_USER_AGENT_CHARS),
        {name: value for name, value in campaign.items() if value},
        as_object(context.get("traits")),
    )


def _read_view(of: tuple[bytes, bytes]) -> View:
    context, given = read_context(of[0]), decode_object(of[1])
    own, page = read_page({name: given.get(name) for name in _OF_THE_PAGE}), context.page
    page = Page(
        True,
        own.path or page.path,
        own.url or page.url,
        own.referrer or page.referrer,
        own.title or page.title,
    )
    kept = {name: value for name, value in given.items() if name not in _OF_THE_PAGE}
    session_id = context.session_id or as_text(given.get("sessionId"))
    return View(page, kept, session_id, context)


_contexts = Kept(_read_context, _MOST_KEPT, _LONGEST_KEPT)
_views = Kept(_read_view, _MOST_KEPT, _LONGEST_KEPT)
