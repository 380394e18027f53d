"""The fuse: a misconfiguration must not empty the stream into the graveyard.

When more than half of a project's last events were to be buried for one reason, its fuse opens:
its entries stay in the stream, held back, while those of other projects go on. When there are
too many dead letters, only entries with an event to bury stay. An open fuse is a document of
collection `fuses`, so that every worker knows of it within one drain; each minute one of them
tries again, and closes it if the events can be stored.
"""

import threading
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from pymongo.errors import PyMongoError

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.events.ids import make_place
from analytics.projects.policy import find_policy
from analytics.remembered import forgets
from ingestion.drain.fuse_window import Window
from ingestion.letters.capacity import count_room, has_room
from ingestion.store.prepare import PreparedEvent, prepare
from ingestion.store.transaction import BatchPlan, write_batch
from ingestion.stream.claims import Holding, claim_entries, hold_entries, holder_of
from ingestion.stream.consumers import this_consumer
from ingestion.stream.entries import ReadEntry, decode_entries

log = structlog.get_logger(__name__)

TOO_MANY_LETTERS = "too_many_dead_letters"
RETRY = timedelta(minutes=1)
TRIED_ENTRIES = 20
TRIED_EVENTS = 100

_ENTRY_BYTES = 12  # of a place, the part that is the entry's

# What this process saw of each project that lately had an event to bury.
_windows: dict[bytes, Window] = {}
forgets(_windows.clear)
_changing = threading.RLock()  # the drain reads ahead while its writer stores


