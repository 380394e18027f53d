"""An accepted event that cannot be stored, which no client can send: the door refuses it."""

from analytics.events.entry import AcceptedEvent
from analytics.keys.authentication import authenticate
from analytics.keys.records import KeyRecord
from ingestion.accept.admit import Sender, admit
from tests.conftest import TestProject

POISON = b'{"path": "/poison", "properties": {"a\\u0000b": 1}}'


def record_of(project: TestProject) -> KeyRecord:
    return authenticate(f"Bearer {project.ingest_key}")


def accept_poison(
    project: TestProject, event_id: str = "poison", user_id: str | None = None
) -> None:
    """Append, past the door, an event with a NUL in a key."""
    payload = POISON if user_id is None else b'{"userId": "%b", %b' % (user_id.encode(), POISON[1:])
    admit(Sender(record_of(project), "203.0.113.9", None), [AcceptedEvent(event_id, payload)])
