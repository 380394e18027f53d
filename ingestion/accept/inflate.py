"""Unpack a compressed body, and stop as soon as it is larger than any body may be."""

import zlib

from analytics.web.problems import BadRequest, TooLarge, UnsupportedMediaType

# RFC 9110, section 8.4.1: deflate comes in zlib's frame; some senders leave that out.
_GZIP, _ZLIB, _RAW = 16 + zlib.MAX_WBITS, zlib.MAX_WBITS, -zlib.MAX_WBITS
_CODINGS = {"gzip": _GZIP, "x-gzip": _GZIP, "deflate": _ZLIB}
_ACCEPTED = "gzip, deflate"


def read_coding(text: str) -> str | None:
    """The coding that a Content-Encoding names; None: the body is as it is.

    Raises UnsupportedMediaType for another one, and for more than one.
    """
    coding = text.strip(" \t").lower()
    if coding in ("", "identity"):
        return None
    if coding not in _CODINGS:
        raise UnsupportedMediaType(
            f"The codings of a body are {_ACCEPTED}, one at most.",
            code="unsupported_encoding",
            headers={"Accept-Encoding": _ACCEPTED},
        )
    return coding


def inflate(data: bytes, coding: str, max_bytes: int) -> bytes:
    """What `data` holds. Raises TooLarge over `max_bytes`, BadRequest where it is not one whole."""
    bits = _CODINGS[coding]
    if bits == _ZLIB and not _is_zlib(data):
        bits = _RAW
    inflater = zlib.decompressobj(bits)
    try:
        unpacked = inflater.decompress(data, max_bytes + 1)
    except zlib.error:
        raise _bad_compression(coding) from None
    if len(unpacked) > max_bytes:
        raise TooLarge(f"The body is over {max_bytes:,} bytes when unpacked.")
    if not inflater.eof or inflater.unused_data:
        raise _bad_compression(coding)
    return unpacked


def _is_zlib(data: bytes) -> bool:
    """Whether it begins as RFC 1950, section 2.2, says."""
    return len(data) >= 2 and data[0] & 0x0F == 8 and int.from_bytes(data[:2]) % 31 == 0


def _bad_compression(coding: str) -> BadRequest:
    detail = f"The body is not one whole {coding}: it is cut off, damaged, or goes on behind it."
    return BadRequest(detail, code="bad_compression")
