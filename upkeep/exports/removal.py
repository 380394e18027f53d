"""How exports go: what may hold an erased user, what belongs to nobody, and what is too old.

First its document says so, in one transaction; from then on nobody is given the file. Then the
file goes. Whoever dies in between leaves a file that no document stands for, which `sweep` finds.
"""

from datetime import UTC, datetime, timedelta
from typing import Final

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.documents import typed
from analytics.databases.export_documents import ExportDocument, Outcome
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import durable_transaction, repeat
from upkeep.exports.folder import WORK, delete, list_names, list_projects

KEPT: Final = timedelta(days=30)
"""So long the document of an export stays when its file is gone."""

LONGEST: Final = timedelta(hours=24)
"""So long an export may take from its moment on: its pin keeps files, and erasures waiting."""

FIRST_STEP: Final = "pin"


def end_export(
    session: ClientSession, condition: Document, outcome: Outcome, error: str | None = None
) -> int:
    """In a transaction: exports that meet a condition have no file any more; how many."""
    now = datetime.now(UTC)
    fields: Document = {
        "outcome": outcome,
        "step": "done",
        "finishedAt": {"$ifNull": ["$finishedAt", now]},
        "expiresAt": now + KEPT,
        "revision": {"$add": ["$revision", 1]},
    }
    if error:
        fields["error"] = error
    found = collection(mongo.EXPORTS).find(condition, {"_id": 1}, session=session)
    ids = [export["_id"] for export in found]
    gone = ["open", "cursor", "manifest", "days", "keptUntil"]
    collection(mongo.EXPORTS).update_many(
        {"_id": {"$in": ids}}, [{"$set": fields}, {"$unset": gone}], session=session
    )
    collection(mongo.COLUMN_PINS).delete_many({"_id": {"$in": ids}}, session=session)
    return len(ids)


def begin_anew(session: ClientSession, condition: Document) -> None:
    """In a transaction: exports under way forget what they wrote, and pin another moment."""
    exports = collection(mongo.EXPORTS)
    ids = [found["_id"] for found in exports.find({**condition, "open": True}, session=session)]
    exports.update_many(
        {"_id": {"$in": ids}},
        {
            "$set": {"step": FIRST_STEP, "cursor": None, "counts": {"events": 0}},
            "$inc": {"revision": 1, "attempt": 1},
            "$unset": {"asOf": "", "clearOf": "", "days": ""},
        },
        session=session,
    )
    collection(mongo.COLUMN_PINS).delete_many({"_id": {"$in": ids}}, session=session)


def forget_in_exports(session: ClientSession, project_id: bytes, erasure_id: str) -> int:
    """In a transaction: of the exports whose moment was before a veil, finished ones go.

    Those under way begin anew, without the user; so does who is at the choice of a moment, which
    may be one before the veil. How many went.
    """
    collection(mongo.EXPORTS).update_many(
        {"project": project_id, "open": True, "asOf": {"$exists": False}},
        {"$inc": {"revision": 1}},
        session=session,
    )
    theirs = {"project": project_id, "asOf": {"$exists": True}, "clearOf": {"$ne": erasure_id}}
    begin_anew(session, theirs)
    return end_export(session, {**theirs, "open": None, "outcome": None}, "removed")


def sweep(project_id: bytes) -> None:
    """Delete what lies in a project's folder and is no export's. Raises OSError and PyMongoError.

    Its names are listed first: what is begun meanwhile is none of them.
    """
    found = list_names(project_id)
    if not found:
        return
    kept = set()
    exports = typed(ExportDocument, mongo.EXPORTS)
    fields = {"attempt": 1, "query.format": 1, "open": 1, "outcome": 1}
    for export in exports.find({"project": project_id, "outcome": None}, fields):
        name = f"{export['_id']}.{export['attempt']}"
        kept.add(f"{name}.{export['query']['format']}")
        if export.get("open"):
            kept.add(f"{name}.{WORK}")
    for path in found:
        if path.name not in kept:
            delete(path)


def sweep_all() -> None:
    """End what is too old, and delete what is no export's.

    Raises OSError, PyMongoError and Conflict.
    """
    repeat(_end_old)
    for project_id in list_projects():
        sweep(project_id)


def _end_old() -> None:
    now = datetime.now(UTC)
    too_long: Document = {"open": True, "asOf": {"$lte": now - LONGEST}}
    with durable_transaction() as session:
        end_export(session, {"keptUntil": {"$lte": now}}, "expired")
        end_export(session, too_long, "failed", "export_too_slow")
