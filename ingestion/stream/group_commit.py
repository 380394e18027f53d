"""Group commit: the requests in flight in a process share one write to Redis.

Requests that come while a write is under way wait for it, and go out together in the next one,
those of one API key in one call of the script. Each is answered after its own reply. There is no
thread of its own: one of the waiting requests leads a write for all, and hands the lead to one
that came meanwhile.
"""

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

import redis
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from analytics.web.problems import Unavailable
from ingestion.stream.answers import Argument, Command, Reply
from ingestion.stream.connection import StreamConnection
from ingestion.stream.scripts import Script

# Below the socket's timeout: too few replicas get an answer of their own.
WAIT_MS = 1_000
# After this long without a write the connection is looked at before it is used.
IDLE_SECONDS = 1.0
# Of requests that share a call, which holds up everything else in Redis.
MAX_CALL_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, eq=False)
class CallHead:
    """What a call of the script begins with; requests with the same one may share a call."""

    keys: tuple[bytes, ...]
    arguments: tuple[Argument, ...]


class _Ticket:
    """One request's part of a call, its reply, and the latch it waits at."""

    __slots__ = ("arguments", "head", "latch", "leads", "reply")

    def __init__(self, head: CallHead, arguments: Sequence[bytes], latch: threading.Lock) -> None:
        self.head = head
        self.arguments = arguments
        self.reply: Reply = None
        self.leads = False
        self.latch = latch


class GroupCommit:
    """Calls one script for many requests, all calls of the moment in one write.

    The script takes the arguments of many requests, one after the other, and returns a list of
    replies, one for each request.

    `wait_replicas` adds WAIT to each write: with fewer replicas than that the whole write is
    refused, although the primary has it.
    """

    def __init__(self, client: redis.Redis, script: Script, *, wait_replicas: int = 0) -> None:
        self._client = client
        self._script = script
        self._wait_replicas = wait_replicas
        self._connection: StreamConnection | None = None
        self._used_at = 0.0
        self._mutex = threading.Lock()
        self._pending: list[_Ticket] = []
        self._led = False
        self._latches: list[threading.Lock] = []

    def call(self, head: CallHead, arguments: Sequence[bytes]) -> Reply:
        """The reply to this request. Raises Unavailable when there is none; it may be done."""
        ticket = _Ticket(head, arguments, self._take_latch())
        with self._mutex:
            self._pending.append(ticket)
            ticket.leads = not self._led
            self._led = True
        if not ticket.leads:
            ticket.latch.acquire()
        if ticket.leads:
            self._lead(ticket)
        self._latches.append(ticket.latch)
        if isinstance(ticket.reply, BaseException):
            raise Unavailable(
                "The stream cannot take events now. Send the same again.", code="stream_unavailable"
            ) from ticket.reply
        return ticket.reply

    def _take_latch(self) -> threading.Lock:
        """A closed latch. Whoever went through one has closed it again: to make one takes 2 us."""
        try:
            return self._latches.pop()
        except IndexError:
            latch = threading.Lock()
            latch.acquire()
            return latch

    def _lead(self, own: _Ticket) -> None:
        with self._mutex:
            batch, self._pending = self._pending, []
        runs = _share_calls(batch)
        replies: Sequence[Reply] = ()
        try:
            replies = self._commit([self._make_call(run) for run in runs])
        except (RedisError, OSError) as exc:
            self._disconnect()
            # Not the error itself, whose traceback keeps all that is in hand here.
            replies = [RedisError(repr(exc))] * len(runs)
        finally:
            if not replies:  # this request is being killed: the others must hear of it
                self._disconnect()
                replies = [RedisError("interrupted")] * len(runs)
            for run, reply in zip(runs, replies, strict=True):
                _answer(run, reply, own)
            self._hand_over()

    def _make_call(self, run: list[_Ticket]) -> Command:
        head = run[0].head
        call = ["EVALSHA", self._script.digest, len(head.keys), *head.keys, *head.arguments]
        for ticket in run:
            call += ticket.arguments
        return tuple(call)

    def _hand_over(self) -> None:
        with self._mutex:
            successor = self._pending[0] if self._pending else None
            self._led = successor is not None
        if successor:
            successor.leads = True
            successor.latch.release()

    def _commit(self, calls: list[Command]) -> list[Reply]:
        connection = self._connect()
        replies = self._exchange(connection, calls)
        errors = [i for i, reply in enumerate(replies) if isinstance(reply, ResponseError)]
        if any(isinstance(replies[i], ReadOnlyError) for i in errors):
            self._disconnect()  # a replica by now: the next write finds the primary
            return replies
        missing = [i for i in errors if isinstance(replies[i], NoScriptError)]
        if missing:  # nothing was done: load it and send those again
            connection.exchange([("SCRIPT", "LOAD", self._script.source)])
            again = self._exchange(connection, [calls[i] for i in missing])
            for i, reply in zip(missing, again, strict=True):
                replies[i] = reply
        self._used_at = time.monotonic()
        return replies

    def _exchange(self, connection: StreamConnection, calls: list[Command]) -> list[Reply]:
        if not self._wait_replicas:
            return connection.exchange(calls)
        replies = connection.exchange([*calls, ("WAIT", self._wait_replicas, WAIT_MS)])
        replicas = replies.pop()
        if isinstance(replicas, ResponseError):  # of a replica: it has written nothing
            raise replicas
        if replicas < self._wait_replicas:
            raise RedisError("too few replicas have the write")
        return replies

    def _connect(self) -> StreamConnection:
        """The connection, a new one if the server closed it while it was idle."""
        connection = self._connection
        if connection:
            if time.monotonic() - self._used_at < IDLE_SECONDS or connection.is_usable():
                return connection
            self._disconnect()
        self._connection = connection = StreamConnection(self._client)
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.close()


def _share_calls(tickets: list[_Ticket]) -> list[list[_Ticket]]:
    """The tickets of each call, in their order."""
    runs: list[list[_Ticket]] = []
    latest: dict[CallHead, tuple[list[_Ticket], int]] = {}
    for ticket in tickets:
        size = sum(map(len, ticket.arguments))
        run, run_bytes = latest.get(ticket.head, ([], 0))
        if not run or run_bytes + size > MAX_CALL_BYTES:
            run, run_bytes = [], 0
            runs.append(run)
        run.append(ticket)
        latest[ticket.head] = run, run_bytes + size
    return runs


def _answer(run: list[_Ticket], reply: Reply, own: _Ticket) -> None:
    """Give each of `run` its own reply, or the error of their call."""
    if not isinstance(reply, list) or len(reply) != len(run):
        error = reply if isinstance(reply, BaseException) else RedisError("not one reply for each")
        reply = [error] * len(run)
    for ticket, own_reply in zip(run, reply, strict=True):
        ticket.reply = own_reply
        if ticket is not own:
            ticket.latch.release()
