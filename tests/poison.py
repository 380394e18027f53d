"""An accepted event that cannot be stored, which no client can send: the door refuses it."""

from analytics.entry import AcceptedEvent
from analytics.keys import KeyRecord, authenticate
from ingestion.admit import Sender, admit
from tests.conftest import TestProject

POISON = b'{"path": "/poison", "properties": {"a\\u0000b": 1}}'


def record_of(project: TestProject) -> KeyRecord:
    return authenticate(f"Bearer {project.ingest_key}")


def accept_poison(project: TestProject, event_id: str = "poison") -> None:
    """Append, past the door, an event with a NUL in a key."""
    admit(Sender(record_of(project), "203.0.113.9", None), [AcceptedEvent(event_id, POISON)])