class Fuses:
    """The fuses of a partition as one drain knows them; one look at MongoDB per drain."""

    def __init__(self, partition: int, *, forced: bool = False) -> None:
        """A `forced` drain knows no fuse and stores or buries everything."""
        self._partition = partition
        self._forced = forced
        self._open: dict[bytes, Document] = {}
        self._withheld: set[bytes] = set()  # entries the store refused an event of
        if not forced:
            rows = collection(mongo.FUSES).find({"partition": partition})
            self._open = {bytes(row["_id"]): row for row in rows}

    @property
    def holders(self) -> list[str]:
        """The consumers whose entries stay held back."""
        return [holder_of(project_id) for project_id in self._open]

    def withhold(
        self, batch: Sequence[ReadEntry], events: Sequence[PreparedEvent]
    ) -> tuple[Sequence[ReadEntry], Sequence[PreparedEvent]]:
        """Leave out of `batch` what must stay in the stream; mostly that is nothing."""
        burials = count_burials(events)
        if self._forced or not (burials or self._open or _windows):
            return batch, events
        with _changing:
            for read in batch:
                self._note(read, burials.get(_entry_of(read), {}))
            held = {
                _entry_of(read): read
                for read in batch
                if self._must_hold(
                    read.entry.project_id, burials.get(_entry_of(read), Counter()).total()
                )
            }
        if not held:
            return batch, events
        hold_back(self._partition, list(held.values()))
        return (
            [read for read in batch if _entry_of(read) not in held],
            [event for event in events if event.place[:_ENTRY_BYTES] not in held],
        )

    def may_bury(self, event: PreparedEvent, reason: str) -> bool:
        """Whether an event that the store refused may become a dead letter.

        If not, its entry must not be acked: `release` leaves it out.
        """
        if self._forced:
            return True
        entry = event.place[:_ENTRY_BYTES]
        with _changing:
            if event.project_id not in self._open:
                window = _windows.setdefault(event.project_id, Window())
                window.add_burial(entry, reason, requests=event.entry_requests)
                self._judge(event.project_id, window)
            if not self._must_hold(event.project_id, 1):
                return True
            self._withheld.add(entry)
            return False

    def release(self, batch: Sequence[ReadEntry]) -> Sequence[ReadEntry]:
        """The entries of a stored batch that may be acked; the others are held back."""
        if not self._withheld:
            return batch
        held = [read for read in batch if _entry_of(read) in self._withheld]
        hold_back(self._partition, held)
        return [read for read in batch if _entry_of(read) not in self._withheld]

    def try_again(self) -> list[BatchPlan]:
        """Try the fuses that are due, and close those whose events can be stored now.

        What was stored on trial is returned; the entries themselves are still to be drained.
        """
        written: list[BatchPlan] = []
        now = datetime.now(UTC)
        for project_id, row in list(self._open.items()):
            if row["tryAt"] > now or not _take_turn(row, now):
                continue
            if row["reason"] == TOO_MANY_LETTERS:
                is_well = count_room(project_id) > 0
            else:
                is_well = self._try(project_id, written)
            if is_well:
                collection(mongo.FUSES).delete_one({"_id": project_id})
                del self._open[project_id]
                log.warning("fuse_closed", project=project_id.hex(), reason=row["reason"])
            else:
                log.error("fuse_stays_open", project=project_id.hex(), reason=row["reason"],
                          opened_at=row["openedAt"].isoformat())  # fmt: skip
        return written

    def _try(self, project_id: bytes, written: list[BatchPlan]) -> bool:
        """Store a few of the events that are held back, and bury none of them."""
        owner = Holding(holder_of(project_id), TRIED_ENTRIES, 0)
        raw = claim_entries(self._partition, owner, str(this_consumer()), TRIED_ENTRIES)
        deliveries = dict.fromkeys([raw_id for raw_id, _ in raw], 2)
        batch = decode_entries(self._partition, raw, deliveries)
        events = prepare(batch)[:TRIED_EVENTS]
        refused = sum(not self._store(event, written) for event in events)
        if refused * 2 <= len(events):
            return True
        hold_back(self._partition, batch)
        return False

    def _store(self, event: PreparedEvent, written: list[BatchPlan]) -> bool:
        if event.failure:
            return False
        try:
            written.append(write_batch(self._partition, [event]))
        except PyMongoError:  # for good: what is of the moment is a StoreUnavailable
            return False
        return True

    def _note(self, read: ReadEntry, burials: Mapping[str, int]) -> None:
        project_id = read.entry.project_id
        if project_id in self._open or not (burials or project_id in _windows):
            return
        window = _windows.setdefault(project_id, Window())
        entry = read.entry
        window.add(_entry_of(read), entry.event_count, burials, requests=len(entry.parts))
        if window.is_clean:
            del _windows[project_id]
        else:
            self._judge(project_id, window)

    def _judge(self, project_id: bytes, window: Window) -> None:
        if (reason := window.find_reason()) and not find_policy(project_id).deleted_at:
            _windows.pop(project_id, None)
            self._blow(project_id, reason, window.describe())

    def _must_hold(self, project_id: bytes, burials: int) -> bool:
        """Whether an entry with so many events to bury stays in the stream.

        Of a deleted project none does: it waits for its entries to be stored, and then all goes.
        """
        if (burials or project_id in self._open) and find_policy(project_id).deleted_at:
            return False
        if burials and project_id not in self._open and not has_room(project_id, burials):
            self._blow(project_id, TOO_MANY_LETTERS, {})
        row = self._open.get(project_id)
        return row is not None and (burials > 0 or row["reason"] != TOO_MANY_LETTERS)

    def _blow(self, project_id: bytes, reason: str, seen: Mapping[str, int]) -> None:
        now = datetime.now(UTC)
        row: Document = {
            "partition": self._partition, "reason": reason, "openedAt": now, "tryAt": now + RETRY,
        }  # fmt: skip
        collection(mongo.FUSES).update_one({"_id": project_id}, {"$setOnInsert": row}, upsert=True)
        self._open[project_id] = {"_id": project_id, **row}
        log.error("fuse_opened", project=project_id.hex(), reason=reason, window=dict(seen))


def count_burials(events: Sequence[PreparedEvent]) -> dict[bytes, Counter[str]]:
    """By entry and reason, the events that cannot be stored."""
    burials: dict[bytes, Counter[str]] = {}
    for event in events:
        if event.failure:
            reasons = burials.setdefault(event.place[:_ENTRY_BYTES], Counter())
            reasons[event.failure.reason] += 1
    return burials


def hold_back(partition: int, entries: Sequence[ReadEntry]) -> None:
    """Give entries to the holders of their projects."""
    by_project: dict[bytes, list[bytes]] = {}
    for read in entries:
        by_project.setdefault(read.entry.project_id, []).append(read.raw_id)
    for project_id, raw_ids in by_project.items():
        hold_entries(partition, holder_of(project_id), raw_ids)


def _take_turn(row: Document, now: datetime) -> bool:
    """Whether this process is the one that tries, this minute."""
    turn = collection(mongo.FUSES).update_one(
        {"_id": row["_id"], "tryAt": row["tryAt"]}, {"$set": {"tryAt": now + RETRY}}
    )
    return turn.modified_count == 1


def _entry_of(read: ReadEntry) -> bytes:
    return make_place(read.id, 0)[:_ENTRY_BYTES]
