"""The books: accepted = stored + duplicate + dead + waiting, per project and UTC day."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from bson import ObjectId
from django.conf import settings
from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases import redis_clients as names
from analytics.databases.documents import GapDocument, LedgerDocument, typed
from analytics.databases.mongo import Document
from analytics.databases.redis_keys import accepted_key, waiting_key
from analytics.databases.transactions import transact
from analytics.events.ids import datetime_of_day
from ingestion.stream.scripts import READ_COUNTERS, run_script
from upkeep.jobs.setbacks import COMPACT_LEDGER, Turns, is_passing

COLUMNS = ("stored", "duplicate", "dead", "erased", "imported")
COMPACT_SUMMARIES = 1_000

LineKey = tuple[bytes, int]  # project, UTC day of acceptance


@dataclass(slots=True)
class Line:
    """One project's events accepted on one UTC day, and where they are.

    `erased` is a part of `stored`: tombstones of events that were stored. `imported` is a part of
    what is settled, and so of `accepted`: what came in files.
    """

    project_id: bytes
    day: int  # days since 1970
    accepted: int = 0
    stored: int = 0
    duplicate: int = 0
    dead: int = 0
    waiting: int = 0
    erased: int = 0
    imported: int = 0
    known: int = 0  # accepted, as of the last checkpoint
    base: int = 0  # of it, what Redis has lost and does not count any more
    lost_at_most: int = 0  # of it, what was in the stream when Redis lost it
    in_gap: bool = False  # of a day on which Redis lost acceptances that nobody knows of

    @property
    def difference(self) -> int:
        """Accepted events that are in no column; 0 when the books balance."""
        return self._remainder - self.lost

    @property
    def lost(self) -> int:
        """Accepted events that Redis lost, as a gap states; fewer if some turned up after all."""
        return min(self.lost_at_most, max(0, self._remainder))

    @property
    def _remainder(self) -> int:
        return self.accepted - self.settled - self.waiting

    @property
    def settled(self) -> int:
        """Events of which MongoDB says what became of them."""
        return self.stored + self.duplicate + self.dead

    def accept(self, counted: int) -> "Line":
        """Set `accepted`, of which Redis counts so much now.

        In a gap it is at least what is accounted for.
        """
        self.accepted = max(self.known, self.base + counted)
        if self.in_gap:
            self.accepted -= min(0, self._remainder)
        return self

    @property
    def date(self) -> date:
        return datetime_of_day(self.day).date()


@dataclass(slots=True)
class Counters:
    """What Redis counts, by line; `total_drift` is its total of waiting events less its lines."""

    accepted: Counter[LineKey] = field(default_factory=Counter)
    waiting: Counter[LineKey] = field(default_factory=Counter)
    total_drift: int = 0


def read_ledger(project_id: bytes | None = None) -> list[Line]:
    """The books, by project and day.

    Redis and MongoDB cannot be read at one moment, so a busy ledger may look off by what is in
    flight; at a quiet moment it is exact. `ledger_check.check_ledger` tells the two apart.
    """
    with mongo.client().start_session(snapshot=True) as session:
        lines = read_settled(session)
    counted = _count_in(lines, read_counters(), lambda _: True)
    return [line for key, line in sorted(counted.items()) if project_id in (None, key[0])]


def read_since(project_id: bytes, first_day: int) -> list[Line]:
    """The books of one project from a UTC day on, as `read_ledger` reads them; the latest first."""
    with mongo.client().start_session(snapshot=True) as session:
        lines = read_settled(session, project_id, first_day=first_day)
    counted = _count_in(
        lines, read_counters(), lambda key: key[0] == project_id and key[1] >= first_day
    )
    return sorted(counted.values(), key=lambda line: -line.day)


def _count_in(
    lines: dict[LineKey, Line], counters: Counters, is_asked: Callable[[LineKey], bool]
) -> dict[LineKey, Line]:
    """The lines with what Redis counts, and those that Redis alone has, of what is asked for."""
    for key in filter(is_asked, {*lines, *counters.accepted, *counters.waiting}):
        line = lines.setdefault(key, Line(*key))
        line.waiting = counters.waiting[key]
        line.accept(counters.accepted[key])
    return lines


def read_settled(
    session: ClientSession, project_id: bytes | None = None, *, first_day: int = 0
) -> dict[LineKey, Line]:
    """Lines with what MongoDB knows, compacted and summaries, in the snapshot of `session`."""
    lines: dict[LineKey, Line] = {}
    query: Document = {} if project_id is None else {"project": project_id}
    if first_day:
        query["day"] = {"$gte": first_day}
    for name in (mongo.LEDGER, mongo.LEDGER_SUMMARIES):
        for row in typed(LedgerDocument, name).find(query, session=session):
            key = (bytes(row["project"]), row["day"])
            line = lines.setdefault(key, Line(*key))
            for column in COLUMNS:
                setattr(line, column, getattr(line, column) + row.get(column, 0))
            line.known = max(line.known, row.get("accepted", 0))
            line.base += row.get("base", 0)
            line.lost_at_most += row.get("lost", 0)
    gaps = list(typed(GapDocument, mongo.LEDGER_GAPS).find({}, session=session))
    for line in lines.values():
        line.in_gap = any(gap["fromDay"] <= line.day <= gap["toDay"] for gap in gaps)
    return lines


def line_id(key: LineKey) -> bytes:
    """The `_id` of a line in `ledger`."""
    return key[0] + key[1].to_bytes(4, "big")


def read_counters() -> Counters:
    """The counters of Redis, those of a partition at one moment."""
    counters = Counters()
    for partition in range(settings.STREAM_PARTITIONS):
        keys = [accepted_key(partition), waiting_key(partition)]
        accepted, waiting = run_script(names.stream_client(), READ_COUNTERS, keys, [])
        counters.accepted.update(by_line(accepted))
        lines = Counter(by_line(waiting))
        counters.waiting.update(lines)
        counters.total_drift += _total(waiting) - lines.total()
    return counters


def by_line(flat: Sequence[bytes]) -> dict[LineKey, int]:
    """The fields `<project hex>:<day>` of a hash, as a script returns it."""
    pairs = zip(flat[::2], flat[1::2], strict=True)
    named = [(name.decode().partition(":"), int(count)) for name, count in pairs]
    return {(bytes.fromhex(hex_id), int(day)): count for (hex_id, _, day), count in named if day}


def _total(flat: Sequence[bytes]) -> int:
    return int(dict(zip(flat[::2], flat[1::2], strict=True)).get(b"total", 0))


def compact_ledger() -> int:
    """Add summaries to the ledger and delete them; how many. What cannot be added stays."""
    turns = Turns(COMPACT_LEDGER)
    waiting = mongo.collection(mongo.LEDGER_SUMMARIES).find({}, {"_id": 1}).sort("_id", 1)
    rows = turns.take(waiting, lambda row: str(row["_id"]), COMPACT_SUMMARIES)
    compacted = _compact_isolating(turns, [row["_id"] for row in rows])
    turns.end()
    return compacted


def _compact_isolating(turns: Turns, ids: Sequence[ObjectId]) -> int:
    """Compact them in one transaction; where one of them cannot be, halve until it is alone."""
    if len(ids) == 1:
        with turns.attempt(str(ids[0])):
            return transact(lambda session: _add_up(session, ids))
        return 0
    try:
        return transact(lambda session: _add_up(session, ids)) if ids else 0
    except Exception as exc:
        if is_passing(exc):
            raise
    middle = len(ids) // 2
    return _compact_isolating(turns, ids[:middle]) + _compact_isolating(turns, ids[middle:])


def _add_up(session: ClientSession, ids: Sequence[ObjectId]) -> int:
    summaries = mongo.collection(mongo.LEDGER_SUMMARIES)
    rows = list(summaries.find({"_id": {"$in": ids}}, session=session))
    if not rows:
        return 0
    totals: dict[LineKey, Document] = {}
    for row in rows:
        line = totals.setdefault((bytes(row["project"]), row["day"]), dict.fromkeys(COLUMNS, 0))
        for column in COLUMNS:
            line[column] += row.get(column, 0)
    mongo.collection(mongo.LEDGER).bulk_write(
        [
            UpdateOne(
                {"_id": line_id((project, day))},
                {"$inc": counts, "$setOnInsert": {"project": project, "day": day}},
                upsert=True,
            )
            for (project, day), counts in totals.items()
        ],
        session=session,
    )
    summaries.delete_many({"_id": {"$in": [row["_id"] for row in rows]}}, session=session)
    return len(rows)
