"""Turns: many connections, one greenlet that reads and answers, and each is served as if alone."""

import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

import gevent
import pytest
from gevent import socket

from ingestion.server.connections import Connection
from ingestion.server.turns import Seat, Turns
from tests.conftest import TestProject
from tests.service import Gunicorn, build_request

pytest_plugins = ("tests.service",)

EVENT = b'{"path":"/a","eventId":"%s"}'
IDLE_SECONDS = 30.0


class Line(NamedTuple):
    """A request of the tests: a line."""

    text: bytes
    end: int
    head: None = None
    arguments: Sequence[bytes] = ()


class Said:
    status_code = 202

    def __init__(self, content: bytes) -> None:
        self.content = content


class Lines:
    """Answers lines with what they say, when it is told to; `?` is for the usual way."""

    def __init__(self) -> None:
        self.tickets: list[Any] = []
        self.is_prompt = True

    def begin(self, ip: str | None, data: bytes) -> Any:
        end = data.find(b"\n") + 1
        if data.startswith(b"!"):
            raise ZeroDivisionError
        return Line(data[:end], end) if end and not data.startswith(b"?") else None

    def enlist(self, tickets: Sequence[Any]) -> bool:
        self.tickets += tickets
        return self.is_prompt

    def lead(self) -> None:
        tickets, self.tickets = self.tickets, []
        for ticket in tickets:
            ticket.answer(ticket.request.text)

    def finish(self, request: Any, reply: Any) -> Any:
        return "202 Accepted", Said(reply), []

    def find_ip(self, peer: tuple[str, int]) -> str | None:
        return peer[0]


class Served:
    """A client, and the greenlet of its connection."""

    def __init__(self, turns: Turns, idle_seconds: float = IDLE_SECONDS) -> None:
        ours, self.client = socket.socketpair()
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4_096)
        self.client.settimeout(10)
        self.connection = Connection(ours, None, IDLE_SECONDS)
        self.seat: Seat = turns.make_seat(self.connection, ("127.0.0.1", 1))
        self.greenlet = gevent.spawn(turns.serve, self.seat, b"", idle_seconds)

    def read(self, size: int) -> bytes:
        data = b""
        while len(data) < size and (more := self.client.recv(size - len(data))):
            data += more
        return data

    def read_answer(self) -> bytes:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += self.read(1)
        [length] = [line for line in head.split(b"\r\n") if line.startswith(b"Content-Length")]
        return self.read(int(length.split()[1]))

    def get(self) -> bytes:
        rest: bytes = self.greenlet.get(timeout=10)
        return rest


@pytest.fixture
def lines() -> Lines:
    return Lines()


@pytest.fixture
def serve(lines: Lines) -> Iterator[Callable[..., Served]]:
    alive = [True]
    turns = Turns(lines, lambda: not alive[0])
    served: list[Served] = []

    def serve_one(**options: Any) -> Served:
        served.append(Served(turns, **options))
        return served[-1]

    yield serve_one
    for one in served:
        one.greenlet.kill()
        one.client.close()
        one.connection.sock.close()


def test_requests_that_were_sent_together_are_answered_in_their_order(
    serve: Callable[..., Served],
) -> None:
    one, other = serve(), serve()
    one.client.sendall(b"a\nb\nc\n")
    other.client.sendall(b"d\n")

    assert [one.read_answer() for _ in range(3)] == [b"a\n", b"b\n", b"c\n"]
    assert other.read_answer() == b"d\n"


def test_what_is_not_to_be_begun_is_handed_over_as_it_was_read(
    serve: Callable[..., Served],
) -> None:
    one = serve()
    one.client.sendall(b"a\n?b\nc")

    assert one.read_answer() == b"a\n"
    assert one.get() == b"?b\nc"
    assert not one.seat.watcher.active


def test_a_client_that_hangs_up_or_asks_nothing_ends(serve: Callable[..., Served]) -> None:
    gone, idle = serve(), serve(idle_seconds=0.05)
    gone.client.shutdown(socket.SHUT_WR)

    assert gone.get() == b""
    assert idle.get() == b""


