"""Parts of a window that are read from the stored events, where the columns do not have them."""

import time
from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

from analytics.databases.mongo import EVENTS, Document
from analytics.events.ids import datetime_of_ms
from analytics.remembered import forgets
from analytics.web.problems import Unavailable
from columns.files.rows import PROJECTION
from reporting.columns.read.rows_file import RowsFile, read_seconds, write_events
from reporting.columns.view import StoredRange
from reporting.columns.widened import EVER
from reporting.snapshot import Snapshot

MOST_EVENTS = 500_000
"""That one question reads so."""

RETRY_AFTER_SECONDS = 30

Range = tuple[int, int]  # from_ms <= timestamp < to_ms

# Stored events may change: a file is of one question, and is deleted when that is over.
_files: deque[tuple[float, RowsFile]] = deque()
forgets(_files.clear)


def join_ranges(ranges: Iterable[Range]) -> list[Range]:
    """The same moments in ranges that do not touch, in order."""
    joined: list[Range] = []
    for from_ms, to_ms in sorted(ranges):
        if joined and from_ms <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(to_ms, joined[-1][1]))
        elif from_ms < to_ms:
            joined.append((from_ms, to_ms))
    return joined


def read_ranges(
    snapshot: Snapshot, project_id: bytes, ranges: Sequence[Range], refusal: Unavailable
) -> tuple[StoredRange, ...]:
    """Read the stored events of ranges. Raises `refusal` where there are too many."""
    delete_read_files()
    left = MOST_EVENTS
    conditions = [_match(project_id, each) for each in ranges]
    for condition in conditions:
        stages: list[Document] = [{"$match": condition}, {"$limit": left + 1}, {"$count": "events"}]
        left -= sum(found["events"] for found in snapshot.aggregate(EVENTS, stages))
        if left < 0:
            raise refusal
    stored = []
    for (from_ms, to_ms), condition in zip(ranges, conditions, strict=True):
        events = snapshot.find(EVENTS, condition, PROJECTION)
        file = write_events(project_id, snapshot.deadline, events)
        _files.append((time.monotonic() + read_seconds(), file))
        stored.append(StoredRange(from_ms, to_ms, (str(file.path),) if file.rows else ()))
    return tuple(stored)


def delete_read_files() -> None:
    while _files and _files[0][0] < time.monotonic():
        _files.popleft()[1].delete()


def _match(project_id: bytes, moments: Range) -> dict[str, Any]:
    bounds = {
        sign: datetime_of_ms(ms)
        for sign, ms, end in zip(("$gte", "$lt"), moments, EVER, strict=True)
        if ms != end
    }
    return {"project": project_id, "timestamp": bounds or {"$exists": True}}
