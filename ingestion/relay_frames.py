"""What an accepting and a reporting process say to each other, over a Unix socket.

One connection for each request: a REQUEST one way, and READY, HEAD, BLOCKs and END the other. A
frame is its kind, the length of its content, and the content. READY says that a process has begun:
a request without it may be put to another one, a request with it may have changed something.

Imported by gunicorn's master before gevent patches its workers: the standard library and msgspec
only.
"""

import struct
from collections.abc import Iterator
from typing import IO, Any

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


def send_frame(sock: Any, kind: bytes, content: bytes = b"") -> None:
    sock.sendall(_HEADER.pack(kind, len(content)) + content)


def read_frame(sock: Any) -> tuple[bytes, bytes]:
    """Kind and content. Raises BrokenRelay, TimeoutError."""
    kind, size = _HEADER.unpack(_read_exactly(sock, _HEADER.size))
    if size > MAX_FRAME_BYTES:
        raise BrokenRelay(f"a frame of {size} bytes")
    return kind, _read_exactly(sock, size)


def _read_exactly(sock: Any, size: int) -> bytes:
    content = bytearray(size)
    view, done = memoryview(content), 0
    while done < size:
        read = sock.recv_into(view[done:])
        if not read:
            raise BrokenRelay("the connection has ended")
        done += read
    return bytes(content)


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
