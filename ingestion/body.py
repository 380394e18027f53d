"""Read a request's body: bounded, whole, and JSON only."""

from typing import Any

from django.http import HttpRequest

from analytics.problems import BadRequest, RequestTimeout, TooLarge, UnsupportedMediaType

JSON = "application/json"
NDJSON = ("application/x-ndjson", "application/ndjson")


def read_media_type(meta: dict[str, Any], allowed: tuple[str, ...]) -> str:
    """The media type of the body, one of `allowed`; else UnsupportedMediaType."""
    content_type = meta.get("CONTENT_TYPE", "")
    if content_type in allowed:
        return str(content_type)
    media_type, _, parameters = content_type.partition(";")
    media_type = media_type.strip().lower()
    if media_type not in allowed:
        raise UnsupportedMediaType(f"Send {' or '.join(allowed)}.")
    name, _, value = parameters.strip().partition("=")
    if name and (name.strip().lower(), value.strip(' "').lower()) != ("charset", "utf-8"):
        raise UnsupportedMediaType("The only charset is utf-8.", code="unsupported_charset")
    return str(media_type)


def read_body(request: HttpRequest, max_bytes: int) -> bytes:
    """The whole body of at most `max_bytes`.

    Raises TooLarge before reading when the announced length is over the limit, BadRequest when
    the body ends before that length, RequestTimeout when the server waited for it long enough.
    A chunked body has no length and is read up to the limit: Django itself would see it as empty.
    """
    meta = request.META
    encoding = meta.get("HTTP_CONTENT_ENCODING", "identity").strip().lower()
    if encoding not in ("", "identity"):
        detail = "Compressed bodies are not understood: send the JSON as it is."
        raise UnsupportedMediaType(detail, code="unsupported_encoding")
    if "HTTP_TRANSFER_ENCODING" in meta:
        return _read_chunked(meta, max_bytes)
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


def _read_chunked(meta: dict[str, Any], max_bytes: int) -> bytes:
    if not meta.get("wsgi.input_terminated"):
        raise BadRequest("Send the body with a Content-Length.", code="length_required")
    body = _read(meta, max_bytes + 1)
    if len(body) > max_bytes:
        raise _too_large(max_bytes)
    return body


def _read(meta: dict[str, Any], size: int) -> bytes:
    try:
        body: bytes = meta["wsgi.input"].read(size)
    except TimeoutError as exc:
        raise RequestTimeout("The body did not come in time. Send it again.") from exc
    except Exception as exc:  # gunicorn has a dozen parse errors, WSGI names none of them
        raise BadRequest("The body broke off or is malformed.", code="truncated_body") from exc
    return body


def _too_large(max_bytes: int) -> TooLarge:
    return TooLarge(f"The body is over {max_bytes:,} bytes.")
