"""From entries to what one transaction may insert, each event judged by itself, encoded once."""

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from typing import TypeAlias

import msgspec

from analytics.events.entry import AcceptedEvent, Part
from analytics.events.event import EPOCH, Event, decode_events
from analytics.events.ids import make_event_key, make_place_begin, read_uuids
from analytics.events.imported import decode_imported
from analytics.events.invalid_event import InvalidEvent
from analytics.events.older_event import decode_older_event
from analytics.rollups import Fact
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.store.document import NOT_ENCODABLE as BSON_ERRORS
from ingestion.store.document import encode_event, encode_properties
from ingestion.store.imported import encode_imported
from ingestion.store.origins import Origin, find_origins
from ingestion.stream.entries import ReadEntry

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024

CHUNK_EVENTS = 100
"""Handled in one go: enough to share what that costs, few enough for the processor's caches."""

_Decoded: TypeAlias = tuple[AcceptedEvent, Event | InvalidEvent, bytes | None, bytes]
"""An accepted event, what its JSON says, its properties as BSON, and its id if it is a UUID."""


@dataclass(slots=True)
class Failure:
    """Why an event cannot be stored: a reason of the closed list REASONS, and the error."""

    reason: str
    detail: str


INVALID = "invalid"  # our own decoder refuses it: the door of another version let it in
NOT_ENCODABLE = "not_encodable"  # BSON cannot hold it
REFUSED_BY_STORE = "refused_by_store"  # MongoDB refuses it, alone and healthy
REASONS = (INVALID, NOT_ENCODABLE, REFUSED_BY_STORE)


class PreparedEvent(msgspec.Struct, gc=False):
    """One event on its way to the store: a document, or the failure it is buried for."""

    project_id: bytes
    place: bytes
    day: int  # UTC day of acceptance, in days since 1970
    key: bytes  # the event's _id
    accepted: AcceptedEvent
    redelivered: bool
    entry_requests: int  # that share its entry, a large one for each of its parts
    part: Part  # that brought it
    may_be_stored: bool = True  # redelivered, or an id of the client's own: look before inserting
    encoded: bytes | None = None  # its document as BSON
    fact: Fact | None = None  # what the rollups count of it
    failure: Failure | None = None
    ip: str | None = None  # the client's, by the project's rule, for a dead letter

    @property
    def record_id(self) -> bytes:
        """The `_id` of its duplicate or dead letter: project and place."""
        return self.project_id + self.place


def prepare(entries: Sequence[ReadEntry]) -> list[PreparedEvent]:
    """One PreparedEvent per accepted event, in stream order."""
    batch: list[PreparedEvent] = []
    origins = find_origins(entries)
    start = events = 0
    for end, read in enumerate(entries, 1):
        events += read.entry.event_count
        if events >= CHUNK_EVENTS or end == len(entries):
            batch += _prepare_chunk(entries[start:end], origins[start:end])
            start, events = end, 0
    return batch


def _prepare_chunk(
    entries: Sequence[ReadEntry], origins: Sequence[Origin]
) -> Sequence[PreparedEvent]:
    if not any([read.entry.imported for read in entries]):
        return _prepare_together(entries, origins)
    return [
        event
        for read, origin in zip(entries, origins, strict=True)
        for event in (
            _prepare_imported(read, origin)
            if read.entry.imported
            else _prepare_together([read], [origin])
        )
    ]


def _prepare_together(
    entries: Sequence[ReadEntry], origins: Sequence[Origin]
) -> list[PreparedEvent]:
    """JSON is decoded, properties are encoded and ids are read for all of a chunk in one go."""
    accepted = [event for read in entries for part in read.entry.parts for event in part.events]
    events = _decode([event.raw for event in accepted])
    properties = encode_properties(
        [None if isinstance(event, InvalidEvent) else event.properties for event in events]
    )
    uuids = read_uuids([event.event_id for event in accepted])
    following = zip(accepted, events, properties, uuids, strict=True)
    batch: list[PreparedEvent] = []
    for read, origin in zip(entries, origins, strict=True):
        _prepare_entry(read, origin, following, batch)
    return batch


