"""The fuse: a misconfiguration must not empty the stream into the graveyard.

When more than half of a project's last events were to be buried for one reason, its fuse opens:
its entries stay in the stream, held back, while those of other projects go on. When there are
too many dead letters, only entries with an event to bury stay. An open fuse is a record in
collection `fuses`, so that every worker knows of it within one drain; each minute one of them
tries again, and closes it if the events can be stored.

Fuses judge; who acts on what they say is the drain.
"""

import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TypedDict, cast

import structlog

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.projects.policy import find_policy
from analytics.remembered import forgets
from ingestion.drain.batch import Batch, entry_of, entry_of_event
from ingestion.drain.fuse_window import Window
from ingestion.letters.capacity import has_room
from ingestion.store.prepare import PreparedEvent
from ingestion.stream.claims import holder_of
from ingestion.stream.entries import ReadEntry

log = structlog.get_logger(__name__)

TOO_MANY_LETTERS = "too_many_dead_letters"
RETRY = timedelta(minutes=1)


class FuseRecord(TypedDict):
    """The document of an open fuse, as docs/data-model.md has it."""

    _id: bytes  # the project
    partition: int
    reason: str
    openedAt: datetime
    tryAt: datetime


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
        self._open: dict[bytes, FuseRecord] = {}
        self._withheld: set[bytes] = set()  # entries the store refused an event of
        if not forced:
            for found in collection(mongo.FUSES).find({"partition": partition}):
                self._open[bytes(found["_id"])] = cast(FuseRecord, found)

    @property
    def holders(self) -> list[str]:
        """The consumers whose entries stay held back."""
        return [holder_of(project_id) for project_id in self._open]

    def choose_held(self, batch: Batch) -> Sequence[ReadEntry]:
        """The entries of a batch that must stay in the stream; mostly there is none."""
        burials = count_burials(batch.events)
        if self._forced or not (burials or self._open or _windows):
            return ()
        with _changing:
            for read in batch.entries:
                self._note(read, burials.get(entry_of(read), {}))
            held = {
                entry_of(read): read
                for read in batch.entries
                if self._must_hold(
                    read.entry.project_id, burials.get(entry_of(read), Counter()).total()
                )
            }
        return list(held.values())

    def may_bury(self, event: PreparedEvent, reason: str) -> bool:
        """Whether an event that the store refused may become a dead letter.

        If not, its entry must not be acked: `choose_refused` has it.
        """
        if self._forced:
            return True
        entry = entry_of_event(event)
        with _changing:
            if event.project_id not in self._open:
                window = _windows.setdefault(event.project_id, Window())
                window.add_burial(entry, reason, requests=event.entry_requests)
                self._judge(event.project_id, window)
            if not self._must_hold(event.project_id, 1):
                return True
            self._withheld.add(entry)
            return False

    def choose_refused(self, batch: Batch) -> Sequence[ReadEntry]:
        """The entries of a stored batch with an event that might not be buried."""
        if not self._withheld:
            return ()
        return [read for read in batch.entries if entry_of(read) in self._withheld]

    def take_due(self) -> Iterator[FuseRecord]:
        """The open fuses that are due, and that this process is the one to try, this minute."""
        now = datetime.now(UTC)
        for record in list(self._open.values()):
            if record["tryAt"] <= now and _take_turn(record, now):
                yield record

    def close(self, record: FuseRecord) -> None:
        project_id = record["_id"]
        collection(mongo.FUSES).delete_one({"_id": project_id})
        del self._open[project_id]
        log.warning("fuse_closed", project=project_id.hex(), reason=record["reason"])

    def leave_open(self, record: FuseRecord) -> None:
        log.error("fuse_stays_open", project=record["_id"].hex(), reason=record["reason"],
                  opened_at=record["openedAt"].isoformat())  # fmt: skip

    def _note(self, read: ReadEntry, burials: Mapping[str, int]) -> None:
        project_id = read.entry.project_id
        if project_id in self._open or not (burials or project_id in _windows):
            return
        window = _windows.setdefault(project_id, Window())
        entry = read.entry
        window.add(entry_of(read), entry.event_count, burials, requests=len(entry.parts))
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
        record = self._open.get(project_id)
        return record is not None and (burials > 0 or record["reason"] != TOO_MANY_LETTERS)

    def _blow(self, project_id: bytes, reason: str, seen: Mapping[str, int]) -> None:
        now = datetime.now(UTC)
        fields: Document = {
            "partition": self._partition, "reason": reason, "openedAt": now, "tryAt": now + RETRY,
        }  # fmt: skip
        collection(mongo.FUSES).update_one(
            {"_id": project_id}, {"$setOnInsert": fields}, upsert=True
        )
        self._open[project_id] = cast(FuseRecord, {"_id": project_id, **fields})
        log.error("fuse_opened", project=project_id.hex(), reason=reason, window=dict(seen))


def count_burials(events: Sequence[PreparedEvent]) -> dict[bytes, Counter[str]]:
    """By entry and reason, the events that cannot be stored."""
    burials: dict[bytes, Counter[str]] = {}
    for event in events:
        if event.failure:
            burials.setdefault(entry_of_event(event), Counter())[event.failure.reason] += 1
    return burials


def _take_turn(record: FuseRecord, now: datetime) -> bool:
    """Whether this process is the one that tries, this minute."""
    turn = collection(mongo.FUSES).update_one(
        {"_id": record["_id"], "tryAt": record["tryAt"]}, {"$set": {"tryAt": now + RETRY}}
    )
    return turn.modified_count == 1
