"""Gaps: what the stream's Redis lost, noticed and written down with its dates."""

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime

import structlog
from pymongo import UpdateOne
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.documents import CheckpointDocument, GapDocument, typed
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import transact
from analytics.events.ids import MS_PER_DAY, EntryId, now_ms
from analytics.events.moments import format_moment
from analytics.projects.models import Project
from upkeep.ledger.lines import Line, LineKey, line_id, read_settled

log = structlog.get_logger(__name__)

EMPTIED, ROLLED_BACK = "emptied", "rolled_back"


@dataclass(frozen=True, slots=True)
class Mark:
    """A checkpoint as Redis keeps it: `<epoch>:<number>`."""

    epoch: str
    number: int

    @classmethod
    def parse(cls, text: bytes) -> "Mark":
        epoch, _, number = text.decode().partition(":")
        return cls(epoch, int(number or 0))


@dataclass(frozen=True, slots=True)
class Reading:
    """What Redis said at one moment."""

    before: Mark
    mark: Mark
    accepted: Counter[LineKey]
    waiting: Counter[LineKey]
    last: EntryId


def find_loss(row: CheckpointDocument | None, mark: Mark, last: EntryId) -> str | None:
    """What kind of loss explains that Redis knows less than the last checkpoint, if it does."""
    if row is None:
        return None
    if mark.epoch != row["epoch"]:
        return EMPTIED
    if mark.number < row["number"] or last < EntryId.parse(row["lastId"].encode()):
        return ROLLED_BACK
    return None


def find_surplus(lines: list[Line], reading: Reading) -> str | None:
    """Events settled that Redis, asked later, never accepted: it lost them since the checkpoint."""
    for line in lines:
        key = (line.project_id, line.day)
        of_this_partition = key in reading.accepted
        counted = max(line.known, line.base + reading.accepted[key])
        if of_this_partition and line.settled > counted and not line.in_gap:
            return ROLLED_BACK
    return None


def describe_checkpoint(reading: Reading) -> Document:
    last = f"{reading.last.ms}-{reading.last.sequence}"
    return {"epoch": reading.mark.epoch, "lastId": last, "at": datetime.now(UTC)}


def record_gap(partition: int, row: CheckpointDocument, reading: Reading, loss: str) -> None:
    """Write the loss down and go on from what is known, in one transaction."""
    lost = transact(lambda session: _write_gap(session, partition, row, reading, loss))
    if lost is not None:
        log.error("stream_lost_events", partition=partition, kind=loss,
                  since=row["at"].isoformat(), events_at_most=lost)  # fmt: skip


def _write_gap(
    session: ClientSession, partition: int, row: CheckpointDocument, reading: Reading, loss: str
) -> int | None:
    """How many events that were known are gone, at most; None if another wrote it first."""
    now = datetime.now(UTC)
    same = {"_id": partition, "epoch": row["epoch"], "number": row["number"]}
    change = {"$set": {**describe_checkpoint(reading), "number": reading.mark.number}}
    checkpoints = collection(mongo.LEDGER_CHECKPOINTS)
    if not checkpoints.update_one(same, change, session=session).matched_count:
        return None
    lines = read_settled(session)
    partitions = dict(Project.objects.values_list("pk", "partition"))
    lost = 0
    updates = []
    for key in {*lines, *reading.accepted}:
        if partitions.get(key[0].hex()) != partition:
            continue
        change, missing = _rebase(lines.get(key) or Line(*key), reading, loss)
        lost += missing
        updates.append(
            UpdateOne(
                {"_id": line_id(key)},
                {"$set": change, "$setOnInsert": {"project": key[0], "day": key[1]}},
                upsert=True,
            )
        )
    if updates:
        collection(mongo.LEDGER).bulk_write(updates, session=session)
    gap: GapDocument = {
        "partition": partition,
        "kind": loss,
        "from": row["at"],
        "to": now,
        "lost": lost,
        "fromDay": EntryId.parse(row["lastId"].encode()).day,
        "toDay": max(reading.last.day, now_ms() // MS_PER_DAY),
    }
    typed(GapDocument, mongo.LEDGER_GAPS).insert_one(gap, session=session)
    return lost


def _rebase(line: Line, reading: Reading, loss: str) -> tuple[Document, int]:
    """The line, to which Redis adds what it counts from now on; and how many events are gone."""
    key = (line.project_id, line.day)
    count = reading.accepted[key]
    known = line.known + count if loss == EMPTIED else max(line.known, line.base + count)
    # At most: some of it waits still, or is being stored by a worker that had read it.
    missing = max(0, known - line.settled)
    change = {"accepted": known, "base": known - count, "lost": missing}
    return change, max(0, missing - line.lost_at_most - reading.waiting[key])


def describe_gaps() -> list[str]:
    """A sentence for each gap in the books, the oldest first."""
    return [
        f"gap: the Redis of partition {gap['partition']} was "
        f"{gap['kind'].replace('_', ' ')} between {format_moment(gap['from'], 'seconds')} and "
        f"{format_moment(gap['to'], 'seconds')}; of what was known, at most {gap['lost']} "
        "events are gone; what was accepted in between and not stored is not known"
        for gap in typed(GapDocument, mongo.LEDGER_GAPS).find().sort("to", 1)
    ]
