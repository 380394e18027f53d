"""One request that is put to a reporting process, and what comes back."""

import errno
import math
import select
import ssl
import time
from collections.abc import Callable, Iterator
from typing import Any

import structlog
from gevent import socket
from gevent.select import poll

from analytics.web.problems import Unavailable
from ingestion.server.relay.frames import (
    BLOCK,
    END,
    HEAD,
    READY,
    REQUEST,
    BrokenRelay,
    FrameReader,
    RelayedHead,
    decode_head,
    make_frame,
)
from ingestion.server.relay.presence import is_anyone_present

log = structlog.get_logger(__name__)

# Where no process for reports lives, one has this long to start.
READY_SECONDS = 10.0
# One that is busy with other reports has this long to begin with another.
BUSY_SECONDS = 60.0
_LOOK_SECONDS = 1.0
_RETRY_SECONDS = 0.1
# A client that has closed its sending side may have gone or may still read: so long it is believed.
LEFT_SECONDS = 5.0
# Silence after which an answer is given up: well above what any report may take.
ANSWER_SECONDS = 120.0
# An answer is kept until it is whole, up to this size: a slow reader then holds no place here, and
# a process that dies leaves no half of an answer.
_MAX_HELD_BYTES = 2 * 1024 * 1024


class ClientGone(ConnectionResetError):
    """Nobody waits for the answer; gunicorn closes the connection without a word."""

    def __init__(self) -> None:
        super().__init__(errno.ECONNRESET, "the client has gone")


class RelayCall:
    """What comes back for one request: its head, and the body as it comes."""

    head: RelayedHead
    _frames: FrameReader

    def __init__(self, give_back: Callable[[], None], client: socket.socket | None) -> None:
        self._give_back = give_back
        self._client = client if _can_be_watched(client) else None
        self._leave_at = math.inf
        self._sock: Any = None
        self._is_closed = False
        self._held: list[bytes] = []

    def begin(self, address: str, request: bytes) -> None:
        """Returns with the head and the whole body, or as much of it as is held."""
        self._put(address, request)
        try:
            kind, content = self._frames.read(ANSWER_SECONDS)
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
        begun = time.monotonic()
        while True:
            try:
                self._send(address, request)
                while not self._has_begun():
                    if _is_late(begun, address):
                        raise TimeoutError
                return
            except ClientGone:
                raise
            except OSError as exc:
                if _is_late(begun, address):
                    raise _unavailable() from exc
            time.sleep(_RETRY_SECONDS)

    def _send(self, address: str, request: bytes) -> None:
        if self._sock:
            self._sock.close()
        self._sock = socket.socket(socket.AF_UNIX)
        self._sock.settimeout(BUSY_SECONDS)
        self._sock.connect(address)
        self._sock.sendall(make_frame(REQUEST, request))
        self._frames = FrameReader(self._sock, self._wait)

    def _has_begun(self) -> bool:
        """Wait a moment for the word of a process; its place in the line is kept meanwhile."""
        try:
            kind, _ = self._frames.read(_LOOK_SECONDS)
        except TimeoutError:
            return False
        if kind != READY:
            raise BrokenRelay(f"a frame {kind!r} for the first")
        return True

    def _read_blocks(self) -> Iterator[bytes]:
        while True:
            kind, content = self._frames.read(ANSWER_SECONDS)
            if kind == END:
                return
            if kind != BLOCK:
                raise BrokenRelay(f"a frame {kind!r} for a block")
            yield content

    def _wait(self, seconds: float) -> None:
        """Until the other process has said something. Raises ClientGone, TimeoutError."""
        deadline = time.monotonic() + seconds
        poller = poll()
        poller.register(self._sock, select.POLLIN)
        if self._client:
            poller.register(self._client, select.POLLIN)
        while True:
            now = time.monotonic()
            if now >= self._leave_at:
                raise ClientGone
            ready = poller.poll(max(min(deadline, self._leave_at) - now, 0) * 1_000)
            if any(descriptor == self._sock.fileno() for descriptor, _ in ready):
                return
            if ready:
                poller.unregister(self._client)
                self._look_at(self._client)
                self._client = None
            elif time.monotonic() >= deadline:
                raise TimeoutError("no answer in time")

    def _look_at(self, client: socket.socket) -> None:
        """It has said something: its next request, behind which nothing is seen, or farewell."""
        try:
            seen: bytes = client.recv(1, socket.MSG_PEEK)
        except OSError as exc:
            raise ClientGone from exc
        if not seen:
            self._leave_at = time.monotonic() + LEFT_SECONDS

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
        if not self._is_closed:
            self._is_closed = True
            self._give_back()


def _is_late(begun: float, address: str) -> bool:
    patience_seconds = BUSY_SECONDS if is_anyone_present(address) else READY_SECONDS
    return time.monotonic() - begun >= patience_seconds


def _unavailable() -> Unavailable:
    return Unavailable("No process for reports answers.", code="reports_unavailable")


def _can_be_watched(client: socket.socket | None) -> bool:
    return isinstance(client, socket.socket) and not isinstance(client, ssl.SSLSocket)
