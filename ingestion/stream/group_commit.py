"""Group commit: the requests in flight in a process share one write to Redis.

Requests that come while a write is under way wait for it, and go out together in the next one,
in as few calls of the script as may be: those of one API key form a section of a call, those of
all keys of a partition share one. Each is answered after its own reply. There is no thread of its
own: one of the waiting requests leads a write for all, and hands the lead to one that came
meanwhile.
"""

import threading
import time
from collections.abc import Sequence

import redis
from redis.exceptions import NoScriptError, ReadOnlyError, RedisError, ResponseError

from analytics.web.problems import Unavailable
from ingestion.stream.answers import Command, Reply
from ingestion.stream.calls import SectionHead, Sections, Ticket, share_calls
from ingestion.stream.connection import StreamConnection
from ingestion.stream.scripts import Script

# Below the socket's timeout: too few replicas get an answer of their own.
WAIT_MS = 1_000
# After this long without a write the connection is looked at before it is used.
IDLE_SECONDS = 1.0


class _WaitingTicket:
    """Of a request that waits at a latch for its reply, or for the lead."""

    __slots__ = ("arguments", "head", "latch", "leads", "reply")

    def __init__(
        self, head: SectionHead, arguments: Sequence[bytes], latch: threading.Lock
    ) -> None:
        self.head = head
        self.arguments = arguments
        self.latch = latch
        self.leads = False
        self.reply: Reply = None

    def answer(self, reply: Reply) -> None:
        self.reply = reply
        if not self.leads:
            self.latch.release()

    def take_lead(self) -> None:
        self.leads = True
        self.latch.release()


class GroupCommit:
    """Calls one script for many requests, all calls of the moment in one write.

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
        self._pending: list[Ticket] = []
        self._led = False
        self._latches: list[threading.Lock] = []

    def call(self, head: SectionHead, arguments: Sequence[bytes]) -> Reply:
        """The reply to this request. Raises Unavailable when there is none; it may be done."""
        ticket = _WaitingTicket(head, arguments, self._take_latch())
        if self.enlist([ticket]):
            ticket.leads = True  # else it may have been given the lead by now: it says so itself
        else:
            ticket.latch.acquire()
        if ticket.leads:
            self.lead()
        self._latches.append(ticket.latch)
        return open_reply(ticket.reply)

    def enlist(self, tickets: Sequence[Ticket]) -> bool:
        """Have them answered; whether who calls is to `lead`, as nobody else does."""
        with self._mutex:
            self._pending += tickets
            begins, self._led = not self._led, True
        return begins

    def _take_latch(self) -> threading.Lock:
        """A closed latch. Whoever went through one has closed it again: to make one takes 2 us."""
        try:
            return self._latches.pop()
        except IndexError:
            latch = threading.Lock()
            latch.acquire()
            return latch

    def lead(self) -> None:
        """Write once for all that wait, answer them, and hand the lead on."""
        with self._mutex:
            batch, self._pending = self._pending, []
        calls = share_calls(batch)
        replies: Sequence[Reply] = ()
        try:
            replies = self._commit([self._make_call(sections) for sections in calls])
        except (RedisError, OSError) as exc:
            self._disconnect()
            # Not the error itself, whose traceback keeps all that is in hand here.
            replies = [RedisError(repr(exc))] * len(calls)
        finally:
            if not replies:  # who leads is being killed: the others must hear of it
                self._disconnect()
                replies = [RedisError("interrupted")] * len(calls)
            self._hand_over()
            for sections, reply in zip(calls, replies, strict=True):
                _answer(sections, reply)

    def _make_call(self, sections: Sections) -> Command:
        head = next(iter(sections)).call
        keys, arguments = [*head.keys], [*head.arguments]
        for section, tickets in sections.items():
            keys += section.keys
            arguments += section.arguments
            arguments.append(b"%d" % len(tickets))
            for ticket in tickets:
                arguments += ticket.arguments
        return ("EVALSHA", self._script.digest, len(keys), *keys, *arguments)

    def _hand_over(self) -> None:
        with self._mutex:
            successor = self._pending[0] if self._pending else None
            self._led = successor is not None
        if successor:
            successor.take_lead()

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


def open_reply(reply: Reply) -> Reply:
    """A reply as tickets have it. Raises Unavailable where it is none."""
    if isinstance(reply, BaseException):
        raise Unavailable(
            "The stream cannot take events now. Send the same again.", code="stream_unavailable"
        ) from reply
    return reply


def _answer(sections: Sections, reply: Reply) -> None:
    """Give each ticket of a call its own reply, or the error of all."""
    tickets = [ticket for section in sections.values() for ticket in section]
    if not isinstance(reply, list) or len(reply) != len(tickets):
        error = reply if isinstance(reply, BaseException) else RedisError("not one reply for each")
        reply = [error] * len(tickets)
    for ticket, own_reply in zip(tickets, reply, strict=True):
        ticket.answer(own_reply)
