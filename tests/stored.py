"""Store events through the drain's own writer, without HTTP or Redis between."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from analytics.events.entry import AcceptedEvent, Entry, Part
from analytics.events.ids import EntryId, make_event_id, now_ms
from ingestion.store.prepare import prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.entries import ReadEntry
from tests.conftest import TestProject

Batch = Sequence[Mapping[str, Any]]

_sequence = itertools.count(1)


def store_events(project: TestProject, events: Batch, *, ip: str = "203.0.113.7") -> None:
    """Store wire events (`timestamp` may be a datetime) as one batch."""
    accepted = [
        AcceptedEvent(str(event.get("eventId") or make_event_id(now_ms())), encode(event))
        for event in events
    ]
    entry_id = EntryId(now_ms(), next(_sequence))
    entry = Entry([Part(project.id, ip, "Mozilla/5.0", accepted)])
    read = ReadEntry(f"{entry_id.ms}-{entry_id.sequence}".encode(), entry_id, entry, 1)
    write_batch(0, prepare([read]))


def encode(event: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode(event)
