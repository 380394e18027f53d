"""What an accepting and a reporting process say to each other, over a Unix socket.

One connection for each request: a REQUEST one way, and READY, HEAD, BLOCKs and END the other. A
frame is its kind, the length of its content, and the content. READY says that a process has begun:
a request without it may be put to another one, a request with it may have changed something.

Imported by gunicorn's master before gevent patches its workers: the standard library and msgspec
only.
"""

import socket
import struct
from collections.abc import Callable, Iterator
from typing import IO

import msgspec

_KIBIBYTE = 1024
BLOCK_BYTES = 256 * _KIBIBYTE
# A body of DATA_UPLOAD_MAX_MEMORY_SIZE, and all that gunicorn takes of headers.
MAX_FRAME_BYTES = 8 * 1024 * _KIBIBYTE

REQUEST, READY, HEAD, BLOCK, END = b"Q", b"R", b"H", b"B", b"E"

_HEADER = struct.Struct(">cI")


class BrokenRelay(ConnectionError):
    """The other process has gone, or does not speak this."""


class RelayedRequest(msgspec.Struct, array_like=True):
    environ: dict[str, str]  # what WSGI says of a request in text
    body: bytes


class RelayedHead(msgspec.Struct, array_like=True):
    status: str
    headers: list[tuple[str, str]]


encode = msgspec.msgpack.Encoder().encode
decode_request = msgspec.msgpack.Decoder(RelayedRequest).decode
decode_head = msgspec.msgpack.Decoder(RelayedHead).decode


def make_frame(kind: bytes, content: bytes = b"") -> bytes:
    return _HEADER.pack(kind, len(content)) + content


class FrameReader:
    """Reads frames from a socket; before it needs more, it calls `wait` with how long it may take.

    Raises BrokenRelay, TimeoutError, and what `wait` raises.
    """

    def __init__(self, sock: socket.socket, wait: Callable[[float], None]) -> None:
        self._sock = sock
        self._wait = wait
        self._unread = bytearray()

    def read(self, seconds: float) -> tuple[bytes, bytes]:
        """Kind and content of the next frame, if none of its parts takes longer than that."""
        kind, size = _HEADER.unpack(self._take(_HEADER.size, seconds))
        if size > MAX_FRAME_BYTES:
            raise BrokenRelay(f"a frame of {size} bytes")
        return kind, self._take(size, seconds)

    def _take(self, size: int, seconds: float) -> bytes:
        while len(self._unread) < size:
            self._wait(seconds)
            data = self._sock.recv(BLOCK_BYTES)
            if not data:
                raise BrokenRelay("the connection has ended")
            self._unread += data
        taken = bytes(self._unread[:size])
        del self._unread[:size]
        return taken


def read_frame(sock: socket.socket) -> tuple[bytes, bytes]:
    """The one frame that a connection begins with, under the socket's own timeout."""
    return FrameReader(sock, lambda _: None).read(0)


def split_blocks(content: bytes) -> Iterator[bytes]:
    for begin in range(0, len(content), BLOCK_BYTES):
        yield content[begin : begin + BLOCK_BYTES]


class FileBlocks:
    """WSGI's `file_wrapper`: a file in blocks that are worth a frame."""

    def __init__(self, file: IO[bytes], block_bytes: int = BLOCK_BYTES) -> None:
        self._file = file

    def __iter__(self) -> Iterator[bytes]:
        while block := self._file.read(BLOCK_BYTES):
            yield block

    def close(self) -> None:
        if hasattr(self._file, "close"):
            self._file.close()
