"""Store a batch: one MongoDB transaction that only inserts.

An event's place ends in exactly one of stored, duplicate, dead, whatever is repeated: what is found
with the event's own place is its own earlier commit and counts nothing.
"""

import random
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pymongo
import structlog
from bson.binary import Binary
from bson.raw_bson import RawBSONDocument
from django.conf import settings
from pymongo.client_session import ClientSession
from pymongo.errors import PyMongoError
from pymongo.read_concern import ReadConcern

from analytics.databases import mongo
from analytics.databases.mongo import Document
from analytics.databases.transactions import COMMIT_UNKNOWN, is_permanent
from analytics.events.ids import datetime_of_ms, parse_place
from ingestion.store.arrival import describe_arrival
from ingestion.store.derived import insert_fresh, insert_summaries
from ingestion.store.errors import StoreUnavailable
from ingestion.store.insert import insert_documents, insert_encoded
from ingestion.store.plan import BatchPlan, by_project, sort_batch
from ingestion.store.prepare import PreparedEvent
from ingestion.stream.sessions import note_session

log = structlog.get_logger(__name__)

TIMEOUT_SECONDS = 10.0
MAX_ATTEMPTS = 8
_BACKOFF_SECONDS = 0.02


def write_batch(partition: int, batch: Sequence[PreparedEvent]) -> BatchPlan:
    """Insert what is new of `batch`, all in one transaction, and return what was inserted.

    Writing a batch again is harmless. Raises StoreUnavailable when MongoDB did not confirm
    within the time limit (it may still have committed), and the PyMongoError itself when it is
    one that repeating cannot mend.
    """
    for attempt in range(MAX_ATTEMPTS):
        try:
            with pymongo.timeout(TIMEOUT_SECONDS), mongo.client().start_session() as session:
                note_session(partition, session)
                return _run_transaction(session, batch, look_everywhere=attempt > 0)
        except PyMongoError as exc:
            if is_permanent(exc):
                raise
            if attempt == MAX_ATTEMPTS - 1 or exc.timeout:
                raise StoreUnavailable(str(exc)) from exc
            log.info("transaction_repeated", attempt=attempt, error=repr(exc)[:300])
        time.sleep(_BACKOFF_SECONDS * 2**attempt * random.random())
    raise AssertionError("unreachable")


def _run_transaction(
    session: ClientSession, batch: Sequence[PreparedEvent], *, look_everywhere: bool
) -> BatchPlan:
    session.start_transaction(read_concern=ReadConcern("snapshot"), write_concern=mongo.DURABLE)
    try:
        stored = find_stored(session, batch, look_everywhere=look_everywhere)
        recorded = find_recorded(session, batch, look_everywhere=look_everywhere)
        plan = sort_batch(batch, stored, recorded)
        insert_events(session, plan.new)
        insert_duplicates(session, plan.duplicates)
        insert_dead_letters(session, plan.dead)
        insert_ledger_summaries(session, plan)
        new = by_project(plan.new)
        insert_summaries(session, new)
        insert_fresh(session, new)
    except BaseException:
        if session.in_transaction:
            session.abort_transaction()
        raise
    commit(session)
    return plan


def find_stored(
    session: ClientSession, batch: Sequence[PreparedEvent], *, look_everywhere: bool
) -> dict[bytes, bytes]:
    """The place of each event of `batch` that is stored already, by `_id`.

    An id that we made for an entry never delivered before is not looked for; if it is there after
    all, inserting fails and the next attempt looks everywhere.
    """
    keys = [event.key for event in batch if event.may_be_stored or look_everywhere]
    if not keys:
        return {}
    found = mongo.collection(mongo.EVENTS).find(
        {"_id": {"$in": keys}}, {"place": 1}, session=session
    )
    return {document["_id"]: document["place"] for document in found}


def find_recorded(
    session: ClientSession, batch: Sequence[PreparedEvent], *, look_everywhere: bool
) -> dict[bytes, bytes | None]:
    """The record ids of `batch` that are duplicates or dead letters already.

    With the `_id` of the event that each is of; None where an erasure took it away.
    """
    ids = [event.record_id for event in batch if event.redelivered or look_everywhere]
    if not ids:
        return {}
    query = {"_id": {"$in": ids}}
    return {
        document["_id"]: document.get(field)
        for name, field in ((mongo.DUPLICATES, "event"), (mongo.DEAD_LETTERS, "eventKey"))
        for document in mongo.collection(name).find(query, {field: 1}, session=session)
    }


def insert_events(session: ClientSession, events: Sequence[PreparedEvent]) -> None:
    insert_encoded(session, mongo.EVENTS, [event.encoded for event in events if event.encoded])


def insert_duplicates(session: ClientSession, events: Sequence[PreparedEvent]) -> None:
    expires_at = datetime.now(UTC) + timedelta(days=settings.DUPLICATES_KEPT_DAYS)
    insert_documents(session, mongo.DUPLICATES, [
        {"_id": event.record_id, "event": event.key, "expiresAt": expires_at}
        | ({"imported": True} if event.part.imported else {})
        for event in events
    ])  # fmt: skip


def insert_dead_letters(session: ClientSession, events: Sequence[PreparedEvent]) -> None:
    insert_documents(session, mongo.DEAD_LETTERS, [dead_letter(event) for event in events])


def dead_letter(event: PreparedEvent) -> Document:
    assert event.failure is not None
    # What MongoDB refused was a document by then, which has the address by the project's rule.
    known = RawBSONDocument(event.encoded) if event.encoded else {}
    return {
        "_id": event.record_id,
        "project": event.project_id,
        "eventKey": event.key,
        "eventId": event.accepted.event_id,
        "reason": event.failure.reason,
        "detail": event.failure.detail[:2_000],
        "payload": Binary(event.accepted.raw),
        "ip": event.ip or known.get("ip"),
        "userAgent": event.part.client_user_agent,  # whole: a replay judges by it
        "acceptedAt": datetime_of_ms(parse_place(event.place)[0].ms),
        "buriedAt": datetime.now(UTC),
        "status": "dead",
        **describe_arrival(event.part),
    }


def insert_ledger_summaries(session: ClientSession, plan: BatchPlan) -> None:
    """The batch's part of the books; compaction adds them up."""
    documents: list[Document] = [
        {"project": project, "day": day, **counts}
        for (project, day), counts in plan.ledger().items()
    ]
    insert_documents(session, mongo.LEDGER_SUMMARIES, documents)


def commit(session: ClientSession) -> None:
    """Commit, and again while the outcome is unknown; repeating a commit is safe.

    Also when nothing was inserted: only then is what the transaction found durable.
    """
    while True:
        try:
            session.commit_transaction()
            return
        except PyMongoError as exc:
            if not exc.has_error_label(COMMIT_UNKNOWN) or exc.timeout:
                raise
