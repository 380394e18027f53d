"""A TCP proxy that fails as a network does."""

import enum
import socket
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Self

from local.process.ports import LOOPBACK

CHUNK_BYTES = 1 << 16
POLL_SECONDS = 0.02
SLOW_SECONDS = 0.1


class Mode(enum.Enum):
    PASS = "pass"
    HANG = "nothing arrives, either way, before the end; then all of it does"
    RESET = "every connection breaks, and new ones do"
    LOSE_REPLIES = "calls arrive, their answers do not"
    SLOW = "each piece takes a tenth of a second"


class Proxy:
    """Relays connections to a port of this machine; a context manager."""

    def __init__(self, target_port: int) -> None:
        self._target_port = target_port
        self._mode = Mode.PASS
        self._listener = socket.create_server((LOOPBACK, 0), backlog=256)
        self._sockets: list[socket.socket] = []
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, name="proxy", daemon=True).start()
        return self

    def __exit__(self, *exception: object) -> None:
        with suppress(OSError):  # wakes the thread that accepts
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        self._mode = Mode.PASS
        self._reset_all()

    @contextmanager
    def failing(self, mode: Mode) -> Iterator[None]:
        self._mode = mode
        if mode is Mode.RESET:
            self._reset_all()
        try:
            yield
        finally:
            self._mode = Mode.PASS

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                server = socket.socket()
                if self._mode is Mode.RESET or server.connect_ex((LOOPBACK, self._target_port)):
                    server.close()
                    reset(client)
                    continue
                self._sockets += (client, server)
                for source, target, replies in ((client, server, False), (server, client, True)):
                    source.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    relay = threading.Thread(
                        target=self._relay, args=(source, target, replies), daemon=True
                    )
                    relay.start()

    def _relay(self, source: socket.socket, target: socket.socket, replies: bool) -> None:
        with suppress(OSError):
            while data := source.recv(CHUNK_BYTES):
                if self._mode is Mode.SLOW:
                    time.sleep(SLOW_SECONDS)
                while self._mode is Mode.HANG:
                    time.sleep(POLL_SECONDS)
                if not (replies and self._mode is Mode.LOSE_REPLIES):
                    target.sendall(data)
        with suppress(OSError):
            target.shutdown(socket.SHUT_WR)

    def _reset_all(self) -> None:
        sockets, self._sockets = self._sockets, []
        for one in sockets:
            reset(one)


def reset(one: socket.socket) -> None:
    """Close with RST; a relay that reads from it wakes up."""
    with suppress(OSError):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    with suppress(OSError):
        one.shutdown(socket.SHUT_RD)
    one.close()
