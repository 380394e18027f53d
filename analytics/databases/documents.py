"""What upkeep reads and writes in MongoDB; docs/data-model.md says what each field means.

What is read with a projection has the fields that were asked for, and no others.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NotRequired, TypedDict, TypeVar, cast

from bson import ObjectId
from pymongo.collection import Collection

from analytics.databases.mongo import collection

D = TypeVar("D", bound=Mapping[str, Any])

# How far the step of a job is: of the type that the step itself gives it.
Cursor = Any


def typed(kind: type[D], name: str) -> Collection[D]:
    """The collection `name`, whose documents are of this kind."""
    return cast("Collection[D]", collection(name))


class EventDocument(TypedDict):
    """`events`: what every event has; its further fields are in `ingestion/store/document.py`."""

    _id: bytes
    project: NotRequired[bytes]  # a tombstone has neither, nor a timestamp
    timestamp: NotRequired[datetime]
    place: bytes
    ingestedAt: NotRequired[datetime]
    userId: NotRequired[str]
    expiresAt: NotRequired[datetime]
    erased: NotRequired[datetime]


class DuplicateDocument(TypedDict):
    """`duplicates`."""

    _id: bytes
    event: NotRequired[bytes]
    expiresAt: datetime


class LetterPayloads(TypedDict):
    """What a letter holds: what a replay sends, and what was sent where that was edited."""

    payload: bytes
    original: NotRequired[bytes | None]


class LetterDocument(LetterPayloads):
    """`dead_letters`, as far as an erasure and the books go by it."""

    _id: bytes
    project: bytes
    status: str
    erased: NotRequired[datetime]


class LedgerDocument(TypedDict):
    """`ledger` and `ledger_summaries`; the last three are of `ledger` alone."""

    _id: NotRequired[bytes | ObjectId]
    project: bytes
    day: int
    stored: NotRequired[int]
    duplicate: NotRequired[int]
    dead: NotRequired[int]
    erased: NotRequired[int]
    imported: NotRequired[int]
    accepted: NotRequired[int]  # as of the last checkpoint
    base: NotRequired[int]  # of it, what Redis has lost and does not count any more
    lost: NotRequired[int]  # of it, what was in the stream when Redis lost it


class CheckpointDocument(TypedDict):
    """`ledger_checkpoints`, by partition."""

    _id: int
    epoch: str
    number: int
    lastId: str
    at: datetime


# One field is called `from`, which only this form can say.
GapDocument = TypedDict(
    "GapDocument",
    {
        "_id": NotRequired[ObjectId],
        "partition": int,
        "kind": str,
        "from": datetime,
        "to": datetime,
        "lost": int,
        "fromDay": int,
        "toDay": int,
    },
)


class JobDocument(TypedDict):
    """`erasures` and `project_deletions`."""

    _id: str
    project: bytes
    partition: int
    requestedAt: datetime
    requestedBy: str
    turnAt: datetime
    step: str
    cursor: NotRequired[Cursor]
    revision: int
    open: NotRequired[bool]
    counts: dict[str, int]
    finishedAt: NotRequired[datetime]
    lastPlace: NotRequired[bytes]
    userId: NotRequired[str]  # of an erasure
    name: NotRequired[str]  # this and the next: of a deletion
    eventsByMonth: NotRequired[dict[str, int]]


class ErasureDayDocument(TypedDict):
    """`erasure_days`."""

    _id: str
    project: bytes
    day: int
    buckets: list[int]


class SaltDocument(TypedDict):
    """`salts`, by project and day; of an earlier release, by UTC day."""

    _id: bytes | int
    salt: bytes
    expiresAt: datetime


class GarbageDocument(TypedDict):
    """`rollup_garbage`."""

    _id: ObjectId
    runs: list[bytes]
    dueAt: datetime
    collecting: NotRequired[bool]


class SetbackDocument(TypedDict):
    """`setbacks`."""

    _id: NotRequired[str]
    work: str
    unit: str
    release: str
    project: bytes | None
    failures: int
    failedAt: NotRequired[datetime]
    retryAt: datetime
    error: str
    expiresAt: datetime


class ProjectRow(TypedDict):
    """`projects`, as far as the drain and retention go by it past Django."""

    _id: str
    ip_rule: str
    retention_days: int | None
    retention_applied_days: NotRequired[int | None]
    raw_since: NotRequired[datetime | None]
    columns_retention_days: NotRequired[int | None]
    columns_since: NotRequired[datetime | None]
    deleted_at: NotRequired[datetime | None]
    # None in a row that an earlier release made, until `migrate`.
    zones: NotRequired[list[dict[str, object]] | None]
    tidies_addresses: NotRequired[bool | None]
    honours_do_not_track: NotRequired[bool | None]
    hostnames: NotRequired[list[str] | None]
