"""From entries to what one transaction may insert, each event encoded by itself, once."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import bson
from bson.errors import BSONError

from analytics.entry import AcceptedEvent
from analytics.event import decode_event
from analytics.ids import datetime_of_ms, event_key, make_place
from analytics.invalid_event import InvalidEvent
from analytics.mongo import Document
from analytics.projects import find_policy
from ingestion.enrich import Context, apply_ip_rule, to_document
from ingestion.reader import ReadEntry
from ingestion.salts import salt_of_day

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


@dataclass(slots=True)
class Prepared:
    """One event on its way to the store: a document, or the failure it is buried for."""

    project_id: bytes
    place: bytes
    day: int  # UTC day of acceptance, in days since 1970
    key: bytes  # the event's _id
    accepted: AcceptedEvent
    may_be_stored: bool  # redelivered, or an id of the client's own: look before inserting
    redelivered: bool
    document: Document | None = None
    encoded: bytes | None = None  # `document` as BSON
    failure: Failure | None = None
    ip: str | None = None  # of the client, by the project's rule; for a dead letter

    @property
    def record_id(self) -> bytes:
        """The `_id` of its duplicate or dead letter: project and place."""
        return self.project_id + self.place


def prepare(entries: Iterable[ReadEntry]) -> list[Prepared]:
    """One Prepared per accepted event, in stream order."""
    return [prepared for entry in entries for prepared in _prepare_entry(entry)]


def _prepare_entry(read: ReadEntry) -> Iterator[Prepared]:
    entry = read.entry
    policy = find_policy(entry.project_id)
    context = Context(entry, datetime_of_ms(read.id.ms), policy, salt_of_day(read.id.day))
    for index, accepted in enumerate(entry.events):
        prepared = Prepared(
            project_id=entry.project_id,
            place=make_place(read.id, index),
            day=read.id.day,
            key=event_key(entry.project_id, accepted.event_id),
            accepted=accepted,
            may_be_stored=True,
            redelivered=read.redelivered,
        )
        _encode(prepared, context)
        yield prepared


def _encode(prepared: Prepared, context: Context) -> None:
    """Fill in `document` and `encoded`, or `failure`. One bad event harms no other."""
    accepted = prepared.accepted
    try:
        event = decode_event(accepted.raw)
        prepared.may_be_stored = prepared.redelivered or event.event_id is not None
        document = to_document(event, accepted.event_id, prepared.key, prepared.place, context)
        encoded = bson.encode(document)
    except InvalidEvent as exc:
        prepared.failure = Failure(INVALID, f"{exc.code}: {exc.detail}")
    except (BSONError, OverflowError, UnicodeError, RecursionError, TypeError) as exc:
        prepared.failure = Failure(NOT_ENCODABLE, repr(exc))
    else:
        if len(encoded) > MAX_DOCUMENT_BYTES:
            prepared.failure = Failure(NOT_ENCODABLE, f"{len(encoded)} bytes of BSON")
            return
        prepared.document = document
        prepared.encoded = encoded
    if prepared.failure:
        prepared.ip = apply_ip_rule(context.policy.ip_rule, context.entry.client_ip)
