"""A connection to the stream's Redis that sends many commands in one write.

redis-py connects, authenticates and encrypts; packing the commands and parsing the replies is
left to hiredis alone, which takes a tenth of the time.
"""

import socket
from collections.abc import Callable, Sequence
from typing import Protocol, cast

import hiredis
import redis
from redis.exceptions import ConnectionError, ResponseError

from ingestion.stream.answers import Command, Reply
from ingestion.stream.scripts import is_of_replica

_READ_BYTES = 65_536
# Its own types say that a command is one word.
_pack = cast("Callable[[Command], bytes]", hiredis.pack_command)


class _Connection(Protocol):
    """What we use of redis-py's, its socket among it."""

    _sock: socket.socket

    def connect(self) -> None: ...

    def can_read(self, timeout: float) -> bool: ...

    def disconnect(self) -> None: ...


class StreamConnection:
    """One connection, of which nothing is shared and nothing is retried."""

    def __init__(self, client: redis.Redis) -> None:
        pool = client.connection_pool
        # Not the pool's make_connection: each of those counts against its limit for ever.
        connection = cast(_Connection, pool.connection_class(**pool.connection_kwargs))
        connection.connect()
        self._connection = connection
        self._socket = connection._sock
        self._reader = hiredis.Reader(replyError=make_error)

    def exchange(self, commands: Sequence[Command]) -> list[Reply]:
        """One reply per command, in order; an error reply is an exception in the list.

        Raises OSError or redis ConnectionError when the connection breaks, in which case any
        of the commands may have been carried out.
        """
        self._socket.sendall(b"".join([_pack(command) for command in commands]))
        replies: list[Reply] = []
        reader = self._reader
        while len(replies) < len(commands):
            reply = reader.gets()
            if reply is not False:
                replies.append(reply)
                continue
            data = self._socket.recv(_READ_BYTES)
            if not data:
                raise ConnectionError("Redis closed the connection")
            reader.feed(data)
        return replies

    def is_usable(self) -> bool:
        """Whether the server has kept it open since the last exchange, with nothing to say."""
        try:
            return not self._connection.can_read(timeout=0)
        except (redis.RedisError, OSError):
            return False

    def close(self) -> None:
        self._connection.disconnect()


def make_error(message: str) -> ResponseError:
    """The exception of an error reply: what is to be done about two has a class of its own."""
    if message.startswith("NOSCRIPT"):
        return redis.exceptions.NoScriptError(message)
    if is_of_replica(message):
        return redis.exceptions.ReadOnlyError(message)
    return ResponseError(message)
