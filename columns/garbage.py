"""Delete the files that nobody listed, or that were replaced.

What is due when goes by MongoDB's clock alone: those of hosts may disagree.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any, Final

from bson import ObjectId
from bson.binary import Binary
from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.column_documents import ColumnGarbageDocument
from analytics.databases.documents import typed
from analytics.databases.mongo import collection
from analytics.events.ids import MILLISECOND
from columns.files.folder import check_folder
from columns.pins import list_pinned

PINNED_TIME: Final = timedelta(minutes=1)
"""After it a file that was pinned is looked at again."""


def add_entry(
    project_id: bytes,
    segments: Sequence[bytes],
    after: timedelta,
    session: ClientSession | None = None,
) -> ObjectId:
    """Have files deleted so much later, unless the entry goes before; its `_id`."""
    entry_id = ObjectId()
    entry = {
        "project": Binary(project_id),
        "segments": [Binary(segment_id) for segment_id in segments],
        "dueAt": due_after(after),
        "madeAt": "$$NOW",
    }
    collection(mongo.COLUMN_GARBAGE).update_one(
        {"_id": entry_id}, [{"$set": entry}], upsert=True, session=session
    )
    return entry_id


def due_after(after: timedelta) -> dict[str, Any]:
    """The moment of an update, and so much more, as its pipeline has it."""
    return {"$add": ["$$NOW", after // MILLISECOND]}


def list_garbage(project_id: bytes | None = None) -> list[ColumnGarbageDocument]:
    """The entries that are due, the oldest first, of all projects or of one."""
    entries = typed(ColumnGarbageDocument, mongo.COLUMN_GARBAGE)
    condition: dict[str, Any] = {"$expr": {"$lte": ["$dueAt", "$$NOW"]}}
    if project_id is not None:
        condition["project"] = project_id
    return list(entries.find(condition).sort("dueAt", 1))


def collect_files(project_id: bytes | None = None) -> int:
    """Delete the files of the entries that are due; how many segments were named.

    Raises ColumnsUnavailable.
    """
    return sum(map(collect_entry, list_garbage(project_id)))


def collect_entry(entry: ColumnGarbageDocument) -> int:
    """Delete the files of one entry, then the entry; how many of its segments went.

    Pinned files stay, and the entry with them. Who pins finds a segment in the list, so its entry
    is not due for a while, and this sees the pin. Raises ColumnsUnavailable: in a folder that is
    not ours, or not mounted, no file is missing.
    """
    entries = typed(ColumnGarbageDocument, mongo.COLUMN_GARBAGE)
    marked = entries.find_one_and_update(
        {"_id": entry["_id"]}, {"$set": {"collecting": True}}, return_document=ReturnDocument.AFTER
    )
    if marked is None:  # listed at this very moment
        return 0
    named = [bytes(segment_id) for segment_id in marked["segments"]]
    pinned = list_pinned(bytes(marked["project"])) if named else set()
    free = [segment_id for segment_id in named if segment_id not in pinned]
    if free:
        check_folder().delete(free)
        check_folder()  # it was there all the time
    if len(free) < len(named):
        _keep(entry, [segment_id for segment_id in named if segment_id in pinned])
    else:
        entries.delete_one({"_id": entry["_id"]})
    return len(free)


def _keep(entry: ColumnGarbageDocument, pinned: Sequence[bytes]) -> None:
    left = {
        "segments": [Binary(segment_id) for segment_id in pinned],
        "dueAt": due_after(PINNED_TIME),
    }
    collection(mongo.COLUMN_GARBAGE).update_one(
        {"_id": entry["_id"]}, [{"$set": left}, {"$unset": "collecting"}]
    )
