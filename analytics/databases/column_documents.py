"""What the lists of the columns hold in MongoDB; docs/data-model.md says what each field means."""

from datetime import datetime
from typing import NotRequired, TypedDict

from bson import ObjectId


class FreshDocument(TypedDict):
    """`column_fresh` (analytics/events/fresh.py)."""

    _id: bytes
    project: bytes
    n: int
    short: bytes
    long: bytes


SegmentDocument = TypedDict(
    "SegmentDocument",
    {
        "_id": bytes,  # the project, and 16 bytes of chance
        "project": bytes,
        "generation": int,
        "from": int,  # the smallest timestamp in it, unix milliseconds
        "to": int,  # and the largest, included
        "days": list[int] | None,  # first and last local day it was cut for; None: of whatever days
        "zone": str | None,  # the time zone of these days
        "midnights": NotRequired[bytes],  # a digest of when these days and the next begin
        "owners": NotRequired[list[int]],  # whose rows: the smallest and largest; absent: anybody's
        "rows": int,
        "bytes": int,
        "sum": bytes,  # SHA-256 of the file
        "v": int,
        "madeAt": datetime,
        "since": NotRequired[datetime],  # when the first of its rows came into a segment, if before
        "clearOf": NotRequired[list[str]],  # the erasures whose user is not in it
        "damagedAt": NotRequired[datetime],
    },
)


class ColumnHeadDocument(TypedDict):
    """`column_heads`: who changes a project's list of segments counts `revision` up."""

    _id: bytes  # the project
    revision: int
    generation: int
    oldUntil: NotRequired[int]  # events of before (unix ms) may be in no segment, nor fresh
    oldFrom: NotRequired[datetime]  # not to be exported before
    cutAt: NotRequired[datetime]  # when what retention let go was last taken out


class VeilDocument(TypedDict):
    """`column_veils`: what an erasure hides from questions until no segment holds it."""

    _id: str  # the erasure
    project: bytes
    userId: str
    lastPlace: bytes


class ColumnGarbageDocument(TypedDict):
    """`column_garbage`."""

    _id: ObjectId
    project: bytes
    segments: list[bytes]
    dueAt: datetime
    madeAt: datetime
    collecting: NotRequired[bool]


class ColumnStoreDocument(TypedDict):
    """`column_store`: the one document that says which folder is ours."""

    _id: str
    deployment: str
    madeAt: datetime


class ColumnPinDocument(TypedDict):
    """`column_pins`: what an export reads, and so is not deleted before it has done."""

    _id: str  # the export
    project: bytes
    segments: list[SegmentDocument]
    fresh: list[FreshDocument]
    veils: list[VeilDocument]
