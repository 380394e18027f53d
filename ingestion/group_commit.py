"""Group commit: the requests in flight in a process share one write to Redis.

Requests that come while a write is under way wait for it, and go out together in the next one.
Each is answered after its own reply. There is no thread of its own: one of the waiting requests
leads a write for all, and hands the lead to one that came meanwhile.
"""

import threading
from collections.abc import Sequence
from typing import Any, Protocol

import redis
from redis.exceptions import NoScriptError, RedisError

from analytics.problems import Unavailable
from ingestion.scripts import Script

Command = tuple[Any, ...]


class _Connection(Protocol):
    """What is used of redis-py's Connection."""

    def connect(self) -> None: ...
    def disconnect(self) -> None: ...
    def can_read(self, timeout: float = 0) -> bool: ...
    def pack_commands(self, commands: Sequence[Command]) -> list[bytes]: ...
    def send_packed_command(self, command: list[bytes], check_health: bool = True) -> None: ...
    def read_response(self) -> Any: ...


class _Ticket:
    """One request's call of the script, its reply, and the latch it waits at."""

    __slots__ = ("arguments", "latch", "leads", "reply")

    def __init__(self, arguments: Command) -> None:
        self.arguments = arguments
        self.reply: Any = None
        self.leads = False
        self.latch = threading.Lock()
        self.latch.acquire()


class GroupCommit:
    """Calls one script for many requests, all calls of the moment in one write.

    `wait_replicas` adds WAIT to each write: with fewer replicas than that the whole write is
    refused, although the primary has it.
    """

    def __init__(self, client: redis.Redis, script: Script, *, wait_replicas: int = 0) -> None:
        self._pool = client.connection_pool
        self._script = script
        self._wait_replicas = wait_replicas
        self._connection: _Connection | None = None
        self._mutex = threading.Lock()
        self._pending: list[_Ticket] = []
        self._led = False

    def call(self, keys: Sequence[Any], arguments: Sequence[Any]) -> Any:
        """The script's reply. Raises Unavailable when there is none; it may still have run."""
        ticket = _Ticket((len(keys), *keys, *arguments))
        with self._mutex:
            self._pending.append(ticket)
            ticket.leads = not self._led
            self._led = True
        if not ticket.leads:
            ticket.latch.acquire()
        if ticket.leads:
            self._lead(ticket)
        if isinstance(ticket.reply, Exception):
            raise Unavailable(
                "The stream cannot take events now. Send the same again.", code="stream_unavailable"
            ) from ticket.reply
        return ticket.reply

    def _lead(self, own: _Ticket) -> None:
        with self._mutex:
            batch, self._pending = self._pending, []
        try:
            replies = self._commit([ticket.arguments for ticket in batch])
        except BaseException as exc:
            failure = exc if isinstance(exc, Exception) else RedisError("interrupted")
            replies = [failure] * len(batch)
            if not isinstance(exc, (RedisError, OSError)):
                self._disconnect()
                raise
        finally:
            for ticket, reply in zip(batch, replies, strict=True):
                ticket.reply = reply
                if ticket is not own:
                    ticket.latch.release()
            self._hand_over()

    def _hand_over(self) -> None:
        with self._mutex:
            successor = self._pending[0] if self._pending else None
            self._led = successor is not None
        if successor:
            successor.leads = True
            successor.latch.release()

    def _commit(self, calls: list[Command]) -> list[Any]:
        try:
            connection = self._connect()
            replies = self._exchange(connection, calls)
            missing = [i for i, reply in enumerate(replies) if isinstance(reply, NoScriptError)]
            if missing:  # nothing was done: load it and send those again
                self._send(connection, [("SCRIPT", "LOAD", self._script.source)])
                again = self._exchange(connection, [calls[i] for i in missing])
                for i, reply in zip(missing, again, strict=True):
                    replies[i] = reply
        except (RedisError, OSError):
            self._disconnect()
            raise
        return replies

    def _exchange(self, connection: _Connection, calls: list[Command]) -> list[Any]:
        commands: list[Command] = [("EVALSHA", self._script.digest, *call) for call in calls]
        if self._wait_replicas:
            commands.append(("WAIT", self._wait_replicas, 1_000))
        replies = self._send(connection, commands)
        if self._wait_replicas and replies.pop() < self._wait_replicas:
            raise RedisError("too few replicas have the write")
        return replies

    def _send(self, connection: _Connection, commands: list[Command]) -> list[Any]:
        connection.send_packed_command(connection.pack_commands(commands), check_health=False)
        replies = []
        for _ in commands:
            try:
                replies.append(connection.read_response())
            except redis.ResponseError as exc:
                replies.append(exc)
        return replies

    def _connect(self) -> _Connection:
        """The connection, a new one if the server closed it while it was idle."""
        if self._connection:
            try:
                if not self._connection.can_read(timeout=0):
                    return self._connection
            except (RedisError, OSError):
                pass
            self._disconnect()
        # Not the pool's make_connection: each of those counts against its limit for ever.
        connection: _Connection = self._pool.connection_class(**self._pool.connection_kwargs)
        connection.connect()
        self._connection = connection
        return connection

    def _disconnect(self) -> None:
        connection, self._connection = self._connection, None
        if connection:
            connection.disconnect()
