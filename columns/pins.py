"""Pins: what a project's columns are at one moment, kept until who reads it has done.

A pin names listed segments, which the collector then leaves alone though they are replaced, and
the fresh events and the veils of the same moment.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.column_documents import (
    ColumnPinDocument,
    FreshDocument,
    SegmentDocument,
    VeilDocument,
)
from analytics.databases.documents import typed
from analytics.databases.mongo import collection
from analytics.events.fresh import FRESH_ID_BYTES, list_fresh_keys
from analytics.events.ids import ids_of
from columns.segments import Segment, overlapping, parse_segment, read_head


class CannotPin(Exception):
    """The columns do not have all that is stored yet, or a part of them is damaged."""


class TailTooLong(Exception):
    """More events are fresh than a pin may name: they are to be exported first."""


@dataclass(frozen=True, slots=True)
class Pinned:
    """What a pin holds. Fresh events are in no segment of it; veiled rows do not count."""

    segments: Sequence[Segment]
    fresh_keys: Sequence[bytes]
    veils: Sequence[VeilDocument]


def pin(
    session: ClientSession,
    pin_id: str,
    project_id: bytes,
    *,
    from_ms: int | None,
    to_ms: int | None,
    most_fresh: int,
) -> list[str]:
    """In a transaction: pin all that is stored with from_ms <= timestamp < to_ms; its veils' ids.

    It may name fresh events beside that window. Raises CannotPin and TailTooLong; nothing is
    pinned then.
    """
    fresh = list(
        typed(FreshDocument, mongo.COLUMN_FRESH).find(
            ids_of(project_id, FRESH_ID_BYTES), session=session
        )
    )
    if sum(document["n"] for document in fresh) > most_fresh:
        raise TailTooLong
    head = read_head(project_id, session)
    if head.old_until is not None and (from_ms is None or from_ms < head.old_until):
        raise CannotPin("events of before there were columns are not exported yet")
    segments = list(
        typed(SegmentDocument, mongo.COLUMN_SEGMENTS)
        .find(overlapping(head, from_ms, to_ms), session=session)
        .sort([("from", 1), ("_id", 1)])
    )
    if any("damagedAt" in segment for segment in segments):
        raise CannotPin("a segment is damaged")
    veils = list(
        typed(VeilDocument, mongo.COLUMN_VEILS).find({"project": project_id}, session=session)
    )
    made: ColumnPinDocument = {
        "_id": pin_id,
        "project": project_id,
        "segments": segments,
        "fresh": fresh,
        "veils": veils,
    }
    typed(ColumnPinDocument, mongo.COLUMN_PINS).replace_one(
        {"_id": pin_id}, made, upsert=True, session=session
    )
    return [veil["_id"] for veil in veils]


def unpin(session: ClientSession, pin_id: str) -> None:
    """In a transaction: let go."""
    collection(mongo.COLUMN_PINS).delete_one({"_id": pin_id}, session=session)


def read_pin(pin_id: str, project_id: bytes) -> Pinned | None:
    """None: it was let go of."""
    found = typed(ColumnPinDocument, mongo.COLUMN_PINS).find_one(
        {"_id": pin_id, "project": project_id}
    )
    if found is None:
        return None
    keys = [key for document in found["fresh"] for key in list_fresh_keys(document)]
    return Pinned([parse_segment(each) for each in found["segments"]], keys, found["veils"])


def list_pinned(project_id: bytes) -> set[bytes]:
    """The segments of a project that any pin holds."""
    pins = collection(mongo.COLUMN_PINS).find({"project": project_id}, {"segments._id": 1})
    return {bytes(segment["_id"]) for found in pins for segment in found["segments"]}
