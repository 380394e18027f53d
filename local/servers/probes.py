"""What an embedded server is asked until it answers; MongoDB is also told to be a replica set.

In the servers' own protocols: whoever watches the service would else keep two whole clients loaded
for a few questions at its start.
"""

import socket
import struct
from typing import Any, Final

import bson

from local.process.ports import LOOPBACK

NOT_YET_INITIATED: Final = 94
ANSWER_SECONDS: Final = 5.0

_OP_MSG: Final = 2013
_HEADER = struct.Struct("<iiii")  # bytes of all of it, request, answers which, kind of message
_FRAME_BYTES: Final = _HEADER.size + 5  # flags, and the kind of the only section: a document


class CommandRefused(Exception):
    """mongod's answer is an error; its first argument is the code."""


def is_redis_ready(port: int, pid: int) -> bool:
    """Whether the process answers there. Another server may have taken the port before it."""
    try:
        with socket.create_connection((LOOPBACK, port), ANSWER_SECONDS) as connection:
            connection.settimeout(ANSWER_SECONDS)
            connection.sendall(b"PING\r\nINFO server\r\nQUIT\r\n")
            answer = b"".join(iter(lambda: connection.recv(65_536), b""))
    except OSError:
        return False
    # While it loads its data PING is an error, INFO is not.
    return answer.startswith(b"+PONG\r\n") and b"\nprocess_id:%d\r" % pid in answer


def is_mongod_ready(port: int, pid: int, replica_set: str) -> bool:
    """Whether the process is a primary there; makes it one, of a set of that name."""
    try:
        with socket.create_connection((LOOPBACK, port), ANSWER_SECONDS) as connection:
            connection.settimeout(ANSWER_SECONDS)
            if run_command(connection, hello=1).get("isWritablePrimary"):
                return bool(run_command(connection, serverStatus=1)["pid"] == pid)
            _configure_replica_set(connection, replica_set, f"{LOOPBACK}:{port}")
    except (OSError, CommandRefused):  # not up yet, or in the middle of an election
        pass
    return False


def run_command(connection: socket.socket, **command: Any) -> dict[str, Any]:
    """The answer of mongod's database `admin`. Raises CommandRefused and OSError."""
    content = bson.encode({**command, "$db": "admin"})
    header = _HEADER.pack(_FRAME_BYTES + len(content), 1, 0, _OP_MSG)
    connection.sendall(header + bytes(5) + content)
    (size,) = struct.unpack("<i", _read(connection, 4))
    answer: dict[str, Any] = bson.decode(_read(connection, size - 4)[_FRAME_BYTES - 4 :])
    if not answer.get("ok"):
        raise CommandRefused(answer.get("code"), answer.get("errmsg"))
    return answer


def _read(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size:
        if not (part := connection.recv(size - len(data))):
            raise ConnectionResetError("mongod hung up")
        data += part
    return data


def _configure_replica_set(connection: socket.socket, name: str, host: str) -> None:
    """Initiates the set, or moves its only member to the host; does nothing when it is there."""
    try:
        config = run_command(connection, replSetGetConfig=1)["config"]
    except CommandRefused as error:
        if error.args[0] != NOT_YET_INITIATED:
            raise
        members = [{"_id": 0, "host": host}]
        run_command(connection, replSetInitiate={"_id": name, "members": members})
        return
    if config["members"][0]["host"] != host:
        config["members"][0]["host"] = host
        config["version"] += 1
        run_command(connection, replSetReconfig=config, force=True)
