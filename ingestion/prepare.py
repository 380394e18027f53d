"""From entries to what one transaction may insert, each event encoded by itself, once."""

from collections.abc import Iterable
from dataclasses import dataclass
from struct import error as StructError

import msgspec
from bson.errors import BSONError

from analytics.entry import AcceptedEvent
from analytics.event import decode_event
from analytics.ids import event_key, make_place
from analytics.invalid_event import InvalidEvent
from analytics.projects import Policy, find_policy
from analytics.rollups import Fact
from ingestion.enrich import apply_ip_rule
from ingestion.reader import ReadEntry
from ingestion.salts import salt_of_day
from ingestion.splice import Origin, encode_event

MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
_NOT_ENCODABLE = (
    BSONError,
    OverflowError,
    UnicodeError,
    RecursionError,
    TypeError,
    StructError,
)


@dataclass(slots=True)
class Failure:
    """Why an event cannot be stored: a reason of the closed list REASONS, and the error."""

    reason: str
    detail: str


INVALID = "invalid"  # our own decoder refuses it: the door of another version let it in
NOT_ENCODABLE = "not_encodable"  # BSON cannot hold it
REFUSED_BY_STORE = "refused_by_store"  # MongoDB refuses it, alone and healthy
REASONS = (INVALID, NOT_ENCODABLE, REFUSED_BY_STORE)


class Prepared(msgspec.Struct, gc=False):
    """One event on its way to the store: a document, or the failure it is buried for."""

    project_id: bytes
    place: bytes
    day: int  # UTC day of acceptance, in days since 1970
    key: bytes  # the event's _id
    accepted: AcceptedEvent
    redelivered: bool
    may_be_stored: bool = True  # redelivered, or an id of the client's own: look before inserting
    encoded: bytes | None = None  # its document as BSON
    fact: Fact | None = None  # what the rollups count of it
    failure: Failure | None = None
    # Of the client, for a dead letter: its address by the project's rule, and its user agent.
    ip: str | None = None
    user_agent: str | None = None

    @property
    def record_id(self) -> bytes:
        """The `_id` of its duplicate or dead letter: project and place."""
        return self.project_id + self.place


def prepare(entries: Iterable[ReadEntry]) -> list[Prepared]:
    """One Prepared per accepted event, in stream order."""
    batch: list[Prepared] = []
    known: dict[tuple[bytes, int], tuple[Policy, bytes]] = {}
    for read in entries:
        day, index = read.id.day, 0
        project_id = read.entry.project_id
        found = known.get((project_id, day))
        if found is None:
            found = known[project_id, day] = find_policy(project_id), salt_of_day(day)
        for part in read.entry.parts:
            origin = Origin(project_id, read.id.ms, *found, part.client_ip, part.client_user_agent)
            for accepted in part.events:
                place = make_place(read.id, index)
                key = event_key(project_id, accepted.event_id)
                prepared = Prepared(project_id, place, day, key, accepted, read.redelivered)
                _encode(prepared, origin)
                batch.append(prepared)
                index += 1
    return batch


def _encode(prepared: Prepared, origin: Origin) -> None:
    """Fill in `encoded` and `fact`, or `failure`. One bad event harms no other."""
    accepted = prepared.accepted
    try:
        event = decode_event(accepted.raw)
        prepared.may_be_stored = prepared.redelivered or event.event_id is not None
        encoded, fact = encode_event(event, accepted.event_id, prepared.key, prepared.place, origin)
    except InvalidEvent as exc:
        prepared.failure = Failure(INVALID, f"{exc.code}: {exc.detail}")
    except _NOT_ENCODABLE as exc:
        prepared.failure = Failure(NOT_ENCODABLE, repr(exc))
    else:
        if len(encoded) <= MAX_DOCUMENT_BYTES:
            prepared.encoded, prepared.fact = encoded, fact
            return
        prepared.failure = Failure(NOT_ENCODABLE, f"{len(encoded)} bytes of BSON")
    prepared.ip = apply_ip_rule(origin.policy.ip_rule, origin.ip)
    prepared.user_agent = origin.user_agent
