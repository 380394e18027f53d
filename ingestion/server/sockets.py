"""What is asked of sockets in fewer steps than their own methods take."""

import resource
import socket
import time

_SOON_SECONDS = 0.1


def count_files() -> int:
    """How many files, sockets among them, this process may have open."""
    most, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return most if most != resource.RLIM_INFINITY else 1_000_000


def send(sock: socket.socket, data: bytes) -> None:
    """As sendall, which asks the system for the size of its buffer each time."""
    sent = sock.send(data)
    if sent < len(data):
        sock.sendall(data[sent:])


def read_soon(sock: socket.socket, size: int) -> bytes:
    """What comes of the next `size` bytes while they are on their way.

    A large body comes in parts, which are a moment apart.
    """
    usual_seconds, deadline = sock.gettimeout(), time.monotonic() + _SOON_SECONDS
    parts: list[bytes] = []
    try:
        while size > 0 and (seconds := deadline - time.monotonic()) > 0:
            sock.settimeout(seconds)
            part = sock.recv(size)
            if not part:
                break
            parts.append(part)
            size -= len(part)
    except TimeoutError:
        pass
    finally:
        sock.settimeout(usual_seconds)
    return b"".join(parts)
