"""Judge the books: which lines balance, which do not, and which move too fast to say.

`waiting` is recounted from the stream. Redis and MongoDB cannot be read at one moment, so a
reading goes: counters of Redis, stream, snapshot of MongoDB, what of the stream that snapshot
holds already (stored, not acked yet), counters again. A line whose counters are the same before
and after saw nothing accepted and nothing acked in between: its reading is exact. Of a line
that moves, only what no movement can explain is a difference.
"""

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from django.conf import settings
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import Document
from analytics.events.ids import PROJECT_ID_BYTES, EntryId, make_place
from ingestion.stream.walk import WalkedEntry, walk_pending, walk_stream
from upkeep.ledger.lines import Counters, Line, LineKey, read_counters, read_settled

PAUSE_SECONDS = 0.5


@dataclass(frozen=True, slots=True)
class Verdict:
    """A line with `waiting` recounted, and how sure its difference is."""

    line: Line
    counted: int  # events waiting as Redis counts them, which backpressure goes by
    in_stream: int  # the same, counted in the stream
    is_exact: bool  # nothing moved while the line was read
    surplus: int  # events settled beyond all that was ever accepted; no movement explains one

    @property
    def difference(self) -> int:
        """Accepted events that are nowhere; below 0, events that nobody accepted."""
        if self.is_exact:
            return self.line.difference
        # What moves is counted twice at worst, so what is missing even then is missing.
        return -self.surplus or max(0, self.line.difference)

    @property
    def drift(self) -> int:
        return self.counted - self.in_stream if self.is_exact else 0

    @property
    def is_wrong(self) -> bool:
        return bool(self.difference or self.drift)

    @property
    def balances(self) -> bool:
        return self.is_exact and not self.is_wrong


@dataclass(slots=True)
class Check:
    """The verdict on each line, and what was looked at to reach it."""

    verdicts: dict[LineKey, Verdict] = field(default_factory=dict)
    readings: int = 0
    entries: int = 0  # in the stream
    unread_entries: int = 0  # of them, of a format that is not ours: their events are not counted
    unacked_events: int = 0  # in the stream, and settled in MongoDB already
    total_drift: int = 0  # what Redis's total of waiting events has beyond its own lines

    @property
    def wrong(self) -> list[Verdict]:
        return [self.verdicts[key] for key in sorted(self.verdicts) if self.verdicts[key].is_wrong]

    @property
    def balanced(self) -> int:
        return sum(verdict.balances for verdict in self.verdicts.values())

    @property
    def moving(self) -> int:
        """Lines that never held still: nothing is known to be wrong with them."""
        return len(self.verdicts) - self.balanced - len(self.wrong)


def check_ledger(project_id: bytes | None = None, wait_seconds: float = 30.0) -> Check:
    """Read until each line balances, or differs by the same twice in a row, or time is up."""
    deadline = time.monotonic() + wait_seconds
    check = _read()
    decided = {key: verdict for key, verdict in check.verdicts.items() if verdict.balances}
    while len(decided) < len(check.verdicts) and time.monotonic() < deadline:
        time.sleep(min(PAUSE_SECONDS, max(0.0, deadline - time.monotonic())))
        before, readings = check.verdicts, check.readings
        check = _read()
        check.readings += readings
        for key, verdict in check.verdicts.items():
            agrees = verdict.is_exact and verdict == before.get(key)
            if key not in decided and (verdict.balances or agrees):
                decided[key] = verdict
    verdicts = {**check.verdicts, **decided}
    check.verdicts = {key: v for key, v in verdicts.items() if project_id in (None, key[0])}
    return check


def _read() -> Check:
    """One reading of everything, in the order that the module's text explains."""
    before = read_counters()
    check = Check(readings=1, total_drift=before.total_drift)
    waiting = _recount_waiting(check)
    with mongo.client().start_session(snapshot=True) as session:
        lines = read_settled(session)
        unacked = _count_unacked(session)
    after = read_counters()
    check.unacked_events = sum(unacked.values())
    for key in {*lines, *before.accepted, *before.waiting, *waiting}:
        line = replace(
            lines.get(key) or Line(*key),
            waiting=waiting[key] - unacked[key],
        ).accept(before.accepted[key])
        check.verdicts[key] = _judge(line, waiting[key], before, after)
    return check


def _judge(line: Line, in_stream: int, before: Counters, after: Counters) -> Verdict:
    key = (line.project_id, line.day)
    is_exact = (before.accepted[key], before.waiting[key]) == (
        after.accepted[key],
        after.waiting[key],
    )
    known = max(line.known, line.base + after.accepted[key])
    surplus = 0 if line.in_gap else max(0, line.settled - known)
    return Verdict(line, before.waiting[key], in_stream, is_exact, surplus)


def _recount_waiting(check: Check) -> Counter[LineKey]:
    """The events in the streams, by line."""
    waiting: Counter[LineKey] = Counter()
    for partition in range(settings.STREAM_PARTITIONS):
        for raw_id, entry in walk_stream(partition):
            check.entries += 1
            if entry is None:
                check.unread_entries += 1
            else:
                waiting[entry.project_id, EntryId.parse(raw_id).day] += entry.event_count
    return waiting


def _count_unacked(session: ClientSession) -> Counter[LineKey]:
    """Events of pending entries that the snapshot holds: committed, the ack still to come."""
    unacked: Counter[LineKey] = Counter()
    for partition in range(settings.STREAM_PARTITIONS):
        for chunk in walk_pending(partition):
            for project_id, day in find_settled(session, chunk):
                unacked[project_id, day] += 1
    return unacked


def _record_id(document: Document) -> bytes:
    """Project and place of an event, or of the tombstone that is left of it."""
    return bytes(document["_id"])[:PROJECT_ID_BYTES] + bytes(document["place"])


def find_settled(session: ClientSession, entries: Sequence[WalkedEntry]) -> Iterator[LineKey]:
    """The line of each event of `entries` that is stored, a duplicate or dead under its place."""
    lines: dict[bytes, LineKey] = {}  # by project and place
    keys: set[bytes] = set()
    for raw_id, entry in entries:
        entry_id = EntryId.parse(raw_id)
        for index, event in enumerate(entry.events if entry else ()):
            assert entry is not None
            place = make_place(entry_id, index)
            lines[entry.project_id + place] = (entry.project_id, entry_id.day)
            keys.add(entry.event_key(event.event_id))
    for document in mongo.collection(mongo.EVENTS).find(
        {"_id": {"$in": list(keys)}}, {"place": 1}, session=session
    ):
        if line := lines.pop(_record_id(document), None):
            yield line
    for name in (mongo.DUPLICATES, mongo.DEAD_LETTERS):
        query = {"_id": {"$in": list(lines)}}
        for document in mongo.collection(name).find(query, {"_id": 1}, session=session):
            yield lines.pop(bytes(document["_id"]))
