"""The list of a project's segments in MongoDB, and the head that guards its changes.

And whether a file is the one that was listed.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import file_digest
from typing import Any

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.column_documents import ColumnHeadDocument, SegmentDocument
from analytics.databases.documents import typed
from columns.folder import ColumnsUnavailable, Folder, check_folder


@dataclass(frozen=True, slots=True)
class Segment:
    """A listed file. Times are unix milliseconds, both bounds included."""

    id: bytes  # 24 bytes: its project and its own 16
    project_id: bytes
    generation: int
    from_ms: int
    to_ms: int
    days: tuple[int, int] | None  # first and last local day it was cut for; None: of whatever days
    rows: int
    file_bytes: int
    sum: bytes  # SHA-256 of the file
    version: int
    clear_of: frozenset[str]  # the erasures whose user is not in it
    damaged_at: datetime | None


@dataclass(frozen=True, slots=True)
class Head:
    """What a change of the list has to find as it was. Who reads it reads it first."""

    project_id: bytes
    revision: int = 0
    generation: int = 0
    old_until: int | None = None  # unix milliseconds (docs/data-model.md)
    old_from: datetime | None = None


def parse_segment(document: SegmentDocument) -> Segment:
    """A segment by its document of `column_segments`."""
    days = document["days"]
    return Segment(
        id=bytes(document["_id"]),
        project_id=bytes(document["project"]),
        generation=document["generation"],
        from_ms=document["from"],
        to_ms=document["to"],
        days=(days[0], days[1]) if days else None,
        rows=document["rows"],
        file_bytes=document["bytes"],
        sum=bytes(document["sum"]),
        version=document["v"],
        clear_of=frozenset(document.get("clearOf", ())),
        damaged_at=document.get("damagedAt"),
    )


def parse_head(project_id: bytes, document: Mapping[str, Any] | None) -> Head:
    """A head by its document of `column_heads`; None: the project has no segments yet."""
    if document is None:
        return Head(project_id)
    return Head(
        project_id,
        document["revision"],
        document["generation"],
        document.get("oldUntil"),
        document.get("oldFrom"),
    )


def read_head(project_id: bytes, session: ClientSession | None = None) -> Head:
    """The head of a project."""
    heads = typed(ColumnHeadDocument, mongo.COLUMN_HEADS)
    return parse_head(project_id, heads.find_one({"_id": project_id}, session=session))


def list_segments(
    head: Head,
    session: ClientSession | None = None,
    *,
    from_ms: int | None = None,
    to_ms: int | None = None,
) -> list[Segment]:
    """The segments of the head's generation, by their smallest timestamp.

    Only those that may hold events with from_ms <= timestamp < to_ms, unix milliseconds.
    """
    found = typed(SegmentDocument, mongo.COLUMN_SEGMENTS).find(
        overlapping(head, from_ms, to_ms), session=session
    )
    return [parse_segment(document) for document in found.sort("from", 1)]


def overlapping(head: Head, from_ms: int | None = None, to_ms: int | None = None) -> dict[str, Any]:
    """The condition on `column_segments` that `list_segments` asks."""
    condition: dict[str, Any] = {"project": head.project_id, "generation": head.generation}
    if to_ms is not None:
        condition["from"] = {"$lt": to_ms}
    if from_ms is not None:
        condition["to"] = {"$gte": from_ms}
    return condition


class DamagedSegment(Exception):
    """The folder is ours, and a listed file is not in it or is not what was listed."""

    def __init__(self, segment: Segment, trouble: str) -> None:
        super().__init__(f"segment {segment.id.hex()}: {trouble}")
        self.segment = segment


def check_file(folder: Folder, segment: Segment) -> None:
    """Compare a file with its sum in the list, which reads all of it.

    Engines give wrong rows without an error where a bit is flipped. Raises DamagedSegment, and
    ColumnsUnavailable where the file cannot be read, or is missing with the marker.
    """
    try:
        with folder.path_of(segment.id).open("rb") as file:
            found = file_digest(file, "sha256").digest()
    except FileNotFoundError:
        check_folder()
        raise DamagedSegment(segment, "there is no file") from None
    except OSError as exc:
        raise ColumnsUnavailable(repr(exc)) from exc
    if found != segment.sum:
        raise DamagedSegment(segment, "the file is not the one that was listed")
