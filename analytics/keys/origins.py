"""Which web pages may use the API: the origins that projects allow.

A page's first question, the preflight, carries no key: it is told yes if any project allows the
page. The request itself has a key, and its project decides.
"""

import ipaddress
import re
from collections.abc import Collection, Mapping
from typing import Any

import msgspec
import structlog
from django.core.exceptions import ValidationError
from redis.exceptions import RedisError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import origins_key
from analytics.keys.records import KeyRecord
from analytics.remembered import Remembered
from analytics.web.problems import Forbidden

log = structlog.get_logger(__name__)

ANY_ORIGIN = "*"
# What pages have that come from no site: in a frame without a name, or opened from a file.
NULL_ORIGIN = "null"
MAX_ORIGINS = 100
MAX_ORIGIN_CHARS = 255
KNOWN_SECONDS = 10.0
_PREFLIGHT_SECONDS = 7_200  # browsers keep an answer no longer

_HEADERS_TO_SEND = ("Authorization", "Content-Type")
# What agents for errors and traces add to each request of a page (baggage, traceparent) means
# nothing here, and without a yes to it the browser would not send the event.
_MAX_FURTHER_HEADERS = 50
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_HEADERS_TO_READ = "RateLimit, RateLimit-Policy, Retry-After"
# As a browser writes it: lower case, no path, no default port; `*.` stands for any subdomain.
# The pages inside an app have a scheme of the app's framework (capacitor://localhost).
_NAME = r"[a-z0-9](?:[a-z0-9._-]*[a-z0-9])?"
_IPV6 = r"\[(?P<ipv6>[0-9a-f:]{2,39})\]"
_OF_AN_APP = r"(?!(?:wss?|ftp|file|data|about|blob|javascript):)[a-z][a-z0-9+.-]{0,40}"
_PATTERN = re.compile(
    rf"(?:https?://\*\.{_NAME}|{_OF_AN_APP}://(?:{_NAME}|{_IPV6}))(?::[0-9]{{1,5}})?"
)
# Not another host and what comes after it: two headers in one, or an address.
_SUBDOMAIN = re.compile(r"[a-z0-9_-][a-z0-9._-]*")
_DEFAULT_PORT = re.compile(r"http:.*:80|https:.*:443")

_all_origins: Remembered[None, frozenset[str]] = Remembered(KNOWN_SECONDS)


def validate_origin(text: str) -> None:
    """Raises ValidationError for what no browser sends as its Origin."""
    if text in (ANY_ORIGIN, NULL_ORIGIN):
        return
    match = _PATTERN.fullmatch(text)
    if not match or _DEFAULT_PORT.fullmatch(text) or not _is_short_ipv6(match["ipv6"]):
        raise ValidationError(
            f"{text} is not an origin: write https://www.example.com, https://*.example.com, null "
            "or *."
        )


def _is_short_ipv6(text: str | None) -> bool:
    """Whether it is spelled as a browser does; None: it is a name, or of four numbers."""
    try:
        return text is None or str(ipaddress.IPv6Address(text)) == text
    except ValueError:
        return False


def is_allowed(origin: str, allowed: Collection[str]) -> bool:
    if origin in allowed or ANY_ORIGIN in allowed:
        return True
    return any(_is_subdomain(origin, pattern) for pattern in allowed if "*." in pattern)


def _is_subdomain(origin: str, pattern: str) -> bool:
    before, _, after = pattern.partition("*")
    if not (origin.startswith(before) and origin.endswith(after)):
        return False
    return _SUBDOMAIN.fullmatch(origin, len(before), len(origin) - len(after)) is not None


def require_origin(origin: str, key: KeyRecord) -> None:
    """Raise Forbidden if the project of `key` has a list of origins without this one.

    By a public key no page may send where there is no list.
    """
    if is_allowed(origin, key.allowed_origins) or not (key.public or key.allowed_origins):
        return
    refused = "does not allow this origin" if key.allowed_origins else "lets no web page send yet"
    detail = (
        f"The project of this API key {refused}: list the page's origin among its allowed origins, "
        "in the admin or by manage.py allow_origin."
    )
    raise Forbidden(detail, code="origin_not_allowed")


def answer_headers(origin: str, key: KeyRecord | None) -> dict[str, str]:
    """What lets a page of `origin` read an answer; `key` None: refused before it was known."""
    headers = {"Vary": "Origin"}
    if is_allowed(origin, key.allowed_origins if key else read_all_origins()):
        headers["Access-Control-Allow-Origin"] = origin
        headers["Access-Control-Expose-Headers"] = _HEADERS_TO_READ
    return headers


def preflight_headers(meta: Mapping[str, Any], methods: Collection[str]) -> dict[str, str]:
    """The answer to a page that asks, before its request, whether it may."""
    origin = meta.get("HTTP_ORIGIN")
    if origin is None or "HTTP_ACCESS_CONTROL_REQUEST_METHOD" not in meta:
        return {}
    if not is_allowed(origin, read_all_origins()):
        return {}
    return {
        "Access-Control-Allow-Methods": ", ".join(methods),
        "Access-Control-Allow-Headers": ", ".join((*_HEADERS_TO_SEND, *_find_further(meta))),
        "Access-Control-Max-Age": str(_PREFLIGHT_SECONDS),
    }


def _find_further(meta: Mapping[str, Any]) -> list[str]:
    """The headers that the page wants to send beyond those that mean something here."""
    asked = meta.get("HTTP_ACCESS_CONTROL_REQUEST_HEADERS", "").split(",")
    known = {name.lower() for name in _HEADERS_TO_SEND}
    names = dict.fromkeys(name.strip(" \t").lower() for name in asked)
    further = [name for name in names if name not in known and _HEADER_NAME.fullmatch(name)]
    return further[:_MAX_FURTHER_HEADERS]


def read_all_origins() -> frozenset[str]:
    """The origins that any project allows, at most KNOWN_SECONDS old."""
    if (known := _all_origins.find(None)) is not None:
        return known
    known = _all_origins.renew(None, frozenset())
    try:
        raw = stream_client().get(origins_key())
        found = frozenset(msgspec.json.decode(raw, type=list[str]) if raw else ())
    except (RedisError, msgspec.DecodeError) as error:  # what was known goes on
        log.warning("origins_unreadable", error=repr(error))
        return known
    return _all_origins.set(None, found)
