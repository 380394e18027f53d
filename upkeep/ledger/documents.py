"""Count the documents themselves, by day of acceptance, and compare them with the books."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.documents import EventDocument, ProjectRow, typed
from analytics.events.ids import (
    PLACE_BYTES,
    PROJECT_ID_BYTES,
    datetime_of_day,
    event_ids_of,
    ids_of,
    parse_place,
)
from analytics.projects.horizon import RETENTION_GRACE
from analytics.projects.models import Project
from upkeep.ledger.lines import COLUMNS, read_settled

_BATCH_DOCUMENTS = 10_000


@dataclass(frozen=True, slots=True)
class CountedDay:
    """One column of a line: what the books say, and how many documents there are."""

    project_id: bytes
    day: int
    column: str
    booked: int
    found: int


def count_documents(project_id: bytes) -> list[CountedDay]:
    """Each column of each day of a project, as far as nothing of it may have expired.

    Books and documents are written in one transaction and are read here in one snapshot, so
    they agree at any moment, busy or not.
    """
    with mongo.client().start_session(snapshot=True) as session:
        lines = read_settled(session, project_id)
        stored, erased = _count_events(session, project_id)
        counted = {
            "stored": stored,
            "erased": erased,
            "duplicate": Counter(_days_of_records(session, mongo.DUPLICATES, project_id)),
            "dead": Counter(_days_of_records(session, mongo.DEAD_LETTERS, project_id)),
        }
    first = first_whole_days(project_id)
    days = {day for _, day in lines} | {day for column in counted.values() for day in column}
    return [
        CountedDay(
            project_id,
            day,
            column,
            getattr(lines.get((project_id, day)), column, 0),
            counted[column][day],
        )
        for day in sorted(days)
        for column in COLUMNS
        if datetime_of_day(day) >= first[column]
    ]


def first_whole_days(project_id: bytes) -> dict[str, datetime]:
    """By column, the moment from which on accepted events have all their documents still."""
    now = datetime.now(UTC)
    oldest = datetime.min.replace(tzinfo=UTC)
    row = typed(ProjectRow, Project._meta.db_table).find_one(
        {"_id": project_id.hex()},
        {"retention_days": 1, "retention_applied_days": 1, "raw_since": 1},
    )
    both = (row["retention_days"], row.get("retention_applied_days")) if row else ()
    applied = [days for days in both if days is not None]
    stored = now - timedelta(days=min(applied)) - RETENTION_GRACE if applied else oldest
    stored = max(stored, (row.get("raw_since") if row else None) or oldest)
    return {
        "stored": stored,
        "erased": stored,
        "duplicate": now - timedelta(days=settings.DUPLICATES_KEPT_DAYS),
        "dead": now - timedelta(days=settings.DEAD_LETTERS_KEPT_DAYS),
    }


def _count_events(session: ClientSession, project_id: bytes) -> tuple[Counter[int], Counter[int]]:
    """By day: events and tombstones, and the tombstones alone."""
    stored: Counter[int] = Counter()
    erased: Counter[int] = Counter()
    for condition in event_ids_of(project_id):
        for document in typed(EventDocument, mongo.EVENTS).find(
            condition,
            {"_id": 0, "place": 1, "erased": 1},
            batch_size=_BATCH_DOCUMENTS,
            session=session,
        ):
            day = parse_place(document["place"])[0].day
            stored[day] += 1
            erased[day] += "erased" in document
    return stored, erased


def _days_of_records(session: ClientSession, name: str, project_id: bytes) -> Iterator[int]:
    for document in mongo.collection(name).find(
        ids_of(project_id, PLACE_BYTES), {"_id": 1}, batch_size=_BATCH_DOCUMENTS, session=session
    ):
        yield parse_place(document["_id"][PROJECT_ID_BYTES:])[0].day
