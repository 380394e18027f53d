"""Where somebody came from: the host of a referrer, as a browser would read its URL.

Apps are sources as well. `www.` is left out.
"""

import re
from typing import Final
from urllib.parse import unquote

from analytics.bounded_cache import Kept
from analytics.events.hosts import (
    MAX_HOST_CHARS,
    begins_with_port,
    cut_authority,
    ends_with_number,
    leave_out_www,
    read_authority,
)

MAX_REFERRER_CHARS: Final = 2_048  # of a longer one nothing more is read

_WEB = ("http", "https")
_APPS = ("android-app", "ios-app")

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.IGNORECASE | re.DOTALL)
# `https%3A%2F%2F...`, or escaped once more
_ESCAPED = re.compile(r"(?:[a-z][a-z0-9+.-]{0,250})?%(?:25)*(?:3a|2f)", re.IGNORECASE)
_MOST_ESCAPES = 3
_APP = re.compile(r"[a-z0-9_][a-z0-9._-]*", re.ASCII)


def referrer_host(url: str) -> str | None:
    """The host that `url` names, in lower case and Unicode, without `www.`; None where none is.

    Of an app, its scheme and its name: `android-app://com.slack`.
    """
    return _hosts[url[:MAX_REFERRER_CHARS]]


def _read_referrer(url: str) -> str | None:
    text = url.strip("".join(map(chr, range(33))))
    text = re.sub(r"[\t\r\n]", "", text)
    for _ in range(_MOST_ESCAPES):
        if not _ESCAPED.match(text):
            break
        text = unquote(text)
    found = _SCHEME.match(text)
    if found is None or begins_with_port(found[2]):
        return _host_without_scheme(text)
    scheme, rest = found[1].lower(), found[2]
    if scheme in _WEB:
        return _host_of_authority(rest.lstrip("/\\"))
    if scheme in _APPS and rest.startswith("//"):
        name = cut_authority(rest[2:]).lower()
        return f"{scheme}://{name}"[:MAX_HOST_CHARS] if _APP.fullmatch(name) else None
    return None


def _host_without_scheme(text: str) -> str | None:
    """Of `//example.com/a` and `example.com/a`; not of a path, a word or an address of mail."""
    if re.match(r"[/\\]{2}", text):
        return _host_of_authority(text.lstrip("/\\"))
    if "@" in cut_authority(text):
        return None
    host = _host_of_authority(text)
    if host is None or "." not in host or (ends_with_number(host) and not text.startswith(host)):
        return None
    return host


def _host_of_authority(text: str) -> str | None:
    host = read_authority(cut_authority(text))
    return leave_out_www(host) if host else None


_hosts = Kept(_read_referrer, 2_048)
