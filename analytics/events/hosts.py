"""The host of an address, as a browser would read it.

The rules are those of https://url.spec.whatwg.org, but that a name is shown in Unicode, that what
no name has (an ampersand, a brace) is refused, and that the port is left out.
"""

import ipaddress
import re
import socket
from typing import Final
from urllib.parse import unquote_to_bytes

import idna

from analytics.bounded_cache import Kept
from analytics.events.marks import heaps_marks

MAX_HOST_CHARS: Final = 256
SPACE: Final = "".join(map(chr, range(33)))
SCHEME: Final = re.compile(r"[a-z][a-z0-9+.-]*:([/\\]{2})?", re.IGNORECASE)
_MAX_NAME_CHARS = 2_048  # of a longer one nothing more is read
_MAX_LABEL_CHARS = 63

_PORT = re.compile(r"[0-9]{1,5}(?=[/\\?#]|$)")
_REFUSED = re.compile(r"[\x00-,/:-@\[-^`{-\x7f]")  # all of ASCII but letters, digits, `-._`
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)


def begins_with_port(text: str) -> bool:
    """Whether `text`, which follows a colon, begins with the number of a port."""
    return _PORT.match(text) is not None


def ends_with_number(host: str) -> bool:
    """Whether the last label of `host` is a number, as that of an IPv4 address."""
    return _NUMBER.fullmatch(host.rpartition(".")[2]) is not None


def cut_authority(text: str) -> str:
    """`text` up to where a path, a query or a fragment begins."""
    return re.split(r"[/\\?#]", text, maxsplit=1)[0]


def read_hostname(text: str) -> str | None:
    """The host that `text` names, in lower case and Unicode, without port; or None."""
    text = text.strip(SPACE)
    if scheme := SCHEME.match(text):
        text = text[scheme.end() :] if scheme[1] else text
    return read_authority(cut_authority(text)) if text else None


def read_authority(text: str) -> str | None:
    """The host of `user@host:port`, in lower case and Unicode; None where it names none."""
    return _authorities[text]


def _read_authority(text: str) -> str | None:
    host = text.rpartition("@")[2]
    if host.startswith("["):
        address, bracket, port = host[1:].partition("]")
        return _read_ipv6(address) if bracket and _is_port(port) else None
    name, _, port = host.partition(":")
    return _read_name(name) if _is_port(f":{port}") else None


def leave_out_www(host: str) -> str:
    """`host` without `www.`, if what is left has a dot."""
    rest = host.removeprefix("www.")
    return rest if "." in rest else host


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
        text = unquote_to_bytes(text.encode("utf-8", "replace")).decode("utf-8", "replace")
    text = text[:_MAX_NAME_CHARS]
    if not text.isascii() and heaps_marks(text):
        return None
    try:
        host = idna.uts46_remap(text, std3_rules=False)
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
    return ".".join(map(_show_label, labels))[:MAX_HOST_CHARS]


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


_authorities = Kept(_read_authority, 2_048)
