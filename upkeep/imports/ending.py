"""How imports end, and what becomes of them when somebody is erased.

First the document says so. Then a fence goes up in Redis: what a process has in hand of the import
is refused there. Then the files go. Whoever dies in between leaves files that no open import
stands for, which `sweep` finds.
"""

from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from pymongo import ReturnDocument
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.documents import typed
from analytics.databases.import_documents import Ending, ImportDocument
from analytics.databases.mongo import Document
from analytics.databases.transactions import durable_transaction, repeat
from analytics.rollups.facts import hash_user
from ingestion.imports.admit import fence
from upkeep.imports.folder import delete_folder, folder_of, is_idle, list_folders, list_projects

KEPT: Final = timedelta(days=30)
"""So long the document of an import stays when it has ended."""

FORGOTTEN: Final = ("guess", "erased", "keptUntil")
"""What an import that has ended tells no more."""

ARRIVAL_SECONDS: Final = 6 * 3600
"""So long a folder without an import may be a file on its way here."""

_INT64: Final = 1 << 63


def end_imports(
    session: ClientSession, condition: Document, outcome: Ending, error: str = "", detail: str = ""
) -> list[ImportDocument]:
    """In a transaction: open imports that meet a condition end; which."""
    now = datetime.now(UTC)
    fields: Document = {
        "outcome": outcome, "step": "done", "finishedAt": now, "expiresAt": now + KEPT,
    }  # fmt: skip
    if error:
        fields |= {"error": error, "detail": detail}
    imports = typed(ImportDocument, mongo.IMPORTS)
    found = list(imports.find({**condition, "open": True}, session=session))
    imports.update_many(
        {"_id": {"$in": [each["_id"] for each in found]}},
        {
            "$set": fields,
            "$unset": dict.fromkeys(("open", "cursor", *FORGOTTEN), ""),
            "$inc": {"revision": 1},
        },
        session=session,
    )
    return found


def end_for_good(condition: Document, outcome: Ending, error: str = "", detail: str = "") -> int:
    """End open imports, fence them off and delete their files; how many.

    Raises PyMongoError, RedisError, and Conflict where a worker was faster each time. Files that
    cannot be deleted now are swept.
    """

    def end() -> list[ImportDocument]:
        with durable_transaction() as session:
            return end_imports(session, condition, outcome, error, detail)

    ended = repeat(end)
    for each in ended:
        _fence_off(each)
    for each in ended:
        with suppress(OSError):
            delete_folder(folder_of(bytes(each["project"]), each["_id"]))
    return len(ended)


def stop_imports(project_id: bytes) -> None:
    """Those of a project that is being deleted end. Raises as `end_for_good`.

    Who ended one before may have died before its fence: each gets one.
    """
    end_for_good({"project": project_id}, "cancelled")
    for each in typed(ImportDocument, mongo.IMPORTS).find({"project": project_id}, {"guess": 0}):
        _fence_off(each)


def _fence_off(ended: ImportDocument) -> None:
    project_id = bytes(ended["project"])
    fence(project_id, ended["partition"], ended["_id"], ended["era"] + 1, for_good=True)


def user_hash(project_id: bytes, user_id: str) -> int:
    """What an import under way knows a user by, signed, as MongoDB has integers."""
    return hash_user(project_id, user_id) - _INT64


def note_erased(project_id: bytes, user_id: str) -> None:
    """Imports under way leave a user out from now on, and what they have in hand is refused.

    Who asks for an erasure does so first: what was admitted before is in the stream then, where
    the erasure finds it. Raises PyMongoError and RedisError.
    """
    imports = typed(ImportDocument, mongo.IMPORTS)
    theirs = {"project": project_id, "open": True}
    for each in list(imports.find(theirs, {"_id": 1})):
        noted = imports.find_one_and_update(
            {**theirs, "_id": each["_id"]},
            {
                "$addToSet": {"erased": user_hash(project_id, user_id)},
                "$inc": {"revision": 1, "era": 1},
            },
            projection={"guess": 0},
            return_document=ReturnDocument.AFTER,
        )
        if noted:  # who ends one fences it off
            fence(project_id, noted["partition"], noted["_id"], noted["era"])


def sweep(project_id: bytes) -> None:
    """Delete the folders that are no open import's. Raises OSError and PyMongoError."""
    found = list_folders(project_id)
    known: dict[str, bool] = {
        each["_id"]: bool(each.get("open"))
        for each in typed(ImportDocument, mongo.IMPORTS).find(
            {"project": project_id, "_id": {"$in": [folder.name for folder in found]}}, {"open": 1}
        )
    }
    for folder in found:
        is_open = known.get(folder.name)
        if is_open is False or (is_open is None and is_idle(folder, ARRIVAL_SECONDS)):
            delete_folder(folder)


def sweep_all() -> None:
    """End what nobody confirmed in time, and delete what is no import's.

    Raises OSError, PyMongoError, RedisError and Conflict.
    """
    end_for_good({"keptUntil": {"$lte": datetime.now(UTC)}}, "expired")
    for project_id in list_projects():
        sweep(project_id)
