"""What three parsers make of the same bytes: ours, h11, and llhttp as httptools wraps it."""

from dataclasses import dataclass
from typing import Any

import h11
import httptools
from gunicorn.config import Config
from gunicorn.http.errors import NoMoreData, ParseException
from gunicorn.http.unreader import IterUnreader

from config import gunicorn as configuration
from ingestion.server.strict_request import StrictParser

ADDRESS = ("127.0.0.1", 4711)
_SETTINGS = (
    *("limit_request_line", "limit_request_fields", "limit_request_field_size"),
    *("forwarder_headers", "secure_scheme_headers", "http_parser"),
)
_MAX_HEAD_BYTES = 100_000
# llhttp knows the methods by name; others are put in place of one that it knows.
_KNOWN_METHODS = frozenset(
    (b"GET", b"HEAD", b"POST", b"PUT", b"DELETE", b"OPTIONS", b"TRACE", b"PATCH")
)


@dataclass(frozen=True)
class Reading:
    """A request as a parser reads it, and how many bytes it took."""

    method: bytes
    target: bytes
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes
    end: int


def make_config() -> Config:
    """gunicorn's configuration here."""
    config = Config()
    for name in _SETTINGS:
        config.set(name, getattr(configuration, name))
    return config


CONFIG = make_config()


def read_strictly(data: bytes) -> Reading | None:
    """As the service reads it; None: refused, or not all there."""
    unreader = IterUnreader([data])
    try:
        request: Any = next(StrictParser(CONFIG, unreader, ADDRESS))
        expected_bytes = getattr(request.body.reader, "length", None)
        body = request.body.read()
    except (ParseException, NoMoreData, StopIteration):
        return None
    if expected_bytes not in (None, len(body)):
        return None
    headers = tuple(
        (name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in request.headers
    )
    end = len(data) - len(unreader.take_buffered())
    return Reading(request.method.encode(), request.uri.encode(), headers, body, end)


def read_by_h11(data: bytes) -> Reading | None:
    connection = h11.Connection(h11.SERVER, max_incomplete_event_size=_MAX_HEAD_BYTES)
    body = b""
    request: Any = None
    try:
        connection.receive_data(data)
        while True:
            event: Any = connection.next_event()
            match event:
                case h11.Request():
                    request = event
                case h11.Data():
                    body += bytes(event.data)
                case h11.EndOfMessage():
                    break
                case _:
                    return None
    except h11.RemoteProtocolError:
        return None
    end = len(data) - len(connection.trailing_data[0])
    headers = tuple((bytes(name), bytes(value)) for name, value in request.headers)
    return Reading(bytes(request.method), bytes(request.target), headers, body, end)


class _Noting:
    def __init__(self) -> None:
        self.target, self.body = b"", b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = False
        self.completed = 0

    def on_url(self, url: bytes) -> None:
        if not self.completed:
            self.target += url

    def on_headers_complete(self) -> None:
        self.has_head = True

    def on_header(self, name: bytes, value: bytes) -> None:
        if not self.has_head:  # else it is of the trailer
            self.headers.append((name.lower(), value.strip(b" \t")))

    def on_body(self, body: bytes) -> None:
        if not self.completed:
            self.body += body

    def on_message_complete(self) -> None:
        self.completed += 1


def read_by_llhttp(data: bytes, end: int) -> Reading | None:
    """Whether it ends at `end` is asked by giving it no more, and one byte less."""
    method, blank, rest = data.partition(b" ")
    known = method if method in _KNOWN_METHODS else b"POST"
    shown = known + blank + rest[: end - len(method) - 1]
    whole, short = _feed(shown), _feed(shown[:-1])
    if whole is None or whole.completed != 1 or short is None or short.completed:
        return None
    headers = tuple(whole.headers)
    return Reading(method, whole.target, headers, whole.body, end)


def _feed(data: bytes) -> _Noting | None:
    noting = _Noting()
    try:
        httptools.HttpRequestParser(noting).feed_data(data)
    except httptools.HttpParserUpgrade:
        pass
    except httptools.HttpParserError:
        return None
    return noting
