"""What open fuses hold back: it stays in the stream, and is tried again each minute."""

from collections.abc import Sequence

from pymongo.errors import PyMongoError

from ingestion.drain.fuse import TOO_MANY_LETTERS, Fuses
from ingestion.letters.capacity import count_room
from ingestion.store.plan import BatchPlan
from ingestion.store.prepare import PreparedEvent, prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.claims import Holding, claim_entries, hold_entries, holder_of
from ingestion.stream.consumers import this_consumer
from ingestion.stream.entries import ReadEntry, decode_entries

TRIED_ENTRIES = 20
TRIED_EVENTS = 100


def hold_back(partition: int, entries: Sequence[ReadEntry]) -> None:
    """Give entries to the holders of their projects."""
    by_project: dict[bytes, list[bytes]] = {}
    for read in entries:
        by_project.setdefault(read.entry.project_id, []).append(read.raw_id)
    for project_id, raw_ids in by_project.items():
        hold_entries(partition, holder_of(project_id), raw_ids)


def try_again(partition: int, fuses: Fuses) -> list[BatchPlan]:
    """Try the fuses that are due, and close those whose events can be stored now.

    What was stored on trial is returned; the entries themselves are still to be drained.
    """
    written: list[BatchPlan] = []
    for record in fuses.take_due():
        project_id = record["_id"]
        if record["reason"] == TOO_MANY_LETTERS:
            is_well = count_room(project_id) > 0
        else:
            is_well = _try_project(partition, project_id, written)
        if is_well:
            fuses.close(record)
        else:
            fuses.leave_open(record)
    return written


def _try_project(partition: int, project_id: bytes, written: list[BatchPlan]) -> bool:
    """Store a few of the events that are held back, and bury none of them."""
    owner = Holding(holder_of(project_id), TRIED_ENTRIES, 0)
    raw = claim_entries(partition, owner, str(this_consumer()), TRIED_ENTRIES)
    deliveries = dict.fromkeys([raw_id for raw_id, _ in raw], 2)
    entries = decode_entries(partition, raw, deliveries)
    events = prepare(entries)[:TRIED_EVENTS]
    refused = sum(not _try_event(partition, event, written) for event in events)
    if refused * 2 <= len(events):
        return True
    hold_back(partition, entries)
    return False


def _try_event(partition: int, event: PreparedEvent, written: list[BatchPlan]) -> bool:
    if event.failure:
        return False
    try:
        written.append(write_batch(partition, [event]))
    except PyMongoError:  # for good: what is of the moment is a StoreUnavailable
        return False
    return True
