"""What `imports` holds in MongoDB; docs/data-model.md says what each field means."""

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from analytics.databases.documents import JobDocument

Ending = Literal["failed", "cancelled", "expired", "looked"]
"""How an import ended that has stored nothing (more): `looked` is a dry run."""


class Choice(TypedDict):
    """What a file is said to be: a source, and how it is read."""

    source: str
    mapping: dict[str, Any] | None
    options: dict[str, Any]


class LookBy(TypedDict):
    """What a file is looked at as, where somebody said something of it and no more."""

    source: str | None
    encoding: str


class Sample(TypedDict):
    """A row that is left out; the detail names no person."""

    row: int
    detail: str


class Report(TypedDict):
    """What a file holds, as a dry run tells it.

    rows = events + doubles + the sum of leftOut; of the events, `stored` were stored already.
    """

    rows: int
    events: int
    doubles: int  # the same event stands in the file before
    stored: int
    leftOut: dict[str, int]  # by reason
    samples: dict[str, list[Sample]]  # the first of each reason
    firstMs: int | None  # of the events' timestamps
    lastMs: int | None


class ReadSoFar(TypedDict):
    rows: int
    bytes: int


class ImportDocument(JobDocument):
    """`imports`: a job, and the file that it reads."""

    file: str  # its name, where it came from
    bytes: int  # as it was announced, of one that is not here yet
    sha256: str  # empty of one that is not here yet
    slot: int  # which of the few that a project may have under way; none is held twice
    received: NotRequired[int]  # bytes of one that comes in pieces, and when the last of them came
    receivedAt: NotRequired[datetime]
    announced: NotRequired[str]  # the SHA-256 that it is to have
    lookBy: NotRequired[LookBy]
    dryRun: bool
    choice: Choice | None  # None: nobody has said what the file is
    confirmed: bool  # it goes on once it is read
    guess: NotRequired[dict[str, Any]]  # what the file seems to be
    readSoFar: NotRequired[ReadSoFar]
    report: NotRequired[Report]
    era: int  # counted up with each erasure meanwhile
    erased: NotRequired[list[int]]  # hashes of users who were erased meanwhile
    keptUntil: NotRequired[datetime]
    outcome: NotRequired[Ending]
    error: NotRequired[str]  # a code, of one that failed
    detail: NotRequired[str]
    expiresAt: NotRequired[datetime]  # of the document
