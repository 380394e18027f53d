"""Apply a project's changed retention to the events that are stored already, in chunks."""

from datetime import UTC, datetime, timedelta
from typing import Final

import structlog
from pymongo import UpdateOne

from analytics.databases.documents import EventDocument, ProjectRow, typed
from analytics.databases.mongo import EVENTS, Document, collection
from analytics.events.ids import EVENT_KEY_BYTES, after_project, datetime_of_ms, ids_of, parse_place
from analytics.projects.horizon import RETENTION_GRACE, expiry
from analytics.projects.models import Project
from upkeep.jobs.setbacks import APPLY_RETENTION, Turns

log = structlog.get_logger(__name__)

CHUNK_EVENTS = 5_000
APPLIED: Final = "retention_applied_days"


def apply_retention() -> int:
    """Set `expiresAt` of each project whose retention changed; how many events were changed.

    What has been done for a project is remembered in its row only when a run found nothing left
    to change: drains know the new retention some seconds later, and one that dies half-way is
    begun again. Setting the same date twice is harmless.
    """
    changed = 0
    turns = Turns(APPLY_RETENTION)
    rows = typed(ProjectRow, Project._meta.db_table).find({}, {"retention_days": 1, APPLIED: 1})
    for row in rows:
        if row.get(APPLIED) != row["retention_days"] and not turns.is_resting(row["_id"]):
            with turns.attempt(row["_id"], bytes.fromhex(row["_id"])):
                changed += _apply_to_project(row)
    turns.end()
    return changed


def _apply_to_project(row: ProjectRow) -> int:
    days: int | None = row["retention_days"]
    events = _apply(bytes.fromhex(row["_id"]), days)
    changes: Document = {} if events else {"$set": {APPLIED: days}}
    applied = row.get(APPLIED)
    if applied is not None:  # what went by it before this run does not come back
        gone = datetime.now(UTC) - timedelta(days=applied) - RETENTION_GRACE
        changes["$max"] = {"raw_since": gone}
    if changes:
        collection(Project._meta.db_table).update_one(
            {"_id": row["_id"], "retention_days": days}, changes
        )
    log.info("retention_applied", project=row["_id"], days=days, events=events)
    return events


def _apply(project_id: bytes, days: int | None) -> int:
    """Walk the project's events by _id, so that a chunk costs what its events cost."""
    events = typed(EventDocument, EVENTS)
    changed = 0
    for length in EVENT_KEY_BYTES:
        after: bytes | None = None  # the first of all is the nil UUID
        while chunk := list(
            events.find(
                ids_of(project_id, length, after=after),
                {"timestamp": 1, "ingestedAt": 1, "expiresAt": 1, "place": 1},
            )
            .sort("_id", 1)
            .limit(CHUNK_EVENTS)
        ):
            after = after_project(project_id, chunk[-1]["_id"], length)
            updates = [update for event in chunk if (update := _update(event, days))]
            if updates:
                changed += events.bulk_write(updates, ordered=False).modified_count
    return changed


def _update(event: EventDocument, days: int | None) -> UpdateOne | None:
    # A tombstone has nothing but its place, which tells the time of acceptance.
    accepted_at = datetime_of_ms(parse_place(event["place"])[0].ms)
    wanted = expiry(event.get("timestamp", accepted_at), accepted_at, days)
    if wanted == event.get("expiresAt"):
        return None
    change = {"$unset": {"expiresAt": ""}} if wanted is None else {"$set": {"expiresAt": wanted}}
    return UpdateOne({"_id": event["_id"]}, change)
