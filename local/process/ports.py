"""Free TCP ports on the loopback interface."""

import random
import socket
from pathlib import Path

LOOPBACK = "127.0.0.1"
# Below the range from which outgoing connections take theirs, so that a port stays free between
# the kill and the restart of its server.
LOWEST_PORT, HIGHEST_PORT = 10_000, 32_000


def is_port_free(port: int, host: str = LOOPBACK) -> bool:
    with socket.socket() as listener:
        # As the servers do: connections in TIME_WAIT do not count.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError:
            return False
        return True


def is_port_answering(port: int, host: str = LOOPBACK) -> bool:
    with socket.socket() as client:
        client.settimeout(1)
        return client.connect_ex((host, port)) == 0


def find_free_port() -> int:
    for _ in range(1_000):
        port = random.randint(LOWEST_PORT, HIGHEST_PORT)
        if is_port_free(port):
            return port
    raise RuntimeError(f"No free TCP port between {LOWEST_PORT} and {HIGHEST_PORT}.")


def recall_port(file: Path) -> int:
    """The port written down in the file if it is still free, else a free one."""
    try:
        port = int(file.read_text())
    except (OSError, ValueError):
        return find_free_port()
    return port if is_port_free(port) else find_free_port()
