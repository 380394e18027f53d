"""Read a request's body: bounded, whole, unpacked, and JSON only, whatever a page calls it."""

import re
from functools import lru_cache
from wsgiref.types import WSGIEnvironment

from django.http import HttpRequest

from analytics.web.problems import BadRequest, RequestTimeout, TooLarge, UnsupportedMediaType
from ingestion.accept.inflate import inflate, read_coding

JSON = "application/json"
NDJSON = (
    *("application/x-ndjson", "application/ndjson"),
    *("application/jsonl", "application/x-jsonlines", "application/jsonlines"),
)
# What a page's browser sends without asking first. By public keys it is JSON, as it is anyway.
TEXT = "text/plain"
# The names of UTF-8 that are in use; what is ASCII is UTF-8 as well.
_CHARSETS = frozenset(("utf-8", "utf8", "csutf8", "us-ascii", "ascii"))
_PARAMETER = re.compile(r';[ \t]*([^\s;="]+)[ \t]*=[ \t]*("(?:[^"\\]|\\.)*"|[^;]*)')
_MAX_CACHED_CHARS = 100
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def read_media_type(meta: WSGIEnvironment, allowed: tuple[str, ...]) -> str:
    """The media type of the body, one of `allowed`; else UnsupportedMediaType.

    Of its parameters the charset alone means something, and has to be UTF-8.
    """
    content_type: str = meta.get("CONTENT_TYPE", "")
    if content_type in allowed:
        return content_type
    find = _find_media_type if len(content_type) > _MAX_CACHED_CHARS else _find_media_type_cached
    return find(content_type, allowed)


def _find_media_type(content_type: str, allowed: tuple[str, ...]) -> str:
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    if media_type not in allowed:
        hint = f" {TEXT} is for public keys." if media_type == TEXT else ""
        raise UnsupportedMediaType(f"Send {' or '.join(allowed)}.{hint}")
    for name, value in _PARAMETER.findall(f";{parameters}"):
        if name.lower() == "charset" and value.strip(' "\t').lower() not in _CHARSETS:
            raise UnsupportedMediaType("The only charset is utf-8.", code="unsupported_charset")
    return media_type


_find_media_type_cached = lru_cache(1_000)(_find_media_type)


def read_body(request: HttpRequest, max_bytes: int) -> bytes:
    """The whole body of at most `max_bytes`, packed and unpacked.

    Raises TooLarge before reading when the announced length is over the limit, BadRequest when
    the body ends before that length, RequestTimeout when the server waited for it long enough.
    A chunked body has no length and is read up to the limit: Django itself would see it as empty.
    """
    return strip_mark(read_bytes(request, max_bytes))


def read_bytes(request: HttpRequest, max_bytes: int) -> bytes:
    """As `read_body`, of what need not be text: with its byte order mark, if it has one."""
    meta = request.META
    coding = read_coding(meta["HTTP_CONTENT_ENCODING"]) if "HTTP_CONTENT_ENCODING" in meta else None
    body = read_as_sent(meta, max_bytes)
    return body if coding is None else inflate(body, coding, max_bytes)


def strip_mark(body: bytes) -> bytes:
    """A body without the byte order mark that some programs write before UTF-8."""
    return body.removeprefix(_BYTE_ORDER_MARK)


def read_as_sent(meta: WSGIEnvironment, max_bytes: int) -> bytes:
    """As `read_body`, but packed if it is, and with its byte order mark: as long as announced."""
    chunked = "HTTP_TRANSFER_ENCODING" in meta
    return _read_chunked(meta, max_bytes) if chunked else _read_length(meta, max_bytes)


def _read_length(meta: WSGIEnvironment, max_bytes: int) -> bytes:
    text = meta.get("CONTENT_LENGTH") or "0"
    if not (text.isascii() and text.isdigit()):
        raise BadRequest("Content-Length is not a number.", code="bad_content_length")
    length = int(text) if len(text) < 16 else max_bytes + 1
    if length > max_bytes:
        raise _too_large(max_bytes)
    body = _read(meta, length)
    if len(body) != length:
        raise BadRequest("The body is shorter than its Content-Length.", code="truncated_body")
    return body


def _read_chunked(meta: WSGIEnvironment, max_bytes: int) -> bytes:
    if not meta.get("wsgi.input_terminated"):
        raise BadRequest("Send the body with a Content-Length.", code="length_required")
    body = _read(meta, max_bytes + 1)
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    return body


def _read(meta: WSGIEnvironment, size: int) -> bytes:
    try:
        body: bytes = meta["wsgi.input"].read(size)
    except TimeoutError as exc:
        raise RequestTimeout("The body did not come in time. Send it again.") from exc
    except Exception as exc:  # gunicorn has a dozen parse errors, WSGI names none of them
        raise BadRequest("The body broke off or is malformed.", code="truncated_body") from exc
    return body


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is over {max_bytes:,} bytes.")
