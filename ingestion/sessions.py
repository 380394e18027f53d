"""The MongoDB session of each consumer, so that one that died half-way blocks nobody.

MongoDB keeps the transaction of a client that vanished until its lifetime limit, and with it
the locks on the events it inserted: whoever takes over the entries would wait for that long.
So each consumer leaves its session's id in Redis, and who takes over ends that session first.
"""

from contextlib import suppress
from typing import Any

from bson.binary import UUID_SUBTYPE, Binary
from pymongo.client_session import ClientSession
from redis.exceptions import OutOfMemoryError

from analytics import mongo
from analytics import redis as names
from ingestion.consumers import this_consumer

_noted: dict[tuple[int, str], bytes] = {}


def note_session(partition: int, session: ClientSession) -> None:
    """Leave the session's id in Redis; the driver uses the same one again and again."""
    consumer = str(this_consumer())
    session_id = bytes(session.session_id["id"])
    if _noted.get((partition, consumer)) != session_id:
        with suppress(OutOfMemoryError):  # a full Redis must still be emptied
            names.stream_client().hset(names.sessions_key(partition), consumer, session_id)
        _noted[partition, consumer] = session_id


def note_sessions_again() -> None:
    """Let each drain leave its session anew: Redis may have been emptied since the last."""
    _noted.clear()


def end_session_of(partition: int, consumer: str) -> None:
    """End the session of a consumer that is gone, which aborts its transaction."""
    session_id: Any = names.stream_client().hget(names.sessions_key(partition), consumer)
    if session_id:
        mongo.client().admin.command("killSessions", [{"id": Binary(session_id, UUID_SUBTYPE)}])
