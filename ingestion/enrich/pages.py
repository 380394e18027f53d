"""The page of an event: its path, its hostname, and what its address says of where it came from."""

import re
from typing import Final, NamedTuple
from urllib.parse import unquote_to_bytes

from analytics.events.hosts import SCHEME, SPACE, cut_authority, read_authority, read_hostname
from analytics.events.marks import compose
from ingestion.enrich.campaigns import NO_CAMPAIGN, Campaign, read_path
from ingestion.enrich.click_ids import find_click_id

MAX_PAGE_CHARS: Final = 2_047

_WEB = re.compile(r"https?:[/\\]{2,}", re.IGNORECASE)
_NETWORK = re.compile(r"[/\\]{2,}")
# `site.example/a` and `localhost:3000/a`, which people write; one way to match each label
_BARE = re.compile(r"(?=[^/\\?#:@]+(?:\.\d*[^/\\?#:@.\d][^/\\?#:@.]*|:\d{1,5})/)")
_ESCAPES = re.compile(r"(?:%[0-9a-f]{2})+", re.IGNORECASE)
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")
_QUERY = re.compile(r"[?#]")
# What `surrogateescape` makes of the bytes that are no UTF-8.
_FIRST_STRAY, _LAST_STRAY = "\udc80", "\udcff"


class Page(NamedTuple):
    """Where an event happened. `click_id` is the name of the id's parameter (`gclid`)."""

    path: str
    hostname: str | None
    campaign: Campaign
    click_id: str | None


def read_page(url: str | None, path: str | None, hostname: str | None, *, tidy: bool) -> Page:
    """What `url`, `path` and `hostname` of an event say; `path` and `hostname` go before `url`.

    With `tidy` the path holds no query and no fragment, and has one spelling; without, it is as it
    was sent. An address that names no path has `/`.
    """
    url = url.strip(SPACE) if url else ""
    url_host, url_rest = _split_url(url)
    path_host, path_rest = _split_path(path) if path else (None, "")
    campaign, click_id = _read_origin(path or "", url)
    if not path:
        shown = url_rest if url_rest[:1] not in ("", "?", "#") else f"/{url_rest}"
    else:
        shown = path_rest if tidy else path
    if tidy:
        shown = tidy_path(shown)
    return Page(
        shown[:MAX_PAGE_CHARS],
        (read_hostname(hostname) if hostname else None) or url_host or path_host,
        campaign,
        click_id,
    )


def tidy_path(path: str) -> str:
    """`path` without query and fragment, in the one spelling that its page has.

    Escapes of what needs none are decoded, the others are in upper case; the characters are in NFC.
    Case, `//` and a last slash are kept.
    """
    path = _QUERY.split(path, maxsplit=1)[0]
    if "%" in path:
        path = _ESCAPES.sub(_decode, path)
    return compose(path) or "/"


def _read_origin(path: str, url: str) -> tuple[Campaign, str | None]:
    """Campaign and click id; what the path says goes before what the address says."""
    campaign, click_id = read_path(path), find_click_id(path)
    if url and url != path:
        beside = read_path(url)
        if beside is not NO_CAMPAIGN:
            campaign = Campaign(
                *(one or other for one, other in zip(campaign, beside, strict=True))
            )
        click_id = click_id or find_click_id(url)
    return campaign, click_id


def _split_path(path: str) -> tuple[str | None, str]:
    """Hostname and path of a path, which may be a whole address; `//a` is none."""
    return _split_authority(path[web.end() :]) if (web := _WEB.match(path)) else (None, path)


def _split_url(url: str) -> tuple[str | None, str]:
    """Hostname of an address, and what follows it."""
    if start := _WEB.match(url) or _NETWORK.match(url) or _BARE.match(url):
        return _split_authority(url[start.end() :])
    if scheme := SCHEME.match(url):
        rest = url[scheme.end() :]
        return _split_authority(rest) if scheme[1] else (None, rest)
    return None, url


def _split_authority(text: str) -> tuple[str | None, str]:
    authority = cut_authority(text)
    return read_authority(authority) if authority else None, text[len(authority) :]


def _decode(escapes: re.Match[str]) -> str:
    text = unquote_to_bytes(escapes[0]).decode("utf-8", "surrogateescape")
    return "".join(map(_show, text))


def _show(character: str) -> str:
    if _FIRST_STRAY <= character <= _LAST_STRAY:
        return f"%{ord(character) - 0xDC00:02X}"
    if character.isascii() and not _UNRESERVED.match(character):
        return f"%{ord(character):02X}"
    return character
