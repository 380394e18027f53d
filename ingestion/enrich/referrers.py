"""Where somebody came from: the host of a referrer, as a browser would read its URL.

The rules are those of https://url.spec.whatwg.org, but that a name is shown in Unicode, that what
no name has (an ampersand, a brace) is refused, and that `www.` and the port are left out.
"""

import ipaddress
import re
import socket
from functools import lru_cache
from typing import Final
from urllib.parse import unquote, unquote_to_bytes

import idna

MAX_REFERRER_CHARS: Final = 2_048  # of a longer one nothing more is read
MAX_HOST_CHARS: Final = 256
_MAX_LABEL_CHARS = 63

_WEB = ("http", "https")
_APPS = ("android-app", "ios-app")

_SCHEME = re.compile(r"([a-z][a-z0-9+.-]*):(.*)", re.IGNORECASE | re.DOTALL)
# `https%3A%2F%2F...`, or escaped once more
_ESCAPED = re.compile(r"(?:[a-z][a-z0-9+.-]{0,250})?%(?:25)*(?:3a|2f)", re.IGNORECASE)
_MOST_ESCAPES = 3
_PORT = re.compile(r"[0-9]{1,5}(?=[/\\?#]|$)")
_APP = re.compile(r"[a-z0-9_][a-z0-9._-]*", re.ASCII)
_REFUSED = re.compile(r"[\x00-,/:-@\[-^`{-\x7f]")  # all of ASCII but letters, digits, `-._`
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


@lru_cache(maxsize=2_048)
def referrer_host(url: str) -> str | None:
    """The host that `url` names, in lower case and Unicode, without `www.`; None where none is.

    Of an app, its scheme and its name: `android-app://com.slack`.
    """
    text = url[:MAX_REFERRER_CHARS].strip("".join(map(chr, range(33))))
    text = re.sub(r"[\t\r\n]", "", text)
    for _ in range(_MOST_ESCAPES):
        if not _ESCAPED.match(text):
            break
        text = unquote(text)
    found = _SCHEME.match(text)
    if found is None or _PORT.match(found[2]):
        return _host_without_scheme(text)
    scheme, rest = found[1].lower(), found[2]
    if scheme in _WEB:
        return _host_of_authority(rest.lstrip("/\\"))
    if scheme in _APPS and rest.startswith("//"):
        name = _cut_authority(rest[2:]).lower()
        return f"{scheme}://{name}"[:MAX_HOST_CHARS] if _APP.fullmatch(name) else None
    return None


def _host_without_scheme(text: str) -> str | None:
    """Of `//example.com/a` and `example.com/a`; not of a path, a word or an address of mail."""
    if re.match(r"[/\\]{2}", text):
        return _host_of_authority(text.lstrip("/\\"))
    if "@" in _cut_authority(text):
        return None
    host = _host_of_authority(text)
    is_number = host is not None and _NUMBER.fullmatch(host.rpartition(".")[2]) is not None
    return host if host and "." in host and (not is_number or text.startswith(host)) else None


def _cut_authority(text: str) -> str:
    return re.split(r"[/\\?#]", text, maxsplit=1)[0]


def _host_of_authority(text: str) -> str | None:
    host = _cut_authority(text).rpartition("@")[2]
    if host.startswith("["):
        address, bracket, port = host[1:].partition("]")
        return _read_ipv6(address) if bracket and _is_port(port) else None
    name, _, port = host.partition(":")
    return _read_name(name) if _is_port(f":{port}") else None


def _is_port(text: str) -> bool:
    """Whether `text` is nothing, a colon, or a colon and the number of a port."""
    digits = text.removeprefix(":")
    if not digits:
        return True
    return text != digits and _PORT.fullmatch(digits) is not None and int(digits) < 65_536


def _read_ipv6(text: str) -> str | None:
    try:
        return f"[{ipaddress.IPv6Address(text).compressed}]" if "%" not in text else None
    except ValueError:
        return None


def _read_name(text: str) -> str | None:
    if "%" in text:
        text = unquote_to_bytes(text).decode("utf-8", "replace")
    try:
        host = idna.uts46_remap(text[:MAX_REFERRER_CHARS], std3_rules=False)
    except idna.IDNAError:
        return None
    host = host.removesuffix(".")
    if not host or _REFUSED.search(host):
        return None
    labels = host.split(".")
    if not all(labels):
        return None
    if _NUMBER.fullmatch(labels[-1]):
        return _read_ipv4(host)
    shown = ".".join(map(_show_label, labels))
    rest = shown.removeprefix("www.")
    return (rest if "." in rest else shown)[:MAX_HOST_CHARS]


def _read_ipv4(text: str) -> str | None:
    try:
        return socket.inet_ntoa(socket.inet_aton(text))
    except OSError:
        return None


def _show_label(label: str) -> str:
    """A label of Punycode in Unicode, if that is how it would be written."""
    if not label.startswith("xn--") or len(label) > _MAX_LABEL_CHARS:
        return label
    try:
        shown = label[4:].encode().decode("punycode")
        if shown.isascii() or idna.uts46_remap(shown, std3_rules=False) != shown:
            return label
        is_same = shown.encode("punycode").decode() == label[4:]
    except (UnicodeError, idna.IDNAError):
        return label
    return shown if is_same and not _REFUSED.search(shown) and "." not in shown else label
