"""What `exports` holds in MongoDB; docs/data-model.md says what each field means."""

from datetime import datetime
from typing import Any, Literal, NotRequired, TypedDict

from analytics.databases.documents import JobDocument
from analytics.databases.export_formats import Format

Outcome = Literal["failed", "cancelled", "removed", "expired"]
"""How an export ended that has no file (any more)."""


class ExportQuery(TypedDict):
    """What was asked for; moments in RFC 3339, the filter as it was sent."""

    format: Format
    start: str | None
    end: str | None
    filter: Any
    withAddresses: bool
    spreadsheet: bool


class ExportDocument(JobDocument):
    """`exports`: a job, and the file that it makes."""

    query: ExportQuery
    slot: int  # which of the few that a project may have under way; none is held twice
    attempt: int  # counted up each time it begins anew
    asOf: NotRequired[datetime]  # all that was stored then, and no more
    clearOf: NotRequired[list[str]]  # erasures whose user was hidden then
    days: NotRequired[dict[str, int]]  # events by UTC day
    bytes: NotRequired[int]
    manifest: NotRequired[str]
    keptUntil: NotRequired[datetime]
    outcome: NotRequired[Outcome]
    error: NotRequired[str]  # a code, of one that failed
    expiresAt: NotRequired[datetime]  # of the document
