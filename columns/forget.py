"""Take a user's rows out of a project's segments, for an erasure.

A segment without them is marked with the erasure. Whatever makes new segments makes them without
the mark, unless all that they are made of has it. So when no segment lacks it the user is in none.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from bson import ObjectId
from bson.binary import Binary
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.column_documents import SegmentDocument
from analytics.databases.documents import typed
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict
from columns.change import READ_TIME, Change, advance
from columns.files.engine import read_files
from columns.files.folder import ColumnsUnavailable, Folder, find_folder
from columns.files.scratch import open_scratch_engine
from columns.garbage import add_entry
from columns.rewrite import find_beginning, repair
from columns.segments import (
    DamagedSegment,
    Segment,
    hold_file,
    parse_segment,
    read_head,
)

LOOK_SEGMENTS: Final = 20
_MEMORY_MB = 64

_THEIRS = 'coalesce("userId" = ? AND "place" <= ?, false)'


@dataclass(frozen=True, slots=True)
class Forgotten:
    """Whom an erasure takes out: events of this user up to this place."""

    erasure_id: str
    user_id: str
    last_place: bytes

    @property
    def parameters(self) -> Sequence[object]:
        return (self.user_id, self.last_place)


def forget_in_next(
    project_id: bytes, whom: Forgotten, note: Callable[[ClientSession], object]
) -> bool:
    """One stride: look through LOOK_SEGMENTS without the mark; whether there were any.

    The first that holds the user is written anew; `note` is called in the transaction that
    lists what was written. Raises Conflict and ColumnsUnavailable.
    """
    unmarked = _find_unmarked(project_id, whom)
    if not unmarked:
        return False
    folder = find_folder()
    clean: list[bytes] = []
    try:
        for segment in unmarked:
            if _holds(folder, segment, whom):
                _rewrite(folder, segment, whom, note)
                break
            clean.append(segment.id)
    except DamagedSegment as exc:
        repair(exc.segment)
        if exc.segment.to_ms < find_beginning(project_id):
            raise ColumnsUnavailable(
                f"{exc}, and nobody knows whether the user is in it: manage.py restore_columns"
            ) from exc
    finally:
        _mark(clean, whom)
    return True


def _find_unmarked(
    project_id: bytes, whom: Forgotten, session: ClientSession | None = None
) -> list[Segment]:
    """Of all generations."""
    condition = {"project": project_id, "clearOf": {"$ne": whom.erasure_id}}
    found = typed(SegmentDocument, mongo.COLUMN_SEGMENTS).find(condition, session=session)
    return [parse_segment(document) for document in found.limit(LOOK_SEGMENTS)]


def _holds(folder: Folder, segment: Segment, whom: Forgotten) -> bool:
    from duckdb import IOException  # as in engine.py

    if segment.damaged_at is not None:
        raise DamagedSegment(segment, "is known as damaged")
    with (
        hold_file(folder, segment) as path,
        open_scratch_engine(_MEMORY_MB, [path.parent]) as (engine, _),
    ):
        try:
            found = engine.execute(
                f"SELECT 1 FROM {read_files([path])} WHERE {_THEIRS} LIMIT 1", whom.parameters
            ).fetchone()
        except IOException as exc:
            raise ColumnsUnavailable(repr(exc)) from exc
    return found is not None


def _rewrite(
    folder: Folder, segment: Segment, whom: Forgotten, note: Callable[[ClientSession], object]
) -> None:
    with Change(segment.project_id, folder) as change:
        rest = change.writer.write_rest(segment, f"NOT {_THEIRS}", whom.parameters)
        clear_of = segment.clear_of | {whom.erasure_id}
        added = [replace(rest, clear_of=clear_of)] if rest else []
        change.apply(added, [segment], also=note)


def _mark(segment_ids: Sequence[bytes], whom: Forgotten) -> None:
    collection(mongo.COLUMN_SEGMENTS).update_many(
        {"_id": {"$in": [Binary(segment_id) for segment_id in segment_ids]}},
        {"$addToSet": {"clearOf": whom.erasure_id}},
    )


def lift_veil(session: ClientSession, project_id: bytes, erasure_id: str) -> list[ObjectId]:
    """In a transaction: end an erasure of which all segments are clear.

    Whoever read events or segments before this changes the list no more. When the garbage entries
    that are returned are gone, so are the files that hold the user, and a question may take no
    longer; none: the project has no columns. Raises Conflict where a segment came that was not
    looked through.
    """
    segments = collection(mongo.COLUMN_SEGMENTS)
    theirs: Document = {"project": project_id}
    if segments.find_one({**theirs, "clearOf": {"$ne": erasure_id}}, {"_id": 1}, session=session):
        raise Conflict("a segment came that was not looked through")
    collection(mongo.COLUMN_VEILS).delete_one({"_id": erasure_id}, session=session)
    heads = collection(mongo.COLUMN_HEADS)
    if heads.find_one({"_id": project_id}, {"_id": 1}, session=session) is None:
        return []
    advance(session, read_head(project_id, session))
    segments.update_many(
        {**theirs, "clearOf": erasure_id}, {"$pull": {"clearOf": erasure_id}}, session=session
    )
    entries = collection(mongo.COLUMN_GARBAGE).find(theirs, {"_id": 1}, session=session)
    return [
        *(entry["_id"] for entry in entries),
        add_entry(project_id, [], READ_TIME, session),
    ]
