"""gunicorn's parser in Python, made strict: what two parsers might read differently is refused.

Who stands in front of the service has a parser of its own, and what both read differently is how
requests are smuggled. Here a line ends in CRLF and nowhere else, and a body has one spelling of
its length, or `chunked` and no other coding. A test compares what is taken with h11 and llhttp.
"""

import re
from typing import NoReturn

from gunicorn.http.body import Body, ChunkedReader
from gunicorn.http.errors import (
    InvalidChunkExtension,
    InvalidChunkSize,
    InvalidHeader,
    InvalidHTTPVersion,
    InvalidRequestLine,
    LimitRequestHeaders,
    LimitRequestLine,
)
from gunicorn.http.message import Request
from gunicorn.http.parser import Parser
from gunicorn.http.unreader import Unreader

from ingestion.server.gunicorn_types import Address
from ingestion.server.plain_request import is_host

_KIBIBYTE = 1024
MAX_HEAD_BYTES = 64 * _KIBIBYTE
_MAX_TRAILER_BYTES = 8 * _KIBIBYTE
_MAX_CHUNK_LINE_BYTES = 1 * _KIBIBYTE

_LINE_END, _HEAD_END = b"\r\n", b"\r\n\r\n"
_BARE_LF = re.compile(rb"(?<!\r)\n")
_ABSOLUTE_TARGET = re.compile(r"[A-Za-z]+://([^/?:][^/?]*)(?:[/?].*)?")
_TOKEN = rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_QUOTED = rb'"(?:[\t !#-\[\]-~]|\\[\t -~])*"'
# No blanks around `;` and `=`: RFC 9112 lets a recipient take them, and not all do.
_CHUNK_LINE = re.compile(
    rb"([0-9A-Fa-f]{1,16})((?:;" + _TOKEN + rb"(?:=(?:" + _TOKEN + rb"|" + _QUOTED + rb"))?)*)"
)
_CHUNK_SIZE = re.compile(rb"[0-9A-Fa-f]{1,16}(?=;|$)")


class StrictRequest(Request):  # type: ignore[misc]
    """A request that every other parser reads as this one does."""

    def parse(self, unreader: Unreader) -> bytes:
        self.max_buffer_headers = _MAX_TRAILER_BYTES  # of a trailer section; a head is read here
        head, rest = self._read_head(unreader)
        line, _, fields = head.partition(_LINE_END)
        if len(line) > self.limit_request_line:
            raise LimitRequestLine(len(line), self.limit_request_line)
        self.parse_request_line(line)
        if fields:
            self.headers = self.parse_headers(fields)
        self._settle_host()
        return rest

    def _read_head(self, unreader: Unreader) -> tuple[bytes, bytes]:
        """The head, without the empty line that ends it, and what was read beyond it."""
        data = bytearray()
        self.read_into(unreader, data, stop=True)
        while data == b"\r":
            self.read_into(unreader, data)
        if data.startswith(_LINE_END):  # RFC 9112, section 2.2: one may come before a request
            del data[:2]
        searched = 0
        while (end := data.find(_HEAD_END, searched)) < 0:
            if _BARE_LF.search(data, searched):
                raise InvalidHeader("bare LF as line terminator")
            line_limit = self.limit_request_line + len(_LINE_END)
            if len(data) > line_limit and data.find(_LINE_END, 0, line_limit) < 0:
                raise LimitRequestLine(len(data), self.limit_request_line)
            if len(data) > MAX_HEAD_BYTES:
                raise LimitRequestHeaders("limit of a head")
            searched = max(0, len(data) - len(_HEAD_END) + 1)
            self.read_into(unreader, data)
        if end > MAX_HEAD_BYTES:
            raise LimitRequestHeaders("limit of a head")
        return bytes(data[:end]), bytes(data[end + len(_HEAD_END) :])

    def parse_request_line(self, line_bytes: bytes) -> None:
        super().parse_request_line(line_bytes)
        if self.version not in ((1, 0), (1, 1)):
            raise InvalidHTTPVersion(self.version)
        if "#" in self.uri:
            raise InvalidRequestLine("fragment")

    def _settle_host(self) -> None:
        """RFC 9112, section 3.2: one Host, and a target that names another goes before it."""
        hosts = [value for name, value in self.headers if name == "HOST"]
        if (self.version == (1, 1) and not hosts) or not all(is_host(host) for host in hosts):
            raise InvalidHeader("HOST", req=self)
        if self.method == "CONNECT" or self.uri.startswith("/") or self.uri == "*":
            return
        match = _ABSOLUTE_TARGET.fullmatch(self.uri)
        if match is None or not is_host(match[1]):
            raise InvalidRequestLine("host of the target")
        others = [(name, value) for name, value in self.headers if name != "HOST"]
        self.headers = [("HOST", match[1]), *others]

    def set_body_reader(self) -> None:
        codings = [value for name, value in self.headers if name == "TRANSFER-ENCODING"]
        if codings and [coding.lower() for coding in codings] != ["chunked"]:
            raise InvalidHeader("TRANSFER-ENCODING", req=self)
        super().set_body_reader()
        if codings:
            self.body = Body(_StrictChunkedReader(self, self.unreader))

    def should_close(self) -> bool:
        if self.must_close or self.method == "CONNECT":
            return True
        lists = [value for name, value in self.headers if name == "CONNECTION"]
        options = {option.strip(" \t").lower() for option in ",".join(lists).split(",")}
        return "close" in options or (self.version < (1, 1) and "keep-alive" not in options)


class _StrictChunkedReader(ChunkedReader):  # type: ignore[misc]
    def parse_chunk_size(
        self, unreader: Unreader, data: bytes | None = None
    ) -> tuple[int, bytes | None]:
        buf = bytearray(data or b"")
        while (end := buf.find(_LINE_END, 0, _MAX_CHUNK_LINE_BYTES)) < 0:
            if len(buf) >= _MAX_CHUNK_LINE_BYTES or b"\n" in buf:
                _refuse_chunk_line(bytes(buf[:_MAX_CHUNK_LINE_BYTES]))
            self.read_into(unreader, buf)
        match = _CHUNK_LINE.fullmatch(buf, 0, end)
        if match is None:
            _refuse_chunk_line(bytes(buf[:end]))
        size, rest = int(match[1], 16), bytes(buf[end + len(_LINE_END) :])
        if size == 0:
            self.parse_trailers(unreader, rest)
            return 0, None
        return size, rest


def _refuse_chunk_line(line: bytes) -> NoReturn:
    if _CHUNK_SIZE.match(line):
        raise InvalidChunkExtension("invalid chunk extension")
    raise InvalidChunkSize(line)


class StrictParser(Parser):  # type: ignore[misc]
    """The requests of a connection, one after the other."""

    mesg_class = StrictRequest

    def __init__(self, cfg: object, unreader: Unreader, address: Address) -> None:
        self.cfg = cfg
        self.unreader = unreader
        self.source_addr = address
        self.mesg = None
        self.req_count = 0
