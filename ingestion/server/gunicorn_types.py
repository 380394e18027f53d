"""What we use of gunicorn's objects, which have no types of their own."""

from collections.abc import Callable, Sequence
from logging import Logger
from typing import TYPE_CHECKING, Protocol, TypeAlias

if TYPE_CHECKING:  # it brings gevent, which the master is to leave alone
    from ingestion.server.connections import Connection

Address: TypeAlias = "tuple[str, int] | str"
"""Of a client: a string where the connection is of a Unix socket."""


class Body(Protocol):
    """A body; its reader has a length, or the parser of a chunked one."""

    reader: object
    failed: bool

    def read(self, size: int) -> bytes: ...


class Request(Protocol):
    method: str
    path: str
    query: str
    scheme: str
    version: tuple[int, int]
    headers: Sequence[tuple[str, str]]
    body: Body
    unreader: "Connection"
    _expected_100_continue: bool

    def should_close(self) -> bool: ...


class Config(Protocol):
    graceful_timeout: float
    is_ssl: bool
    workers: int


class Listener(Protocol):
    def getsockname(self) -> Address: ...

    def close(self) -> None: ...


class ForkedWorker(Protocol):
    """A worker as gunicorn's master knows it, and what `WorkerKinds` writes on it."""

    pid: int
    age: int
    sockets: list[Listener]
    is_reporting: bool
    relays: bool
    address: str


class Master(Protocol):
    """gunicorn's arbiter."""

    cfg: object
    log: Logger
    num_workers: int
    worker_age: int
    WORKERS: dict[int, ForkedWorker]
    LISTENERS: list[Listener]
    kill_workers: Callable[[int], None]
    halt: Callable[..., None]

    def kill_worker(self, pid: int, number: int) -> None: ...
