"""Ask for erasures and run them, for the tests."""

from datetime import UTC, datetime
from typing import Any

from analytics.databases.mongo import COLUMN_GARBAGE, ERASURES, Document, collection
from columns.garbage import collect_files
from tests.conftest import TestProject
from upkeep.erasure.job import create_erasure
from upkeep.erasure.run import ERASURES as KIND
from upkeep.jobs.engine import run_job


def ask_to_erase(project: TestProject, user_id: str) -> str:
    """The id of a new erasure that nobody has begun."""
    job = create_erasure(project.id, project.row.partition, user_id, "a test")
    return str(job["_id"])


def finish_erasure(erasure_id: str) -> Document:
    """Run it as far as it goes without waiting for others; the job."""
    run_job(KIND, erasure_id)
    if read_job(erasure_id)["step"] == "files":
        pass_time()
        run_job(KIND, erasure_id)
    return read_job(erasure_id)


def pass_time() -> None:
    """As if no question reads the replaced files any more: they are deleted."""
    collection(COLUMN_GARBAGE).update_many({}, {"$set": {"dueAt": datetime.now(UTC)}})
    collect_files()


def erase(project: TestProject, user_id: str) -> dict[str, Any]:
    """Erase a user of whom nothing waits; what the job counted."""
    erasure_id = ask_to_erase(project, user_id)
    reach_everything(erasure_id)
    job = finish_erasure(erasure_id)
    assert job["step"] == "done"
    counts: dict[str, Any] = job["counts"]
    return counts


def read_job(erasure_id: str) -> Document:
    job = collection(ERASURES).find_one({"_id": erasure_id})
    assert job is not None
    return job


def reach_everything(erasure_id: str, last: bytes = b"\xff" * 14) -> None:
    """Also what tests stored past the stream: its place is after all that was ever in it."""
    collection(ERASURES).update_one({"_id": erasure_id}, {"$set": {"lastPlace": last}})
