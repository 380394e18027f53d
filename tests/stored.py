"""Store events through the drain's own writer, without HTTP or Redis between."""

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import bson
import msgspec

from analytics.databases import mongo
from analytics.events.entry import AcceptedEvent, Entry, Part
from analytics.events.fresh import describe_fresh
from analytics.events.ids import EntryId, make_event_id, now_ms
from analytics.rollups.facts import read_fact
from ingestion.store.prepare import PreparedEvent, prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.entries import ReadEntry
from tests.conftest import TestProject

Batch = Sequence[Mapping[str, Any]]

ENRICHED = "enriched"  # of an event in a test: fields as they are to be stored

_sequence = itertools.count(1)


def store_events(
    project: TestProject, events: Batch, *, ip: str = "203.0.113.7", **part: Any
) -> None:
    """Store wire events (`timestamp` may be a datetime) as one batch; see ENRICHED.

    `part`: fields of their Part.
    """
    accepted = [
        AcceptedEvent(str(event.get("eventId") or make_event_id(now_ms())), encode(event))
        for event in events
    ]
    entry_id = EntryId(now_ms(), next(_sequence))
    part = {"client_user_agent": "Mozilla/5.0", **part}
    entry = Entry([Part(project.id, ip, events=accepted, **part)])
    read = ReadEntry(f"{entry_id.ms}-{entry_id.sequence}".encode(), entry_id, entry, 1)
    prepared = prepare([read])
    for event, given in zip(prepared, events, strict=True):
        if ENRICHED in given:
            enrich_otherwise(event, given[ENRICHED])
    write_batch(0, prepared)


def leave_fresh(project_id: bytes, events: Sequence[Mapping[str, Any]]) -> None:
    """What the drain leaves for the columns of events that a test stored by itself."""
    if events:
        document = describe_fresh(project_id, [event["_id"] for event in events], now_ms())
        mongo.collection(mongo.COLUMN_FRESH).insert_one(document)


def enrich_otherwise(event: PreparedEvent, fields: Mapping[str, Any]) -> None:
    """As if enrichment had found other `fields`; None: that the event has none."""
    document = bson.decode(event.encoded or b"", mongo.database().codec_options) | fields
    document = {name: value for name, value in document.items() if value is not None}
    event.encoded = bson.encode(document)
    event.fact = read_fact(event.project_id, document)


def encode(event: Mapping[str, Any]) -> bytes:
    return msgspec.json.encode({name: event[name] for name in event if name != ENRICHED})
