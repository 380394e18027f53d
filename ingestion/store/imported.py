"""The stored document of an imported event, which says all of itself."""

from typing import Any

import bson
from bson.datetime_ms import DatetimeMS
from bson.int64 import Int64

from analytics.events.ids import PROJECT_ID_BYTES
from analytics.events.imported import ImportedEvent
from analytics.projects.horizon import expiry_ms
from analytics.rollups import BUCKET_MS, PAGEVIEW, Fact, make_hit
from analytics.rollups.facts import hash_stored_user
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.store.document import FORMAT
from ingestion.store.origins import Origin

_TEXTS = {
    wire: name
    for name, wire in zip(
        ImportedEvent.__struct_fields__, ImportedEvent.__struct_encode_fields__, strict=True
    )
    if name not in ("timestamp", "ingested_at", "visitor", "anonymous", "ip", "properties")
}


def encode_imported(
    event: ImportedEvent,
    properties: dict[str, Any] | None,
    key: bytes,
    place: bytes,
    origin: Origin,
) -> tuple[bytes, Fact]:
    """As `document.encode_event`: BSON, and what the rollups count. Raises one of NOT_ENCODABLE."""
    ingested_ms = origin.ingested_ms if event.ingested_at is None else event.ingested_at
    document: dict[str, Any] = {
        "_id": key,
        "v": FORMAT,
        "project": key[:PROJECT_ID_BYTES],
        "place": place,
        "timestamp": DatetimeMS(event.timestamp),
        "ingestedAt": DatetimeMS(ingested_ms),
    }
    if (days := origin.policy.retention_days) is not None:
        document["expiresAt"] = DatetimeMS(expiry_ms(event.timestamp, ingested_ms, days))
    for name in ("visitor", "anonymous"):
        if (number := getattr(event, name)) is not None:
            document[name] = Int64(number)
    document |= {
        wire: value for wire, name in _TEXTS.items() if (value := getattr(event, name)) is not None
    }
    if (ip := apply_ip_rule(origin.policy.ip_rule, event.ip)) is not None:
        document["ip"] = ip
    if properties is not None:
        document["properties"] = properties
    document["imported"] = True
    return bson.encode(document), _make_fact(event, key[:PROJECT_ID_BYTES])


def _make_fact(event: ImportedEvent, project_id: bytes) -> Fact:
    user_hash = None if event.user_id is None else hash_stored_user(project_id, event.user_id)
    return (
        event.timestamp // BUCKET_MS,
        make_hit(user_hash, event.visitor, event.event == PAGEVIEW),
        event.path,
        event.event,
        event.country,
        (event.browser, event.os, event.device),
        (event.referrer, event.utm_source, event.utm_medium, event.utm_campaign),
        event.hostname,
        event.bot,
    )
