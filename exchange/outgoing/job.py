"""The job of an export: what is asked for, how far it is, and the file that it makes."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, ClassVar, Final, cast
from uuid import uuid4

import pymongo
from pymongo.client_session import ClientSession
from pymongo.collection import Collection
from pymongo.errors import DuplicateKeyError

from analytics.audit import record
from analytics.databases import mongo
from analytics.databases.documents import typed
from analytics.databases.export_documents import ExportDocument, ExportQuery
from analytics.databases.mongo import Document
from analytics.databases.transactions import durable_transaction, repeat
from analytics.task_names import RUN_EXPORTS
from upkeep.exports.folder import path_of
from upkeep.exports.removal import FIRST_STEP, end_export, sweep
from upkeep.jobs.job import DONE, Job, new_job, signal_jobs

MOST_OPEN: Final = 3
"""Of a project at once."""
MOST_LISTED: Final = 100
STORE_TIMEOUT_SECONDS: Final = 10.0


class TooManyExports(Exception):
    """A project has MOST_OPEN under way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Export(Job):
    """An export that is not done."""

    COLLECTION: ClassVar[str] = mongo.EXPORTS
    TASK: ClassVar[str] = RUN_EXPORTS
    STATES: ClassVar[Mapping[str, str]] = {
        FIRST_STEP: "waiting",
        "rows": "writing",
        "sum": "checking",
        DONE: "done",
    }
    COUNTS: ClassVar[Sequence[str]] = ("events",)

    query: ExportQuery
    attempt: int
    as_of: datetime | None  # when its moment was; None: it has none yet

    @staticmethod
    def read_more(found: Any) -> Document:
        return {
            "query": found["query"],
            "attempt": found["attempt"],
            "as_of": found.get("asOf"),
        }


def ask_export(
    project_id: bytes, partition: int, query: ExportQuery, requested_by: str
) -> ExportDocument:
    """Write the job down and signal a worker; the job. Raises TooManyExports and PyMongoError."""
    exports = typed(ExportDocument, mongo.EXPORTS)
    job = cast(
        "ExportDocument",
        {
            **new_job(Export, str(uuid4()), project_id, partition, requested_by),
            "query": query,
            "attempt": 1,
        },
    )
    with pymongo.timeout(STORE_TIMEOUT_SECONDS):
        _take_slot(exports, job)
        record(
            requested_by, project_id.hex(), "export.asked", job["_id"],
            format=query["format"], withAddresses=query["withAddresses"],
        )  # fmt: skip
    signal_jobs(Export)
    return job


def _take_slot(exports: Collection[ExportDocument], job: ExportDocument) -> None:
    """Insert a job in one of the slots that its project has. Raises TooManyExports."""
    for slot in range(MOST_OPEN):
        with suppress(DuplicateKeyError):
            exports.insert_one({**job, "slot": slot})
            return
    raise TooManyExports


def find_export(project_id: bytes, export_id: str) -> ExportDocument | None:
    return typed(ExportDocument, mongo.EXPORTS).find_one({"_id": export_id, "project": project_id})


def list_exports(project_id: bytes) -> list[ExportDocument]:
    """The newest first, MOST_LISTED of them."""
    found = typed(ExportDocument, mongo.EXPORTS).find({"project": project_id})
    return list(found.sort("requestedAt", -1).limit(MOST_LISTED))


def give_up(project_id: bytes, export_id: str, by: str) -> bool:
    """Cancel an export that is under way, or remove the file of a finished one; whether it was one.

    Nobody is given the file from now on; it goes at once, or else with the next sweep. Raises
    PyMongoError, and Conflict where a worker was faster each time.
    """

    def end() -> int:
        theirs: Document = {"_id": export_id, "project": project_id, "outcome": None}
        with durable_transaction() as session:
            cancelled = end_export(session, {**theirs, "open": True}, "cancelled")
            return cancelled or end_export(session, theirs, "removed")

    ended = repeat(end)
    if ended:
        record(by, project_id.hex(), "export.removed", export_id)
    with suppress(OSError):
        sweep(project_id)
    return bool(ended)


def fail(job: Export, session: ClientSession, error: str) -> None:
    """In a transaction: the export ends without a file."""
    end_export(session, {"_id": job.id, "revision": job.revision, "open": True}, "failed", error)


def state_of(export: ExportDocument) -> str:
    """What the outside is told."""
    return export.get("outcome") or Export.STATES[export["step"]]


def file_of(export: ExportDocument) -> Path:
    """Where the file of a finished export is."""
    ending = export["query"]["format"]
    return path_of(bytes(export["project"]), export["_id"], export["attempt"], ending)
