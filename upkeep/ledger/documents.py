"""Count the documents themselves, by day of acceptance, and compare them with the books."""

from collections import Counter
from collections.abc import Mapping
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
from upkeep.ledger.lines import COLUMNS, Line, read_settled

_BATCH_DOCUMENTS = 10_000
_IMPORTED_STAY = RETENTION_GRACE / 2
"""At least so long: it was young enough when its file was read; half is for what came between."""


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
        counted = {column: Counter[int]() for column in COLUMNS}
        _count_events(session, project_id, counted)
        for column, name in (("duplicate", mongo.DUPLICATES), ("dead", mongo.DEAD_LETTERS)):
            _count_records(session, name, project_id, counted[column], counted["imported"])
    first = {
        is_import: first_whole_days(project_id, imports=is_import) for is_import in (False, True)
    }
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
        if datetime_of_day(day) >= first[_has_imports(lines.get((project_id, day)))][column]
    ]


def _has_imports(line: Line | None) -> bool:
    return line is not None and line.imported > 0


def first_whole_days(project_id: bytes, *, imports: bool = False) -> dict[str, datetime]:
    """By column, the moment from which on accepted events have all their documents still.

    With `imports` of those that came in files, too: one of an export expires by the moment at which
    it was accepted at first, so soon after it was imported.
    """
    now = datetime.now(UTC)
    oldest = datetime.min.replace(tzinfo=UTC)
    row = typed(ProjectRow, Project._meta.db_table).find_one(
        {"_id": project_id.hex()},
        {"retention_days": 1, "retention_applied_days": 1, "raw_since": 1},
    )
    both = (row["retention_days"], row.get("retention_applied_days")) if row else ()
    applied = [days for days in both if days is not None]
    stay = _IMPORTED_STAY if imports else timedelta(days=min(applied, default=0)) + RETENTION_GRACE
    stored = now - stay if applied else oldest
    stored = max(stored, (row.get("raw_since") if row else None) or oldest)
    duplicate = now - timedelta(days=settings.DUPLICATES_KEPT_DAYS)
    dead = now - timedelta(days=settings.DEAD_LETTERS_KEPT_DAYS)
    return {
        "stored": stored,
        "erased": stored,
        "duplicate": duplicate,
        "dead": dead,
        "imported": max(stored, duplicate, dead),
    }


def _count_events(
    session: ClientSession, project_id: bytes, counted: Mapping[str, Counter[int]]
) -> None:
    """By day: events and tombstones, the tombstones alone, and what of both was imported."""
    for condition in event_ids_of(project_id):
        for document in typed(EventDocument, mongo.EVENTS).find(
            condition,
            {"_id": 0, "place": 1, "erased": 1, "imported": 1},
            batch_size=_BATCH_DOCUMENTS,
            session=session,
        ):
            day = parse_place(document["place"])[0].day
            counted["stored"][day] += 1
            counted["erased"][day] += "erased" in document
            counted["imported"][day] += "imported" in document


def _count_records(
    session: ClientSession,
    name: str,
    project_id: bytes,
    counted: Counter[int],
    imported: Counter[int],
) -> None:
    for document in mongo.collection(name).find(
        ids_of(project_id, PLACE_BYTES),
        {"imported": 1},
        batch_size=_BATCH_DOCUMENTS,
        session=session,
    ):
        day = parse_place(document["_id"][PROJECT_ID_BYTES:])[0].day
        counted[day] += 1
        imported[day] += "imported" in document
