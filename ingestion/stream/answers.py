"""What we ask of Redis and what it answers, by types of our own.

Those of redis-py are unions: of its two clients, one of which answers later, and of two protocols.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeAlias, TypedDict, cast

from analytics.databases import redis_clients as names

Argument: TypeAlias = str | bytes | int | float

Command: TypeAlias = tuple[Argument, ...]
"""Its name and its arguments, as hiredis packs them."""

Reply: TypeAlias = Any
"""Of a script, or of one command of many: who sent it knows what it is."""

Fields: TypeAlias = dict[bytes, bytes] | list[bytes] | None
"""Of an entry. redis-py parses those of a command's answer to a dict, a script's stay a list; of an
entry that was deleted while pending there are none."""

RawEntry: TypeAlias = tuple[bytes, Fields]


class PendingEntry(TypedDict):
    message_id: bytes
    times_delivered: int


class ConsumerInfo(TypedDict):
    name: bytes | str
    pending: int
    idle: int


class Pipeline(Protocol):
    def xrange(self, name: str, start: bytes, last: bytes) -> object: ...

    def execute(self) -> list[list[tuple[bytes, dict[bytes, bytes]]]]: ...


class StreamCommands(Protocol):
    """The commands of a client that answer with more than a number."""

    def hget(self, name: str, key: str) -> bytes | None: ...

    def pipeline(self, *, transaction: bool) -> Pipeline: ...

    def xclaim(
        self,
        name: str,
        group: bytes,
        consumer: str,
        idle_ms: int,
        ids: list[bytes],
        *,
        justid: bool,
    ) -> object: ...

    def xinfo_consumers(self, name: str, group: bytes) -> Iterable[ConsumerInfo]: ...

    def xpending_range(
        self, name: str, group: bytes, start: bytes, last: bytes, most: int,
        consumer: str | None = None,
    ) -> Sequence[PendingEntry]: ...  # fmt: skip

    def xrange(
        self, name: str, start: bytes, last: bytes, most: int
    ) -> list[tuple[bytes, dict[bytes, bytes]]]: ...


def stream_commands() -> StreamCommands:
    """The client of the stream's Redis."""
    return cast(StreamCommands, names.stream_client())
