"""A TCP relay to a Redis server that can hold back a write and cut the replies to one."""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from local.process.ports import LOOPBACK

WAIT_SECONDS = 60.0


class WireTap:
    """Watches the writes that call a script, over all connections.

    The first one is held until `go` is set; `held` tells that it is there. Of the replies to
    write number `cut_write` (from 1) only `cut_bytes` arrive, then the connection breaks. While
    `is_refusing`, every new connection is closed at once.
    """

    def __init__(self, redis_port: int) -> None:
        self.writes = 0
        self.cut_write: int | None = None
        self.cut_bytes = 0
        self.is_refusing = False
        self.held, self.go = threading.Event(), threading.Event()
        self._redis_port = redis_port
        self._listener = socket.create_server((LOOPBACK, 0))
        self._sockets = [self._listener]
        threading.Thread(target=self._accept, daemon=True).start()

    def make_client(self) -> redis.Redis:
        port = self._listener.getsockname()[1]
        retry = Retry(NoBackoff(), 0)
        return redis.Redis(LOOPBACK, port, socket_timeout=60, retry=retry, protocol=2)

    def close(self) -> None:
        self.go.set()
        for one in self._sockets:
            with suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                if self.is_refusing:
                    client.close()
                    continue
                server = socket.create_connection((LOOPBACK, self._redis_port))
                self._sockets += (client, server)
                for relay in (self._relay_calls, self._relay_replies):
                    threading.Thread(target=relay, args=(client, server), daemon=True).start()

    def _relay_calls(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := client.recv(1 << 20):
                if b"EVALSHA" in data:
                    self.writes += 1
                    if self.writes == 1:
                        self.held.set()
                        self.go.wait(WAIT_SECONDS)
                server.sendall(data)
            server.shutdown(socket.SHUT_WR)

    def _relay_replies(self, client: socket.socket, server: socket.socket) -> None:
        with suppress(OSError):
            while data := server.recv(1 << 20):
                if self.writes == self.cut_write:
                    self.cut_write = None
                    client.sendall(data[: self.cut_bytes])
                    break
                client.sendall(data)
            client.shutdown(socket.SHUT_RDWR)


@contextmanager
def tap_wire(redis_port: int) -> Iterator[WireTap]:
    tap = WireTap(redis_port)
    try:
        yield tap
    finally:
        tap.close()
