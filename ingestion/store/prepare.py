"""From entries to what one transaction may insert, each event judged by itself, encoded once."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from analytics.events.entry import AcceptedEvent, Part
from analytics.events.event import EPOCH, Event, decode_events, decode_older_event
from analytics.events.ids import event_key, make_place, public_event_key
from analytics.events.invalid_event import InvalidEvent
from analytics.projects.policy import Policy, find_policy
from analytics.projects.zones import LocalDay, find_day
from analytics.rollups import Fact
from ingestion.enrich.addresses import apply_ip_rule
from ingestion.enrich.salts import salt_of_day
from ingestion.store.document import NOT_ENCODABLE as BSON_ERRORS
from ingestion.store.document import Origin, encode_event, encode_properties
from ingestion.stream.entries import ReadEntry

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024


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


def prepare(entries: Iterable[ReadEntry]) -> list[PreparedEvent]:
    """One PreparedEvent per accepted event, in stream order."""
    batch: list[PreparedEvent] = []
    days: dict[bytes, tuple[LocalDay, Policy, bytes]] = {}
    for read in entries:
        project_id, ms = read.entry.project_id, read.id.ms
        found = days.get(project_id)
        if found is None or not found[0].begin_ms <= ms < found[0].end_ms:
            policy = find_policy(project_id)
            day = find_day(policy.zones, ms)
            found = days[project_id] = day, policy, salt_of_day(project_id, day)
        _prepare_entry(read, Origin(project_id, ms, *found[1:]), batch)
    return batch


def _prepare_entry(read: ReadEntry, origin: Origin, batch: list[PreparedEvent]) -> None:
    """Add the events of an entry to `batch`: JSON is decoded, properties are encoded in one go."""
    events = _decode([accepted.raw for accepted in read.entry.events])
    properties = encode_properties(
        [None if isinstance(event, InvalidEvent) else event.properties for event in events]
    )
    project_id, day, redelivered = origin.project_id, read.id.day, read.redelivered
    make_key = public_event_key if read.entry.public else event_key
    requests = len(read.entry.parts)
    index = 0
    for part in read.entry.parts:
        for accepted in part.events:
            event = events[index]
            place = make_place(read.id, index)
            key = make_key(project_id, accepted.event_id)
            prepared = PreparedEvent(
                project_id, place, day, key, accepted, redelivered, requests, part
            )
            if isinstance(event, InvalidEvent):
                prepared.failure = Failure(INVALID, f"{event.code}: {event.detail}")
            else:
                _encode(prepared, event, properties[index], origin)
            if prepared.failure:
                unfollowed = part.do_not_track and origin.policy.honours_do_not_track
                ip = None if unfollowed else part.client_ip
                prepared.ip = apply_ip_rule(origin.policy.ip_rule, ip)
            batch.append(prepared)
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
    if len(encoded) <= MAX_DOCUMENT_BYTES:
        prepared.encoded, prepared.fact = encoded, fact
    else:
        prepared.failure = Failure(NOT_ENCODABLE, f"{len(encoded)} bytes of BSON")
