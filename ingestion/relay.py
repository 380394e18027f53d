"""What an accepting process does with a request that is not its own: ask a reporting process.

A WSGI application. HTTP stays here, so a connection may mix events and reports; what a report
computes is done elsewhere, and this process accepts meanwhile.
"""

import errno
import select
import ssl
import time
from collections.abc import Iterable, Iterator
from time import perf_counter
from typing import Any
from wsgiref.types import StartResponse, WSGIEnvironment

import structlog
from django.conf import settings
from gevent import socket
from gevent.select import poll

from analytics.counting import note_answered
from analytics.problems import Problem, Unavailable, problem_response
from analytics.request_id import HEADER as REQUEST_ID
from analytics.request_id import request_id_of
from ingestion.body import read_body
from ingestion.hot_path import security_headers
from ingestion.hot_request import HotRequest
from ingestion.relay_frames import (
    BLOCK,
    END,
    HEAD,
    READY,
    REQUEST,
    BrokenRelay,
    RelayedHead,
    RelayedRequest,
    decode_head,
    encode,
    read_frame,
    send_frame,
)

log = structlog.get_logger(__name__)

# The refusals below count under this name; what was relayed is counted where it was answered.
ENDPOINT = "relayed"
# So many wait for reporting processes at a time, so that a crowd there takes no memory here.
MOST_RELAYED = 64
# A process that starts, or is busy with a long step of other reports, gets this long to begin.
READY_SECONDS = 10.0
_RETRY_SECONDS = 0.1
# Silence after which an answer is given up: well above what any report may take.
ANSWER_SECONDS = 120.0
# An answer is kept until it is whole, up to this size: a slow reader then holds no place here, and
# a process that dies leaves no half of an answer.
_MAX_HELD_BYTES = 2 * 1024 * 1024


class ClientGone(ConnectionResetError):
    """Nobody waits for the answer; gunicorn closes the connection without a word."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the client has gone")


class Relay:
    """Asks the reporting process that listens at `address` and is free."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._headers = security_headers()
        self._relayed = 0

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        started = perf_counter()
        request_id = request_id_of(environ)  # one id for both processes: it goes with the environ
        try:
            answer = self._ask(environ)
        except Problem as refusal:
            if refusal.status >= 500:
                log.warning("refused", code=refusal.code, request_id=request_id)
            response = problem_response(refusal)
            headers = [*response.items(), *self._headers, (REQUEST_ID, request_id)]
            start_response(f"{refusal.status} {refusal.title}", headers)
            note_answered(ENDPOINT, refusal.status, started)
            return (response.content,)
        start_response(answer.head.status, answer.head.headers)
        return answer

    def _ask(self, environ: WSGIEnvironment) -> "_Answer":
        """Raises Problem, ClientGone."""
        as_sent = HotRequest({**environ, "HTTP_CONTENT_ENCODING": "identity"})
        body = read_body(as_sent, settings.DATA_UPLOAD_MAX_MEMORY_SIZE)
        texts = {name: value for name, value in environ.items() if type(value) is str}
        if self._relayed >= MOST_RELAYED:
            raise Unavailable("Too many reports are being made.", code="reports_busy")
        self._relayed += 1
        answer = _Answer(self._give_back, environ.get("gunicorn.socket"))
        try:
            answer.begin(self._address, encode(RelayedRequest(texts, body)))
        except BaseException:
            answer.close()
            raise
        return answer

    def _give_back(self) -> None:
        self._relayed -= 1


class _Answer:
    """What comes back for one request: its head, and the body as it comes."""

    head: RelayedHead

    def __init__(self, give_back: Any, client: Any) -> None:
        self._give_back = give_back
        self._client = client if _can_be_watched(client) else None
        self._sock: Any = None
        self._held: list[bytes] = []

    def begin(self, address: str, request: bytes) -> None:
        """Returns with the head and the whole body, or as much of it as is held."""
        self._put(address, request)
        try:
            kind, content = self._read(ANSWER_SECONDS)
            if kind != HEAD:
                raise BrokenRelay(f"a frame {kind!r} for a head")
            self.head = decode_head(content)
            held_bytes = 0
            for block in self._read_blocks():
                self._held.append(block)
                held_bytes += len(block)
                if held_bytes >= _MAX_HELD_BYTES:
                    return
        except ClientGone:
            raise
        except OSError as exc:
            log.warning("report_lost", error=repr(exc))
            raise _unavailable() from exc
        self.close()

    def _put(self, address: str, request: bytes) -> None:
        """Return once a process has begun with `request`; one that died before has not."""
        deadline = time.monotonic() + READY_SECONDS
        while True:
            self._sock = socket.socket(socket.AF_UNIX)
            try:
                self._sock.settimeout(max(deadline - time.monotonic(), _RETRY_SECONDS))
                self._sock.connect(address)
                send_frame(self._sock, REQUEST, request)
                kind, _ = self._read(deadline - time.monotonic())
                if kind == READY:
                    return
            except ClientGone:
                raise
            except OSError as exc:
                if time.monotonic() + _RETRY_SECONDS >= deadline:
                    raise _unavailable() from exc
            self._sock.close()
            time.sleep(_RETRY_SECONDS)

    def _read_blocks(self) -> Iterator[bytes]:
        while True:
            kind, content = self._read(ANSWER_SECONDS)
            if kind == END:
                return
            if kind != BLOCK:
                raise BrokenRelay(f"a frame {kind!r} for a block")
            yield content

    def _read(self, seconds: float) -> tuple[bytes, bytes]:
        """The next frame. Raises ClientGone when the client hangs up first, else OSError."""
        self._wait(seconds)
        self._sock.settimeout(max(seconds, _RETRY_SECONDS))
        return read_frame(self._sock)

    def _wait(self, seconds: float) -> None:
        """Until the other process has said something, or the client has left."""
        deadline = time.monotonic() + seconds
        poller = poll()
        poller.register(self._sock, select.POLLIN)
        if self._client:
            poller.register(self._client, select.POLLIN)
        while True:
            ready = poller.poll(max(deadline - time.monotonic(), 0) * 1_000)
            if not ready:
                raise TimeoutError("no answer in time")
            if any(descriptor == self._sock.fileno() for descriptor, _ in ready):
                return
            if _has_left(self._client):
                raise ClientGone
            poller.unregister(self._client)  # it has sent its next request: its end is not seen
            self._client = None

    def __iter__(self) -> Iterator[bytes]:
        yield b"".join(self._held)
        self._held = []
        if not self._sock:
            return
        try:
            yield from self._read_blocks()
        except ClientGone:
            raise
        except OSError as exc:
            log.warning("report_lost", error=repr(exc))
            raise ClientGone from exc  # the head has been sent: all that is left is to hang up
        finally:
            self.close()

    def close(self) -> None:
        """Called by the server in any case, and once all has come."""
        if self._sock:
            self._sock.close()
            self._sock = None
            self._give_back()


def _unavailable() -> Unavailable:
    return Unavailable("No process for reports answers.", code="reports_unavailable")


def _can_be_watched(client: Any) -> bool:
    return isinstance(client, socket.socket) and not isinstance(client, ssl.SSLSocket)


def _has_left(client: Any) -> bool:
    """Whether it has closed its side; it may have sent its next request instead."""
    try:
        seen: bytes = client.recv(1, socket.MSG_PEEK)
    except OSError:
        return True
    return not seen
