"""The connections of a process: how long each may take to ask, and which go when it is full.

A connection is waited for until the head of a request has come. Such connections are what a flood
is made of: they cost a client nothing. So a head has its time, one address holds only so many of
them, and where the process is full the oldest makes room for the newest. What is being answered
is never cut off.
"""

import socket
import time
from contextlib import suppress

import gevent
from gunicorn.http.unreader import SocketUnreader

# At once: enough for all of most requests.
_READ_BYTES = 64 * 1024
# A client that has just connected sends its first bytes within this time.
_FIRST_WORD_SECONDS = 0.5


class Connection(SocketUnreader):  # type: ignore[misc]
    """Reads what a client sends, each part of a request within its time."""

    def __init__(self, sock: socket.socket, address: str | None, idle_seconds: float) -> None:
        super().__init__(sock)
        self.address = address  # None: of no use to tell clients apart
        self.idle_since: float | None = None  # None: in the middle of something
        self.has_begun = False  # to send a head
        self.entered_at = time.monotonic()
        self._idle_seconds = idle_seconds
        self._deadline = 0.0
        self._is_body = False
        sock.settimeout(idle_seconds)

    def await_request(self) -> bytes:
        """The first bytes of the next request; b"" at the end of the connection."""
        self.idle_since = time.monotonic()
        data: bytes = self.sock.recv(_READ_BYTES)
        self.idle_since = None
        return data

    def expect_head(self, seconds: float) -> None:
        self._deadline, self._is_body = time.monotonic() + seconds, False
        self.has_begun = self.buf.tell() > 0

    def expect_body(self, seconds: float) -> None:
        self._deadline, self._is_body = time.monotonic() + seconds, True

    def chunk(self, size_hint: int | None = None) -> bytes:
        """Raises TimeoutError when the time is over, however the bytes drip."""
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise TimeoutError
        self.sock.settimeout(seconds)
        try:
            data: bytes = super().chunk(size_hint)
        finally:
            self.sock.settimeout(self._idle_seconds)
        if self._is_body:
            gevent.sleep(0)  # a body of tiny chunks is much work: the others take turns with it
        self.has_begun = True
        return data

    def end_reading(self) -> None:
        """Whoever reads from it finds its end behind what has come, which may still be answered."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RD)

    def cut_off(self) -> None:
        """Whoever reads from it finds its end."""
        with suppress(OSError):
            self.sock.shutdown(socket.SHUT_RDWR)


class Connections:
    """All of a process."""

    def __init__(self, capacity: int, most_per_address: int) -> None:
        self._capacity = capacity
        self._most_per_address = most_per_address
        # Each is in the order in which the connections came in: the oldest is the first.
        self._all: dict[Connection, None] = {}
        self._asking: dict[Connection, None] = {}
        self._asking_of: dict[str, dict[Connection, None]] = {}

    def enter(self, connection: Connection) -> Connection | None:
        """The connection that had to make room for this one, cut off; None: there was room."""
        self._all[connection] = None
        return self._make_room_for(connection) if len(self._all) > self._capacity else None

    def leave(self, connection: Connection) -> None:
        self.end_asking(connection)
        self._all.pop(connection, None)

    def end_idle(self) -> None:
        """End those that are between two requests, and those that came a while ago and are still
        to say a word: browsers open some of that kind in advance."""
        latest = time.monotonic() - _FIRST_WORD_SECONDS
        for connection in self._all:
            is_silent = connection in self._asking and not connection.has_begun
            if connection.idle_since is not None or (is_silent and connection.entered_at < latest):
                connection.end_reading()

    def begin_asking(self, connection: Connection) -> Connection | None:
        """A head is awaited. Returns as `enter`: here it is another of the same address."""
        self._asking[connection] = None
        if connection.address is None:
            return None
        neighbours = self._asking_of.setdefault(connection.address, {})
        neighbours[connection] = None
        is_over = len(neighbours) > self._most_per_address
        return self._drop(next(iter(neighbours))) if is_over else None

    def end_asking(self, connection: Connection) -> None:
        if connection not in self._asking:
            return
        del self._asking[connection]
        if connection.address is not None:
            neighbours = self._asking_of[connection.address]
            del neighbours[connection]
            if not neighbours:
                del self._asking_of[connection.address]

    def _make_room_for(self, connection: Connection) -> Connection | None:
        """At the cost of who waits longest for a head, else of who is idle for longest."""
        oldest = next((other for other in self._asking if other is not connection), None)
        if oldest is None:
            idle = (other for other in self._all if other.idle_since is not None)
            oldest = min(idle, key=lambda other: other.idle_since or 0.0, default=None)
        return self._drop(oldest) if oldest else None

    def _drop(self, connection: Connection) -> Connection:
        self.leave(connection)
        connection.cut_off()
        return connection
