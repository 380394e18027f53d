"""Replace a user's events by tombstones.

A tombstone keeps `_id` and place, so that the same event sent or delivered again is still known,
and `expiresAt`, so that it is known for as long as before. It has no project and no timestamp:
whatever reads events of a project cannot see it.
"""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.documents import EventDocument, LedgerDocument, typed
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import durable_transaction
from analytics.events.ids import day_of, parse_place
from analytics.rollups.calendar import bucket_start, slot_of
from upkeep.erasure.job import Erasure
from upkeep.jobs.job import finish_step, save_progress

SCAN_EVENTS = 20_000
ERASE_EVENTS = 1_000

_MILLISECOND = timedelta(milliseconds=1)
_FIRST = datetime(1970, 1, 1, tzinfo=UTC)


def erase_events(job: Erasure) -> None:
    """One stride: look through SCAN_EVENTS of the project, by timestamp, and erase what is found.

    Each stride reads from where the last one ended. One that found more than it may erase at once
    ends where it began: what it erased is not found again.
    """
    start = job.cursor or _FIRST
    end = _find_end(job.project_id, start)
    with durable_transaction() as session:
        found = _find_events(job, session, start, end)
        if found:
            _replace_events(session, found)
            _note_buckets(job, session, found)
            _note_erased(job.project_id, session, found)
        counts = {"events": len(found)}
        if len(found) == ERASE_EVENTS:
            save_progress(job, session, cursor=start, counts=counts)
        elif end is not None:
            save_progress(job, session, cursor=end, counts=counts)
        else:
            finish_step(job, session, counts)


def of_user(job: Erasure) -> Document:
    """The user's events that were accepted before the request."""
    return {
        "project": job.project_id,
        "userId": job.user_id,
        "place": {"$lte": job.last_place},
    }


def _find_end(project_id: bytes, start: datetime) -> datetime | None:
    """A moment with about SCAN_EVENTS between it and `start`; None when there are fewer."""
    events = collection(mongo.EVENTS).find(
        {"project": project_id, "timestamp": {"$gte": start}}, {"_id": 0, "timestamp": 1}
    )
    for event in events.sort("timestamp", 1).skip(SCAN_EVENTS).limit(1):
        # More than that in one millisecond: then those are one stride.
        moment: datetime = max(event["timestamp"], start + _MILLISECOND)
        return moment
    return None


def _find_events(
    job: Erasure, session: ClientSession, start: datetime, end: datetime | None
) -> list[EventDocument]:
    bounds = {"$gte": start} if end is None else {"$gte": start, "$lt": end}
    found = typed(EventDocument, mongo.EVENTS).find(
        {**of_user(job), "timestamp": bounds}, {"timestamp": 1, "place": 1}, session=session
    )
    return list(found.sort("timestamp", 1).limit(ERASE_EVENTS))


def _replace_events(session: ClientSession, found: Sequence[EventDocument]) -> None:
    """The snapshot that found them makes this fail where one of them changed meanwhile."""
    kept = {name: f"${name}" for name in ("_id", "place", "expiresAt", "imported")}
    tombstone = {"$replaceWith": {**kept, "erased": datetime.now(UTC)}}
    collection(mongo.EVENTS).update_many(
        {"_id": {"$in": [event["_id"] for event in found]}}, [tombstone], session=session
    )


def _note_buckets(job: Erasure, session: ClientSession, found: Sequence[EventDocument]) -> None:
    """The buckets that count what is erased are rebuilt later: a tombstone cannot tell them."""
    days: dict[int, set[int]] = {}
    for event in found:
        bucket = bucket_start(event["timestamp"])
        days.setdefault(day_of(bucket), set()).add(slot_of(bucket))
    collection(mongo.ERASURE_DAYS).bulk_write(
        [
            UpdateOne(
                {"_id": f"{job.id}:{day:06d}"},
                {
                    "$addToSet": {"buckets": {"$each": sorted(slots)}},
                    "$setOnInsert": {"project": job.project_id, "day": day},
                },
                upsert=True,
            )
            for day, slots in days.items()
        ],
        session=session,
    )


def _note_erased(project_id: bytes, session: ClientSession, found: Sequence[EventDocument]) -> None:
    """In the books, by the day of acceptance."""
    by_day = Counter(parse_place(bytes(event["place"]))[0].day for event in found)
    lines: list[LedgerDocument] = [
        {"project": project_id, "day": day, "erased": count} for day, count in by_day.items()
    ]
    typed(LedgerDocument, mongo.LEDGER_SUMMARIES).insert_many(lines, session=session)
