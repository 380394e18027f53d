"""The job of an import: what it reads, how far it is, and who says that it may go on.

`arrive` waits until the file is here, which comes in pieces; `look` tells what it seems to be;
`choose` waits until somebody has said what it is; `read` makes events of its rows, beside a report;
`confirm` waits for a yes; `admit` brings them into the stream, and `drain` waits until they are
stored.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple, cast

import pymongo
from django.conf import settings
from pymongo.errors import DuplicateKeyError

from analytics.audit import record
from analytics.databases import mongo
from analytics.databases.documents import typed
from analytics.databases.import_documents import Choice, ImportDocument, LookBy
from analytics.databases.mongo import Document
from analytics.task_names import RUN_IMPORTS
from upkeep.imports.ending import FORGOTTEN, end_for_good
from upkeep.imports.folder import folder_of
from upkeep.jobs.job import DONE, Job, new_job, signal_jobs

MOST_LISTED: Final = 100
STORE_TIMEOUT_SECONDS: Final = 10.0
MAX_NAME_CHARS: Final = 200
MIB: Final = 1024 * 1024
FILE: Final = "file"


class TooManyImports(Exception):
    """A project has IMPORTS_MAX_OPEN under way."""


class FileTooLarge(Exception):
    """It has more than IMPORTS_MAX_FILE_MB."""


class Received(NamedTuple):
    """A file that is here now."""

    import_id: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Import(Job):
    """An import that is not done."""

    COLLECTION: ClassVar[str] = mongo.IMPORTS
    TASK: ClassVar[str] = RUN_IMPORTS
    STATES: ClassVar[Mapping[str, str]] = {
        "arrive": "arriving",
        "look": "looking",
        "choose": "choosing",
        "read": "reading",
        "confirm": "confirming",
        "admit": "importing",
        "drain": "storing",
        DONE: "done",
    }
    COUNTS: ClassVar[Sequence[str]] = ("imported", "stored", "erased")
    FORGETS: ClassVar[Sequence[str]] = FORGOTTEN

    document: ImportDocument

    @staticmethod
    def read_more(found: Any) -> Document:
        return {"document": found}


def ask_import(
    project_id: bytes,
    partition: int,
    received: Received,
    requested_by: str,
    *,
    file: str,
    choice: Choice | None = None,
    confirmed: bool = False,
    dry_run: bool = False,
) -> ImportDocument:
    """Write the job down and signal a worker; the job. Raises TooManyImports and PyMongoError."""
    job = make_job(
        received.import_id, project_id, partition, requested_by,
        file=file, size_bytes=received.bytes, choice=choice, confirmed=confirmed, dry_run=dry_run,
    )  # fmt: skip
    here = cast("ImportDocument", {**job, "step": "look", "sha256": received.sha256})
    begun = begin(here)
    signal_jobs(Import)
    return begun


def make_job(
    import_id: str,
    project_id: bytes,
    partition: int,
    requested_by: str,
    *,
    file: str,
    size_bytes: int,
    choice: Choice | None,
    confirmed: bool,
    dry_run: bool,
) -> ImportDocument:
    """The document of an import whose file is not here yet."""
    return cast(
        "ImportDocument",
        {
            **new_job(Import, import_id, project_id, partition, requested_by),
            "file": file[:MAX_NAME_CHARS],
            "bytes": size_bytes,
            "sha256": "",
            "dryRun": dry_run,
            "choice": choice,
            "confirmed": confirmed,
            "era": 0,
        },
    )


def begin(job: ImportDocument) -> ImportDocument:
    """Insert a job in one of the slots that its project has. Raises TooManyImports, PyMongoError.

    No slot is held twice: who asks at the same moment takes another, or is refused. One that was
    begun by the same id is returned as it is.
    """
    imports = typed(ImportDocument, mongo.IMPORTS)
    with pymongo.timeout(STORE_TIMEOUT_SECONDS):
        for slot in range(settings.IMPORTS_MAX_OPEN):
            job["slot"] = slot
            try:
                imports.insert_one(job)
                break
            except DuplicateKeyError:
                if begun := find_import(bytes(job["project"]), job["_id"]):
                    return begun
        else:
            raise TooManyImports
        record(
            job["requestedBy"], bytes(job["project"]).hex(), "import.asked", job["_id"],
            file=job["file"], sha256=job["sha256"],
        )  # fmt: skip
    return job


def find_import(project_id: bytes, import_id: str) -> ImportDocument | None:
    return typed(ImportDocument, mongo.IMPORTS).find_one({"_id": import_id, "project": project_id})


def list_imports(project_id: bytes) -> list[ImportDocument]:
    """The newest first, MOST_LISTED of them."""
    found = typed(ImportDocument, mongo.IMPORTS).find({"project": project_id}, {"guess": 0})
    return list(found.sort("requestedAt", -1).limit(MOST_LISTED))


def choose(project_id: bytes, import_id: str, choice: Choice, by: str) -> bool:
    """Say what the file is; whether the import waits for that."""
    said = _change(project_id, import_id, "choose", {"choice": choice})
    if said:
        record(by, project_id.hex(), "import.chosen", import_id, source=choice["source"])
    return said


def look_again(project_id: bytes, import_id: str, look_by: LookBy) -> bool:
    """Have the file looked at as what somebody says that it is; whether the import waits for that.

    For one that was taken for something else, or in another encoding.
    """
    return _change(project_id, import_id, "choose", {"step": "look", "lookBy": look_by})


def confirm(project_id: bytes, import_id: str, by: str) -> bool:
    """Say that it may go on; whether the import waits for that."""
    said = _change(project_id, import_id, "confirm", {"confirmed": True})
    if said:
        record(by, project_id.hex(), "import.confirmed", import_id)
    return said


def _change(project_id: bytes, import_id: str, step: str, fields: Document) -> bool:
    changed = typed(ImportDocument, mongo.IMPORTS).update_one(
        {"_id": import_id, "project": project_id, "open": True, "step": step},
        # From now on it waits for us, however long that is.
        {"$set": {**fields, "keptUntil": None}, "$inc": {"revision": 1}},
    )
    signal_jobs(Import)
    return bool(changed.matched_count)


def give_up(project_id: bytes, import_id: str, by: str) -> bool:
    """Cancel an import that is under way: what it brought stays. Whether it was one.

    Raises PyMongoError, RedisError, and Conflict where a worker was faster each time.
    """
    ended = bool(end_for_good({"_id": import_id, "project": project_id}, "cancelled"))
    if ended:
        record(by, project_id.hex(), "import.cancelled", import_id)
    return ended


def state_of(found: ImportDocument) -> str:
    """What the outside is told: once somebody has said what it waited for, what comes next."""
    step = found["step"]
    if step == "choose" and found["choice"] is not None:
        step = "read"
    elif step == "confirm" and found["confirmed"]:
        step = "admit"
    return found.get("outcome") or Import.STATES[step]


def file_of(job: Import) -> Path:
    """Where the file is that an import reads."""
    return folder_of(job.project_id, job.id) / FILE
