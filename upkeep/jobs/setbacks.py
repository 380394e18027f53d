"""Setbacks: what fails goes to the back of its line, and the others go on.

Maintenance takes the oldest of what waits, a bounded number at once. A unit of work that fails
each time would be among the oldest each time, and enough of them would leave no turn to anybody
else. So a failure is written down, as a document of collection `setbacks`, and the unit rests
before it is tried again: longer with each failure, never longer than LONGEST_REST.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import Final, TypeVar

import structlog
from django.conf import settings
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.databases import mongo
from analytics.databases.documents import SetbackDocument, typed
from analytics.databases.mongo import collection
from analytics.databases.transactions import is_permanent
from analytics.rollups import CorruptTable
from columns.files.folder import ColumnsUnavailable

log = structlog.get_logger(__name__)

COMPACT_DAY: Final = "compact_day"
COPY_DAY: Final = "copy_day"
COPY_MONTH: Final = "copy_month"
COMPACT_LEDGER: Final = "compact_ledger"
COLLECT_GARBAGE: Final = "collect_garbage"
APPLY_RETENTION: Final = "apply_retention"
RUN_JOB: Final = "run_job"
EXPORT_COLUMNS: Final = "export_columns"
EXPORT_OLD_EVENTS: Final = "export_old_events"
MERGE_COLUMNS: Final = "merge_columns"
REPAIR_COLUMNS: Final = "repair_columns"
CUT_COLUMNS: Final = "cut_columns"
COLLECT_FILES: Final = "collect_files"
WORKS: Final = (
    COMPACT_DAY, COPY_DAY, COPY_MONTH, COMPACT_LEDGER, COLLECT_GARBAGE, APPLY_RETENTION, RUN_JOB,
    EXPORT_COLUMNS, EXPORT_OLD_EVENTS, MERGE_COLUMNS, REPAIR_COLUMNS, CUT_COLUMNS, COLLECT_FILES,
)  # fmt: skip

FIRST_REST = timedelta(seconds=5)
LONGEST_REST = timedelta(hours=1)
FOLDER_REST = timedelta(minutes=1)
"""Of what the folder of the columns refused."""
ALARMING_FAILURES = 5
# One that nobody tries any more, since what it was about is gone, or of another release.
FORGOTTEN_AFTER = timedelta(minutes=10)
KEPT = timedelta(days=1)

T = TypeVar("T")


class Turns:
    """Whose turn it is at one kind of work, as one round of it knows: of those that do not rest.

    A setback is one of this release: another may be able to do what this one is not.
    """

    def __init__(self, work: str) -> None:
        rows = typed(SetbackDocument, mongo.SETBACKS).find(
            {"work": work, "release": settings.VERSION}
        )
        self._work = work
        self._setbacks: dict[str, SetbackDocument] = {row["unit"]: row for row in rows}
        self._failure: Exception | None = None

    def is_resting(self, unit: str) -> bool:
        setback = self._setbacks.get(unit)
        return setback is not None and setback["retryAt"] > datetime.now(UTC)

    def take(self, waiting: Iterable[T], name: Callable[[T], str], most: int) -> Iterator[T]:
        """The first of `waiting` that do not rest, in its order; `name` tells the unit of one."""
        return islice((found for found in waiting if not self.is_resting(name(found))), most)

    @contextmanager
    def attempt(self, unit: str, project_id: bytes | None = None) -> Iterator[None]:
        """Try a unit: if it fails it rests from now on, and `end` will raise the error.

        What may be an error of the moment, and so of all units, is raised at once.
        """
        try:
            yield
        except Exception as exc:
            self.note_failure(unit, project_id, exc)
            if is_passing(exc):
                raise
        else:
            if self._setbacks.pop(unit, None):
                collection(mongo.SETBACKS).delete_one({"_id": self._id_of(unit)})

    def note_failure(self, unit: str, project_id: bytes | None, exc: Exception) -> None:
        """What cannot be read is of a newer release, or damaged: that is told, and not raised."""
        if not isinstance(exc, CorruptTable):
            self._failure = exc
        before = self._setbacks.get(unit)
        failures = (before["failures"] if before else 0) + 1
        now = datetime.now(UTC)
        retry_at = now + min(rest_after(failures), longest_rest(exc))
        row: SetbackDocument = {
            "work": self._work, "unit": unit, "release": settings.VERSION, "project": project_id,
            "failures": failures, "retryAt": retry_at, "error": repr(exc)[:300],
            "expiresAt": retry_at + KEPT,
        }  # fmt: skip
        log.error(
            "unit_failed", work=self._work, unit=unit, failures=failures, error=row["error"],
            project=project_id and project_id.hex(), exc_info=not isinstance(exc, CorruptTable),
        )  # fmt: skip
        self._setbacks[unit] = row
        with suppress(PyMongoError):  # then it is the first again, which may be right
            collection(mongo.SETBACKS).update_one(
                {"_id": self._id_of(unit)},
                {"$set": row, "$setOnInsert": {"failedAt": now}},
                upsert=True,
            )

    def end(self) -> None:
        """Raise the last error, so that the task fails, which alerts."""
        if self._failure is not None:
            raise self._failure

    def _id_of(self, unit: str) -> str:
        return f"{self._work}:{unit}:{settings.VERSION}"


def rest_after(failures: int) -> timedelta:
    """Twice as long after each failure."""
    return min(LONGEST_REST, FIRST_REST * (1 << min(failures - 1, 16)))


def longest_rest(exc: Exception) -> timedelta:
    """A disk that is full or read-only refuses every unit, one with a bad sector a few of them."""
    return FOLDER_REST if isinstance(exc, ColumnsUnavailable) else LONGEST_REST


def is_passing(exc: Exception) -> bool:
    """Whether it may be the moment, and no fault of the unit: the store does not answer."""
    if isinstance(exc, PyMongoError):
        return not is_permanent(exc)
    return isinstance(exc, (RedisError, OSError))


def run_each(*steps: Callable[[], object]) -> None:
    """Take every step, also after one that failed; the last error is raised at the end."""
    failure: Exception | None = None
    for step in steps:
        try:
            step()
        except Exception as exc:
            if failure is not None:
                log.error("step_failed", error=repr(failure)[:300])
            failure = exc
    if failure is not None:
        raise failure


def count_failing() -> dict[str, int]:
    """By work, the units that failed ALARMING_FAILURES times in a row and are still tried."""
    alarming = {
        "failures": {"$gte": ALARMING_FAILURES},
        "retryAt": {"$gt": datetime.now(UTC) - FORGOTTEN_AFTER},
    }
    grouped = collection(mongo.SETBACKS).aggregate(
        [{"$match": alarming}, {"$group": {"_id": "$work", "units": {"$sum": 1}}}]
    )
    return {**dict.fromkeys(WORKS, 0), **{row["_id"]: row["units"] for row in grouped}}


def forget_setbacks(project_id: bytes) -> None:
    """Those of a project that is being deleted."""
    collection(mongo.SETBACKS).delete_many({"project": project_id})
