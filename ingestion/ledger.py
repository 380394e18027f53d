"""The books: accepted = stored + duplicate + dead + waiting, per project and UTC day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any

from django.conf import settings
from pymongo import UpdateOne
from pymongo.client_session import ClientSession
from pymongo.read_concern import ReadConcern

from analytics import mongo
from analytics import redis as names
from analytics.ids import datetime_of_day
from analytics.mongo import Document

COLUMNS = ("stored", "duplicate", "dead")
COMPACT_SUMMARIES = 1_000


@dataclass(slots=True)
class Line:
    """One project's events accepted on one UTC day, and where they are."""

    project_id: bytes
    day: int  # days since 1970
    accepted: int = 0
    stored: int = 0
    duplicate: int = 0
    dead: int = 0
    waiting: int = 0

    @property
    def difference(self) -> int:
        """Accepted events that are in no column; 0 when the books balance."""
        return self.accepted - self.stored - self.duplicate - self.dead - self.waiting

    @property
    def date(self) -> date:
        return datetime_of_day(self.day).date()


def read_ledger(project_id: bytes | None = None) -> list[Line]:
    """The books, by project and day.

    Redis and MongoDB cannot be read at one moment, so a busy ledger may look off by what is in
    flight; at a quiet moment it is exact.
    """
    lines: dict[tuple[bytes, int], Line] = {}
    for column, project, day, count in (*_read_stored(), *_read_counters()):
        if project_id in (None, project):
            line = lines.setdefault((project, day), Line(project, day))
            setattr(line, column, getattr(line, column) + count)
    return [lines[key] for key in sorted(lines)]


def _read_stored() -> Iterable[tuple[str, bytes, int, int]]:
    """What is in MongoDB: compacted and summaries, in one snapshot."""
    with mongo.client().start_session(snapshot=True) as session:
        for name in (mongo.LEDGER, mongo.LEDGER_SUMMARIES):
            for row in mongo.database()[name].find({}, session=session):
                for column in COLUMNS:
                    if row.get(column):
                        yield column, bytes(row["project"]), row["day"], row[column]


def _read_counters() -> Iterable[tuple[str, bytes, int, int]]:
    client: Any = names.stream_client()
    for partition in range(settings.STREAM_PARTITIONS):
        for column, key in (
            ("accepted", names.accepted_key(partition)),
            ("waiting", names.waiting_key(partition)),
        ):
            for field, count in client.hgetall(key).items():
                project, _, day = field.decode().partition(":")
                if day:
                    yield column, bytes.fromhex(project), int(day), int(count)


def compact_ledger() -> int:
    """Add summaries to the ledger and delete them, in one transaction; how many there were."""
    with mongo.client().start_session() as session:
        return session.with_transaction(
            _compact, read_concern=ReadConcern("snapshot"), write_concern=mongo.DURABLE
        )


def _compact(session: ClientSession) -> int:
    summaries = mongo.collection(mongo.LEDGER_SUMMARIES)
    rows = list(summaries.find({}, session=session).limit(COMPACT_SUMMARIES))
    if not rows:
        return 0
    totals: dict[tuple[bytes, int], Document] = {}
    for row in rows:
        line = totals.setdefault((bytes(row["project"]), row["day"]), dict.fromkeys(COLUMNS, 0))
        for column in COLUMNS:
            line[column] += row.get(column, 0)
    mongo.collection(mongo.LEDGER).bulk_write(
        [
            UpdateOne(
                {"_id": project + day.to_bytes(4, "big")},
                {"$inc": counts, "$setOnInsert": {"project": project, "day": day}},
                upsert=True,
            )
            for (project, day), counts in totals.items()
        ],
        session=session,
    )
    summaries.delete_many({"_id": {"$in": [row["_id"] for row in rows]}}, session=session)
    return len(rows)
