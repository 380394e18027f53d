"""Long work in steps, each a row of bounded strides, that any process may go on with.

How far a job is stands in a document. A stride and the progress it makes are one transaction,
which holds only where the job is still as it was read: so a stride that is taken by two
processes, or again after a crash, counts once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import ClassVar, Generic, Self, TypeVar

from pymongo.client_session import ClientSession

from analytics.databases.documents import Cursor, JobDocument
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict
from analytics.task_names import MAINTENANCE_QUEUE
from ingestion.stream.signals import send_quietly

DONE = "done"


class MustWait(Exception):
    """The step needs what this process cannot do: others may have done it the next time."""


class MakeRoom(Exception):
    """The step waits for what this process might do, if it had not the step in hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A job that is not done, as it was read."""

    COLLECTION: ClassVar[str]
    TASK: ClassVar[str]  # goes on with all that are open
    STATES: ClassVar[Mapping[str, str]]  # the steps in their order, and what the outside is told
    COUNTS: ClassVar[Sequence[str]]
    FORGETS: ClassVar[Sequence[str]] = ()  # the fields that a done job has no more

    id: str
    project_id: bytes
    partition: int
    step: str
    cursor: Cursor  # how far the step is; None at its start
    revision: int

    @classmethod
    def parse(cls, found: JobDocument) -> Self:
        return cls(
            id=found["_id"],
            project_id=bytes(found["project"]),
            partition=found["partition"],
            step=found["step"],
            cursor=found.get("cursor"),
            revision=found["revision"],
            **cls.read_more(found),
        )

    @staticmethod
    def read_more(found: JobDocument) -> Document:
        """The fields that a kind of job adds, by their names here."""
        return {}


AnyJob = TypeVar("AnyJob", bound=Job)
# Raises MustWait, MakeRoom or Conflict; else it is taken again until the step is finished.
Stride = Callable[[AnyJob], None]


@dataclass(frozen=True, slots=True)
class JobKind(Generic[AnyJob]):
    """A kind of job, and the stride that each of its steps is made of."""

    job: type[AnyJob]
    strides: Mapping[str, Stride[AnyJob]]

    def __post_init__(self) -> None:
        assert [*self.strides, DONE] == list(self.job.STATES)


def new_job(
    kind: type[Job], job_id: str, project_id: bytes, partition: int, requested_by: str
) -> JobDocument:
    """The document of a job at its start."""
    now = datetime.now(UTC)
    return {
        "_id": job_id,
        "project": project_id,
        "partition": partition,
        "requestedAt": now,
        "turnAt": now,  # when it last took all the time there was; until then, since it waits
        "requestedBy": requested_by,
        "step": next(iter(kind.STATES)),
        "cursor": None,
        "revision": 0,
        "open": True,
        "counts": dict.fromkeys(kind.COUNTS, 0),
    }


def signal_jobs(kind: type[Job]) -> None:
    """Ask a worker to go on with those that are open. A lost signal is harmless: beat asks soon."""
    send_quietly(kind.TASK, MAINTENANCE_QUEUE)


def save_progress(
    job: Job, session: ClientSession, *, cursor: Cursor, counts: Mapping[str, int] | None = None
) -> None:
    """How far the step is now, and what it did since. Raises Conflict."""
    _save(job, session, {"$set": {"cursor": cursor}}, counts)


def finish_step(
    job: Job,
    session: ClientSession,
    counts: Mapping[str, int] | None = None,
    **fields: object,
) -> None:
    """Go on to the next step, or be done after the last; `fields` go to the job's document."""
    steps = list(job.STATES)
    following = steps[steps.index(job.step) + 1]
    if following == DONE:
        change: Document = {
            "$set": {"step": DONE, "finishedAt": datetime.now(UTC), **fields},
            "$unset": dict.fromkeys((*job.FORGETS, "cursor", "open"), ""),
        }
    else:
        change = {"$set": {"step": following, "cursor": None, **fields}}
    _save(job, session, change, counts)


def _save(
    job: Job, session: ClientSession, change: Document, counts: Mapping[str, int] | None
) -> None:
    added = {f"counts.{name}": count for name, count in (counts or {}).items() if count}
    saved = collection(job.COLLECTION).update_one(
        {"_id": job.id, "revision": job.revision, "open": True},
        {**change, "$inc": {"revision": 1, **added}},
        session=session,
    )
    if not saved.matched_count:
        raise Conflict("another process was faster")
