"""The plainest requests for a hot path, parsed without gunicorn, which takes ten times as long.

Who parses a request decides where the next one begins, so nothing in doubt is judged here: a
request is taken if it is plain, or its bytes are left to the strict parser, which refuses it or
understands it. Plain are printable ASCII, one spelling of everything, no query but a key, no header
twice, a Content-Length and no other framing. A test compares both parsers.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import NamedTuple
from wsgiref.types import WSGIEnvironment

MAX_HEAD_BYTES = 8_000  # below gunicorn's limit for one header
MAX_HEADERS = 64  # below gunicorn's limit
_MAX_NAME_CHARS = 64
_MAX_LENGTH_DIGITS = 7
_MAX_HOST_CHARS = 64

HEAD_END = b"\r\n\r\n"
# As the doors for web pages are addressed; with marks that no parser reads in two ways.
_KEYED_LINE = re.compile(r"(POST [^ ?]+)\?(key=[A-Za-z0-9_-]{1,128})( HTTP/1\.1)")
# Not `_`: it would be one with `-` in the environ.
_NAME = re.compile(r"[!#$%&'*+.^`|~0-9A-Za-z-]+")
# RFC 9110, section 7.2: what a URI has as its host, and a port.
_HOST = re.compile(
    r"(?:\[[0-9A-Fa-f:.]{2,45}\]|(?:[A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2}){0,255})(?::[0-9]{0,5})?"
)
# They change what a request is, where it ends, or what comes after it.
_GUNICORNS = frozenset(
    ("TRANSFER-ENCODING", "EXPECT", "UPGRADE", "HTTP2-SETTINGS", "TE", "TRAILER")
)
_BARE_KEYS = frozenset(("CONTENT_TYPE", "CONTENT_LENGTH"))


class PlainHead(NamedTuple):
    """The head of a request, in `data` as it was given, and where its body is or will be."""

    environ: WSGIEnvironment  # what it says of the request, in the words of WSGI
    body_begin: int
    end: int  # where the next request begins


def make_request_lines(paths: Iterable[str]) -> dict[str, str]:
    """The request lines that are plain, each with its path."""
    return {f"POST {path} HTTP/1.1": path for path in paths}


def parse_head(data: bytes, request_lines: Mapping[str, str]) -> PlainHead | None:
    """The head that `data` begins with; None if it is not plain, or not all there."""
    head_end = data.find(HEAD_END, 0, MAX_HEAD_BYTES)
    head = data[: max(head_end, 0)]
    if not head.isascii():
        return None
    request_line, *lines = head.decode("ascii").split("\r\n")
    environ: WSGIEnvironment = {}
    path = request_lines.get(request_line)
    if path is None and (keyed := _KEYED_LINE.fullmatch(request_line)):
        path = request_lines.get(keyed[1] + keyed[3])
        environ["QUERY_STRING"] = keyed[2]
    if path is None or len(lines) > MAX_HEADERS or not "".join(lines).isprintable():
        return None
    for line in lines:
        name, _, value = line.partition(": ")
        key = _find_key(name) if len(name) <= _MAX_NAME_CHARS else None
        if key is None or key in environ or not value or value.strip(" ") != value:
            return None
        environ[key] = value
    length = _find_length(environ)
    if length is None:
        return None
    environ["REQUEST_METHOD"] = "POST"
    environ["PATH_INFO"] = path
    body_begin = head_end + len(HEAD_END)
    return PlainHead(environ, body_begin, body_begin + length)


@lru_cache(1_000)
def _find_key(name: str) -> str | None:
    """The key of the environ for a header; None if only gunicorn may judge it."""
    upper = name.upper()
    if upper in _GUNICORNS or not _NAME.fullmatch(name):
        return None
    key = upper.replace("-", "_")
    return key if key in _BARE_KEYS else f"HTTP_{key}"


def is_host(text: str) -> bool:
    """Whether it may stand as a Host: a name or an address, and perhaps a port."""
    return _HOST.fullmatch(text) is not None


_is_host_cached = lru_cache(1_000)(is_host)


def _find_length(environ: Mapping[str, str]) -> int | None:
    """The length of the body; None without a plain one, a Host and a connection to be kept."""
    text = environ.get("CONTENT_LENGTH", "")
    if not text.isdigit() or len(text) > _MAX_LENGTH_DIGITS:
        return None
    host = environ.get("HTTP_HOST", "")
    if not host or len(host) > _MAX_HOST_CHARS or not _is_host_cached(host):
        return None
    return int(text) if environ.get("HTTP_CONNECTION", "keep-alive") == "keep-alive" else None
