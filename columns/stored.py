"""The stored events that segments hold, or should: those of a range of time that are not fresh."""

from collections.abc import Iterator
from datetime import MAXYEAR, UTC, datetime
from typing import Any, Final

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.column_documents import FreshDocument
from analytics.databases.documents import typed
from analytics.databases.mongo import Document, collection
from analytics.events.fresh import FRESH_ID_BYTES, list_fresh_keys
from analytics.events.ids import MS_PER_DAY, datetime_of_ms, ids_of, ms_of_datetime
from columns.files.rows import PROJECTION

BEGINNING_MS: Final = -(1 << 62)
EVER_MS: Final = 1 << 62
"""Before and after the timestamp of any event."""

_FIRST_MS: Final = ms_of_datetime(datetime.min.replace(tzinfo=UTC))
_LAST_MS: Final = ms_of_datetime(datetime(MAXYEAR, 12, 31, 23, 59, 59, 999_000, UTC))
_BATCH_DOCUMENTS = 10_000


def find_settled(
    project_id: bytes, session: ClientSession, from_ms: int, to_ms: int
) -> Iterator[Document]:
    """Events with from_ms <= timestamp < to_ms and no fresh document, by `rows.PROJECTION`."""
    fresh = _read_fresh(project_id, session)
    events = collection(mongo.EVENTS).find(
        within(project_id, from_ms, to_ms), PROJECTION, session=session, batch_size=_BATCH_DOCUMENTS
    )
    return (event for event in events if event["_id"] not in fresh)


def _read_fresh(project_id: bytes, session: ClientSession) -> set[bytes]:
    documents = typed(FreshDocument, mongo.COLUMN_FRESH).find(
        ids_of(project_id, FRESH_ID_BYTES), session=session
    )
    return {key for document in documents for key in list_fresh_keys(document)}


def find_start(project_id: bytes, from_ms: int, to_ms: int, events: int) -> int:
    """Where a range begins that ends at `to_ms` and has about so many events; at least `from_ms`.

    More than that may be of one millisecond: then all of them are in it.
    """
    found = collection(mongo.EVENTS).find(
        within(project_id, from_ms, to_ms), {"_id": 0, "timestamp": 1}
    )
    for event in found.sort("timestamp", -1).skip(events).limit(1):
        return ms_of_datetime(event["timestamp"])
    return from_ms


def within(project_id: bytes, from_ms: int, to_ms: int) -> dict[str, Any]:
    """The condition on `events`. A bound that no datetime can express is none."""
    bounds: dict[str, datetime] = {}
    if from_ms > _FIRST_MS:
        bounds["$gte"] = datetime_of_ms(min(from_ms, _LAST_MS))
    if to_ms <= _LAST_MS:
        bounds["$lt"] = datetime_of_ms(max(to_ms, _FIRST_MS))
    return {"project": project_id, "timestamp": bounds or {"$exists": True}}


def list_days(project_id: bytes, from_ms: int, to_ms: int) -> Iterator[int]:
    """The UTC days with events in a range, one look at an index for each, however far apart."""
    events = collection(mongo.EVENTS)
    while found := events.find_one(
        within(project_id, from_ms, to_ms), {"_id": 0, "timestamp": 1}, sort=[("timestamp", 1)]
    ):
        day = ms_of_datetime(found["timestamp"]) // MS_PER_DAY
        yield day
        from_ms = (day + 1) * MS_PER_DAY
