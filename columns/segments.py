"""The list of a project's segments in MongoDB, and the head that guards its changes.

And whether a file is the one that was listed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.column_documents import ColumnHeadDocument, SegmentDocument
from analytics.databases.documents import typed
from columns.cuts import Box, Cut, read_cut
from columns.files.folder import DamagedFile, Folder, check_folder


@dataclass(frozen=True, slots=True)
class Segment:
    """A listed file. Times are unix milliseconds, both bounds included."""

    id: bytes  # 24 bytes: its project and its own 16
    project_id: bytes
    generation: int
    from_ms: int
    to_ms: int
    cut: Cut | None  # None: its rows are of whatever days, and without their visits
    rows: int
    file_bytes: int
    sum: bytes  # SHA-256 of the file
    version: int
    clear_of: frozenset[str]  # the erasures whose user is not in it
    damaged_at: datetime | None
    since: datetime  # when the first of its rows began to wait for being cut

    @property
    def days(self) -> tuple[int, int] | None:
        """The first and last local day it was cut for, in days since 1970."""
        return self.cut.days if self.cut else None

    def holds_visits(self, zone: str) -> bool:
        """Whether it was cut by the midnights of this zone (`list_cut`)."""
        return self.cut is not None and self.cut.holds(zone)


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
    return Segment(
        id=bytes(document["_id"]),
        project_id=bytes(document["project"]),
        generation=document["generation"],
        from_ms=document["from"],
        to_ms=document["to"],
        cut=_parse_cut(document),
        rows=document["rows"],
        file_bytes=document["bytes"],
        sum=bytes(document["sum"]),
        version=document["v"],
        clear_of=frozenset(document.get("clearOf", ())),
        damaged_at=document.get("damagedAt"),
        since=document.get("since", document["madeAt"]),
    )


def _parse_cut(document: SegmentDocument) -> Cut | None:
    """Files of the first format were cut, too, but without visits: that is as if they were not."""
    days, zone = document["days"], document["zone"]
    if not days or zone is None or document["v"] < 2:
        return None
    return read_cut(days, document.get("owners"), zone, bytes(document["midnights"]))


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


def list_cut(segments: Iterable[Segment], zone: str) -> list[Segment]:
    """Those that have the visits of their events by the midnights of a zone, by their days.

    Of two that share a day of an owner the second is none of them. A project may have such for a
    while: where its zone was another one, and is again what it was.
    """
    found: list[Segment] = []
    beside: list[Box] = []
    holding = [(each.cut.box, each) for each in segments if each.cut and each.cut.holds(zone)]
    for box, segment in sorted(holding, key=lambda pair: (pair[0], pair[1].id)):
        beside = [other for other in beside if other.last >= box.first]
        if not any(box.overlaps(other) for other in beside):
            beside.append(box)
            found.append(segment)
    return found


class DamagedSegment(Exception):
    """The folder is ours, and a listed file is not in it or is not what was listed."""

    def __init__(self, segment: Segment, trouble: str) -> None:
        super().__init__(f"segment {segment.id.hex()}: {trouble}")
        self.segment = segment


@contextmanager
def hold_file(
    folder: Folder, segment: Segment, *, anew: bool = False, is_sound: bool = False
) -> Iterator[Path]:
    """The file of a segment, compared with its sum in the list; it stays until the end.

    That reads all of it: engines give wrong rows without an error where a bit is flipped. With
    `anew` what lies in the folder is compared, and no copy of it; what `is_sound` was compared
    before. Raises DamagedSegment, and ColumnsUnavailable where the file cannot be read, or is
    missing with the marker.
    """
    with ExitStack() as stack:
        try:
            path = stack.enter_context(folder.hold(segment, anew=anew, is_sound=is_sound))
        except DamagedFile as exc:
            check_folder()
            raise DamagedSegment(segment, str(exc)) from None
        yield path


@contextmanager
def hold_files(folder: Folder, segments: Sequence[Segment]) -> Iterator[list[Path]]:
    """As `hold_file`, of several."""
    with ExitStack() as stack:
        yield [stack.enter_context(hold_file(folder, segment)) for segment in segments]
