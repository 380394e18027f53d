"""Read what a client sent by what it is: no `Content-Type` is believed."""

import re
from collections.abc import Callable
from typing import TypeVar
from urllib.parse import parse_qsl
from wsgiref.types import WSGIEnvironment

import msgspec

from analytics.web.problems import BadRequest
from ingestion.accept.body import read_as_sent
from ingestion.accept.inflate import inflate, read_coding
from ingestion.accept.judge import MAX_BATCH_BODY_BYTES

T = TypeVar("T")

_GZIP_MAGIC = b"\x1f\x8b"
_BACKSLASH = b"\\"[0]  # as a number, which `in` finds much faster
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
MAX_FORM_FIELDS = 100

_HALF = re.compile(rb"\\u[dD][89a-fA-F]")
# Whole escapes, of which a pair is one, so that what follows a backslash is never read as another.
_ESCAPE = re.compile(
    rb"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    rb"|(\\u[dD][89a-fA-F][0-9a-fA-F]{2})|\\.",
    re.DOTALL,
)
_REPLACEMENT = rb"\ufffd"


def read_packed_body(meta: WSGIEnvironment, max_bytes: int = MAX_BATCH_BODY_BYTES) -> bytes:
    """The whole body, unpacked, of at most `max_bytes` packed and unpacked.

    What begins as gzip does is gzip, also where no header says so. Raises as `read_body`.
    """
    coding = read_coding(meta["HTTP_CONTENT_ENCODING"]) if "HTTP_CONTENT_ENCODING" in meta else None
    body = read_as_sent(meta, max_bytes)
    if body.startswith(_GZIP_MAGIC):
        coding = "gzip"
    if coding is not None:
        body = inflate(body, coding, max_bytes)
    return mend_escapes(body.removeprefix(_BYTE_ORDER_MARK))


def mend_escapes(text: bytes) -> bytes:
    """`text` with U+FFFD for each half of a character, which is no JSON for us.

    Browsers write one so where a script has cut a text within an emoji: it would sink its batch.
    """
    if _BACKSLASH not in text or _HALF.search(text) is None:
        return text
    return _ESCAPE.sub(lambda match: match[0] if match[1] is None else _REPLACEMENT, text)


def decode_envelope(decode: Callable[[bytes], T], body: bytes, expected: str) -> T:
    """What `decode`, a decoder's of msgspec, makes of the body; `expected` says what it should be.

    Raises BadRequest (`invalid_json`, `too_deep`, `bad_envelope`).
    """
    try:
        return decode(body)
    except msgspec.ValidationError:
        raise BadRequest(f"Send {expected}.", code="bad_envelope") from None
    except RecursionError:
        raise BadRequest("The JSON is nested too deeply.", code="too_deep") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise BadRequest(f"Not valid JSON in UTF-8: {exc}.", code="invalid_json") from None


def read_form(body: bytes) -> dict[str, str]:
    """The fields of a form, or of a query; of one that is there twice, the last.

    Raises BadRequest (`bad_envelope`) for more than MAX_FORM_FIELDS.
    """
    try:
        text = body.decode()
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=MAX_FORM_FIELDS)
    except ValueError:  # also what is not UTF-8
        detail = f"Send a form in UTF-8 with at most {MAX_FORM_FIELDS} fields."
        raise BadRequest(detail, code="bad_envelope") from None
    return dict(pairs)
