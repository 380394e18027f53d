"""Files of the pages: compressed, and kept by browsers for as long as their address holds.

An address that ends in the digest of its file, as the pages write it, never has another content.
"""

import gzip
import threading
from dataclasses import dataclass
from hashlib import sha256
from http import HTTPStatus
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from whitenoise.middleware import WhiteNoiseMiddleware

FOR_EVER = "public, max-age=31536000, immutable"
DIGEST_CHARS = 8
MAX_BYTES = 256 * 1024
_TEXTS = ("text/css", "text/javascript", "application/javascript", "image/svg+xml")
_LEVEL = 9


@dataclass(frozen=True, slots=True)
class Packed:
    digest: str
    compressed: bytes


_packed: dict[str, Packed | None] = {}
_mutex = threading.Lock()


class StaticFiles(WhiteNoiseMiddleware):  # type: ignore[misc]
    @staticmethod
    def serve(static_file: Any, request: HttpRequest) -> HttpResponseBase:
        response: HttpResponseBase = WhiteNoiseMiddleware.serve(static_file, request)
        packed = _pack(request.path_info, static_file)
        if packed is None:
            return response
        if request.META.get("QUERY_STRING") == packed.digest:
            response["Cache-Control"] = FOR_EVER
        takes = "gzip" in request.headers.get("Accept-Encoding", "")
        if response.status_code != HTTPStatus.OK or "Range" in request.headers:
            return response
        if not takes or "Content-Encoding" in response:
            return response
        return _compress(response, packed, with_body=request.method == "GET")


def digest_of(content: bytes) -> str:
    """What stands at the end of the address of a file."""
    return sha256(content).hexdigest()[:DIGEST_CHARS]


def _pack(path: str, static_file: Any) -> Packed | None:
    """Once for each file; None for what is no text, or large."""
    with _mutex:
        if path not in _packed:
            plain = static_file.get_response("GET", {})
            headers = dict(plain.headers)
            with plain.file as file:
                content = file.read(MAX_BYTES + 1)
            is_text = headers.get("Content-Type", "").startswith(_TEXTS)
            fits = is_text and len(content) <= MAX_BYTES
            compressed = gzip.compress(content, _LEVEL, mtime=0) if fits else b""
            _packed[path] = Packed(digest_of(content), compressed) if fits else None
        return _packed[path]


def _compress(response: HttpResponseBase, packed: Packed, *, with_body: bool) -> HttpResponse:
    """The same answer; without the ETag, which is of the other bytes."""
    shorter = HttpResponse(packed.compressed if with_body else b"", status=response.status_code)
    for name, value in response.items():
        if name != "ETag":
            shorter[name] = value
    response.close()
    shorter["Content-Encoding"] = "gzip"
    shorter["Content-Length"] = str(len(packed.compressed))
    shorter["Vary"] = "Accept-Encoding"
    return shorter