def test_a_client_that_waits_for_its_answer_is_not_idle(
    serve: Callable[..., Served], lines: Lines
) -> None:
    lines.is_prompt = False
    one = serve(idle_seconds=0.05)
    one.client.sendall(b"a\nb")
    gevent.sleep(0.2)
    assert not one.greenlet.ready()

    lines.lead()

    assert one.read_answer() == b"a\n"
    assert one.get() == b"b"


def test_an_answer_that_the_connection_has_no_room_for_goes_out_when_it_has(
    serve: Callable[..., Served],
) -> None:
    large = b"x" * 60_000 + b"\n"
    one, other = serve(), serve()
    one.client.sendall(large)
    other.client.sendall(b"quick\n")

    assert other.read_answer() == b"quick\n"
    assert one.read_answer() == large
    one.client.sendall(b"next\n")
    assert one.read_answer() == b"next\n"


def test_a_fault_ends_its_connection_and_no_other(serve: Callable[..., Served]) -> None:
    one, other = serve(), serve()
    one.client.sendall(b"!\n")

    with pytest.raises(ZeroDivisionError):
        one.get()
    other.client.sendall(b"a\n")
    assert other.read_answer() == b"a\n"


def test_a_fault_at_the_answer_ends_its_connection_and_the_others_have_theirs(
    serve: Callable[..., Served], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that the same write was for, before it and behind it."""
    lines.is_prompt = False
    first, broken, last = served = serve(), serve(), serve()
    finish = lines.finish

    def break_one(request: Any, reply: Any) -> Any:
        if reply == b"1\n":
            raise ZeroDivisionError
        return finish(request, reply)

    monkeypatch.setattr(lines, "finish", break_one)
    for n, one in enumerate(served):
        one.client.sendall(b"%d\n" % n)
    wait_for_tickets(lines, 3)
    lines.lead()

    assert (first.read_answer(), last.read_answer()) == (b"0\n", b"2\n")
    with pytest.raises(ZeroDivisionError):
        broken.get()


def test_a_fault_at_the_queue_ends_the_connections_of_that_turn_and_no_later_ones(
    serve: Callable[..., Served], lines: Lines, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Any) -> bool:
        raise ZeroDivisionError

    one, other = serve(), serve()
    with monkeypatch.context() as patch:
        patch.setattr(lines, "enlist", fail)
        one.client.sendall(b"a\n")
        with pytest.raises(ZeroDivisionError):
            one.get()

    other.client.sendall(b"b\n")
    assert other.read_answer() == b"b\n"


def wait_for_tickets(lines: Lines, count: int) -> None:
    with gevent.Timeout(10):
        while len(lines.tickets) < count:
            gevent.sleep(0.001)


def test_an_answer_for_who_has_gone_is_written_to_nobody(
    serve: Callable[..., Served], lines: Lines
) -> None:
    """The number of its connection may be another one's by then."""
    lines.is_prompt = False
    gone = serve()
    gone.client.sendall(b"secret\n")
    wait_for_tickets(lines, 1)
    number = gone.seat.fd
    gone.greenlet.kill()
    gone.connection.sock.close()
    gone.client.close()
    other = serve()
    assert number in (other.seat.fd, other.client.fileno())

    lines.lead()
    gevent.sleep(0.05)

    other.client.settimeout(0.1)
    with pytest.raises(TimeoutError):
        other.client.recv(1)


def test_hundreds_of_requests_at_once_are_each_kept_and_answered(
    gunicorn: Gunicorn, served: TestProject
) -> None:
    with gunicorn.connect() as wire:
        for n in range(300):
            wire.send(
                build_request("POST", "/event", EVENT % b"many-%d" % n, key=served.ingest_key)
            )
        started = time.monotonic()
        answers = b""
        while answers.count(b"HTTP/1.1 ") < 300 or not answers.endswith(b"}"):
            answers += wire.socket.recv(65_536)
            assert time.monotonic() < started + 60

    assert answers.count(b"HTTP/1.1 202 Accepted") == 300
    ids = [part.split(b'"')[0] for part in answers.split(b'"eventId":"')[1:]]
    assert ids == [b"many-%d" % n for n in range(300)]