def _prepare_entry(
    read: ReadEntry, origin: Origin, following: Iterator[_Decoded], batch: list[PreparedEvent]
) -> None:
    """Add the events of an entry to `batch`; they are the next of all that are decoded."""
    entry, day, redelivered = read.entry, read.id.day, read.redelivered
    project_id, public, requests = entry.project_id, entry.public, len(entry.parts)
    begin_place = make_place_begin(read.id)
    index = 0
    for part in entry.parts:
        for accepted, event, properties, uuid in islice(following, len(part.events)):
            prepared = PreparedEvent(
                project_id,
                begin_place + index.to_bytes(2, "big"),
                day,
                project_id + uuid
                if uuid and not public
                else make_event_key(project_id, accepted.event_id, uuid, public=public),
                accepted,
                redelivered,
                requests,
                part,
            )
            batch.append(prepared)
            index += 1
            if isinstance(event, InvalidEvent):
                prepared.failure = Failure(INVALID, f"{event.code}: {event.detail}")
            else:
                _encode(prepared, event, properties, origin)
            if prepared.failure:
                unfollowed = part.do_not_track and origin.policy.honours_do_not_track
                ip = None if unfollowed else part.client_ip
                prepared.ip = apply_ip_rule(origin.policy.ip_rule, ip)


def _prepare_imported(read: ReadEntry, origin: Origin) -> Iterator[PreparedEvent]:
    """The events of an entry of an import, which say all of themselves."""
    entry, begin_place, index = read.entry, make_place_begin(read.id), 0
    for part in entry.parts:
        for accepted in part.events:
            place = begin_place + index.to_bytes(2, "big")
            key = entry.event_key(accepted.event_id)
            prepared = PreparedEvent(
                entry.project_id, place, read.id.day, key, accepted, read.redelivered,
                len(entry.parts), part,
            )  # fmt: skip
            try:
                event, properties = decode_imported(accepted.raw)
                _fill(prepared, *encode_imported(event, properties, key, place, origin))
            except InvalidEvent as exc:
                prepared.failure = Failure(INVALID, f"{exc.code}: {exc.detail}")
            except BSON_ERRORS as exc:
                prepared.failure = Failure(NOT_ENCODABLE, repr(exc))
            yield prepared
            index += 1


def _decode(raws: Sequence[bytes]) -> list[Event | InvalidEvent]:
    events = decode_events(raws)
    for index, event in enumerate(events):
        if isinstance(event, InvalidEvent) and _is_older(event):
            with suppress(InvalidEvent):  # then the first refusal stands
                events[index] = decode_older_event(raws[index])
    return events


def _is_older(refusal: InvalidEvent) -> bool:
    return (refusal.field, refusal.code) == ("timestamp", "bad_timestamp")


def _encode(
    prepared: PreparedEvent, event: Event, properties: bytes | None, origin: Origin
) -> None:
    """Fill in `encoded` and `fact`, or `failure`. One bad event harms no other."""
    prepared.may_be_stored = prepared.redelivered or event.event_id is not None
    event.event_id = prepared.accepted.event_id
    part, skew_ms = prepared.part, prepared.part.skew_ms
    try:
        if skew_ms and event.timestamp is not None:
            event.timestamp = max(EPOCH, event.timestamp + timedelta(milliseconds=skew_ms))
        encoded, fact = encode_event(event, prepared.key, prepared.place, origin, part, properties)
    except BSON_ERRORS as exc:
        prepared.failure = Failure(NOT_ENCODABLE, repr(exc))
        return
    _fill(prepared, encoded, fact)


def _fill(prepared: PreparedEvent, encoded: bytes, fact: Fact) -> None:
    if len(encoded) <= MAX_DOCUMENT_BYTES:
        prepared.encoded, prepared.fact = encoded, fact
    else:
        prepared.failure = Failure(NOT_ENCODABLE, f"{len(encoded)} bytes of BSON")
