"""The MongoDB sessions of each consumer, so that one that died half-way blocks nobody.

MongoDB keeps the transaction of a client that vanished until its lifetime limit, and with it
the locks on the events it inserted: whoever takes over the entries would wait for that long.
So each consumer leaves the ids of its sessions in Redis, and who takes over ends them first.
"""

import threading
from contextlib import suppress

from bson.binary import UUID_SUBTYPE, Binary
from pymongo.client_session import ClientSession
from redis.exceptions import OutOfMemoryError

from analytics.databases import mongo
from analytics.databases import redis_clients as names
from analytics.databases.redis_keys import sessions_key
from ingestion.stream.answers import stream_commands
from ingestion.stream.consumers import this_consumer

_SESSION_ID_BYTES = 16
# More than a consumer uses at once: the driver uses the same ones again and again.
_MAX_NOTED = 8

_noted: dict[tuple[int, str], list[bytes]] = {}
_noting = threading.Lock()


def note_session(partition: int, session: ClientSession) -> None:
    """Leave the session's id in Redis, beside those of the consumer's other writers."""
    consumer = str(this_consumer())
    session_id = bytes(session.session_id["id"])
    with _noting:
        noted = _noted.get((partition, consumer), [])
        if session_id in noted:
            return
        noted = [*noted, session_id][-_MAX_NOTED:]
        with suppress(OutOfMemoryError):  # a full Redis must still be emptied
            names.stream_client().hset(sessions_key(partition), consumer, b"".join(noted))
        _noted[partition, consumer] = noted


def note_sessions_again() -> None:
    """Let each drain leave its session anew: Redis may have been emptied since the last."""
    _noted.clear()


def end_session_of(partition: int, consumer: str) -> None:
    """End the sessions of a consumer that is gone, which aborts its transactions."""
    noted = stream_commands().hget(sessions_key(partition), consumer) or b""
    sessions = [
        {"id": Binary(noted[start : start + _SESSION_ID_BYTES], UUID_SUBTYPE)}
        for start in range(0, len(noted), _SESSION_ID_BYTES)
    ]
    if sessions:
        mongo.client().admin.command("killSessions", sessions)
