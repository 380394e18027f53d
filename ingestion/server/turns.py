"""Plain requests of all connections, answered in turns without a greenlet's turn for each.

The greenlet of a connection takes a seat, and sleeps. One greenlet for all of them reads whatever
has come of many requests, begins each, has what they bring enlisted for the next write to Redis,
and sends the answers to those that the last write was for. A request that cannot be begun at once
wakes its connection's greenlet, which serves it in the usual way; so does the end of a connection.
"""

import os
import time
from collections.abc import Callable, Sequence
from typing import Any, Protocol

import gevent
from gevent.event import Event

from ingestion.server.connections import Connection
from ingestion.server.wire_answer import Answer, render_answer

_READ = 1  # gevent's name for what its loop watches
_READ_BYTES = 64 * 1024


class _Begun(Protocol):
    head: Any
    arguments: Sequence[bytes]
    end: int


class Application(Protocol):
    """What we use of `AtOncePath`, which is not loaded yet when this is."""

    def begin(self, ip: str | None, data: bytes) -> _Begun | None: ...

    def finish(self, request: _Begun, reply: object) -> Answer: ...

    def enlist(self, tickets: "Sequence[Any]") -> bool: ...

    def lead(self) -> None: ...

    def find_ip(self, peer: tuple[str, int]) -> str | None: ...


class Seat:
    """A connection in turns: it is idle, or has come to be read, or waits for its answer."""

    __slots__ = (
        *("called", "connection", "data", "ends", "error", "fd", "ip", "is_busy", "is_taken"),
        *("unsent", "watcher"),
    )

    def __init__(self, connection: Connection, ip: str | None) -> None:
        self.connection = connection
        self.fd: int = connection.sock.fileno()
        self.ip = ip
        self.is_taken = False  # else nothing is read from it, or written to it
        self.is_busy = False  # a request has come, and has no answer yet
        self.ends = False  # after the answer
        self.data = b""  # what was read and is not served yet
        self.unsent = b""  # of an answer, what the connection has no room for
        self.error: BaseException | None = None
        self.called = Event()  # its greenlet is to go on
        self.watcher = gevent.get_hub().loop.io(self.fd, _READ)

    def call(self, data: bytes) -> None:
        """Have its greenlet go on with `data`."""
        self.data = data
        self.called.set()

    def fail(self, error: BaseException) -> None:
        """Have its greenlet raise `error`."""
        self.error = error
        self.called.set()


class _Ticket:
    """Of a request that was begun: `ingestion/stream/group_commit.py: Ticket`."""

    __slots__ = ("_turns", "arguments", "head", "reply", "request", "seat")

    def __init__(self, turns: "Turns", seat: Seat, request: _Begun) -> None:
        self._turns = turns
        self.seat = seat
        self.request = request
        self.head = request.head
        self.arguments = request.arguments
        self.reply: object = None

    def answer(self, reply: object) -> None:
        self.reply = reply
        self._turns.note_replied(self)

    def take_lead(self) -> None:
        self._turns.lead()


class Turns:
    """All seats of a process. `note_served` counts an answer, and says whether it is the last."""

    def __init__(self, application: Application, note_served: Callable[[], bool]) -> None:
        self._application = application
        self._note_served = note_served
        self._come: list[Seat] = []
        self._replied: list[_Ticket] = []
        self._work = Event()
        gevent.spawn(self._take_turns)

    def lead(self) -> None:
        gevent.spawn(self._application.lead)

    def note_replied(self, ticket: _Ticket) -> None:
        self._replied.append(ticket)
        self._work.set()

    def make_seat(self, connection: Connection, peer: tuple[str, int]) -> Seat:
        return Seat(connection, self._application.find_ip(peer))

    def serve(self, seat: Seat, data: bytes, idle_seconds: float) -> bytes:
        """Serve requests of a connection, the first of which begins `data`, if there is any yet.

        Returns what begins with the first that has to be served in the usual way, or b"" when the
        connection is to end. Raises TimeoutError for a client that does not read its answer.
        """
        seat.data, seat.is_taken = data, True
        try:
            self._go_on(seat)
            while True:
                self._await_call(seat, idle_seconds)
                if seat.error:
                    raise seat.error
                if not seat.unsent:
                    return seat.data
                unsent, seat.unsent = seat.unsent, b""
                seat.connection.sock.sendall(unsent)
                if seat.ends:
                    return b""
                self._go_on(seat)
        finally:
            seat.is_taken = False
            seat.watcher.stop()

    def _await_call(self, seat: Seat, idle_seconds: float) -> None:
        seconds = idle_seconds
        while not seat.called.wait(seconds):
            since = seat.connection.idle_since
            seconds = idle_seconds if since is None else since + idle_seconds - time.monotonic()
            if seconds <= 0:
                seat.call(b"")
        seat.called.clear()

    def _go_on(self, seat: Seat) -> None:
        """With what was read already, or when there is more."""
        if seat.data:
            self._note_come(seat)
            return
        seat.is_busy = False
        seat.connection.idle_since = time.monotonic()
        if not seat.watcher.active:
            seat.watcher.start(self._note_readable, seat)

    def _note_readable(self, seat: Seat) -> None:
        """Called by gevent's loop, again and again until it is read."""
        if seat.is_busy:
            seat.watcher.stop()  # until the answer is out
        else:
            self._note_come(seat)

    def _note_come(self, seat: Seat) -> None:
        seat.is_busy = True
        self._come.append(seat)
        self._work.set()

    def _take_turns(self) -> None:
        while True:
            self._work.wait()
            self._work.clear()
            replied, self._replied = self._replied, []
            for ticket in replied:
                self._answer(ticket)
            come, self._come = self._come, []
            if begun := [request for seat in come if (request := self._begin(seat))]:
                self._enlist(begun)

    def _enlist(self, tickets: list[_Ticket]) -> None:
        try:
            if self._application.enlist(tickets):
                self.lead()
        except Exception as error:  # it ends the connections of this turn, and not all turns
            for ticket in tickets:
                ticket.seat.fail(error)

    def _begin(self, seat: Seat) -> _Ticket | None:
        if not seat.is_taken:
            return None
        try:
            data = seat.data or os.read(seat.fd, _READ_BYTES)
            seat.connection.idle_since = None
            request = self._application.begin(seat.ip, data) if data else None
        except BlockingIOError:
            self._go_on(seat)
            return None
        except OSError:
            data, request = b"", None
        except Exception as error:  # a fault of ours ends this connection, and no other
            seat.fail(error)
            return None
        if request is None:
            seat.call(data)
            return None
        seat.data = data[request.end :]
        return _Ticket(self, seat, request)

    def _answer(self, ticket: _Ticket) -> None:
        seat = ticket.seat
        try:
            answer = self._application.finish(ticket.request, ticket.reply)
            seat.ends = self._note_served()
            data = render_answer((1, 1), answer, closes=seat.ends)
            sent = os.write(seat.fd, data) if seat.is_taken else len(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            seat.call(b"")
            return
        except Exception as error:
            seat.fail(error)
            return
        if sent < len(data):
            seat.unsent = data[sent:]
            seat.called.set()
        elif seat.ends:
            seat.call(b"")
        elif seat.is_taken:
            self._go_on(seat)
