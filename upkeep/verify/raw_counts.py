"""Count the raw events of neighbouring buckets."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.projects.policy import find_policy
from analytics.rollups import BOT, BUCKET, DIMENSIONS, TABLES, Table, summarize
from analytics.rollups.calendar import slot_moment
from upkeep.rollups.runs import Tables

# Buckets whose raw events are counted in one read.
BLOCK_BUCKETS = 16
_FIELDS = dict.fromkeys((*DIMENSIONS, BOT, "timestamp", "userId", "visitor"), 1)


def is_countable(project_id: bytes, bucket: datetime) -> bool:
    """Whether all raw events of a bucket are still there."""
    horizon = find_policy(project_id).raw_horizon
    return horizon is None or bucket >= horizon


def count_buckets(
    session: ClientSession, project_id: bytes, day: int, slots: range
) -> dict[datetime, Tables]:
    """The tables of neighbouring buckets, counted from their raw events."""
    events = collection(mongo.EVENTS).find(
        {"project": project_id, "timestamp": window_of(day, slots)}, _FIELDS, session=session
    )
    return {
        bucket: {name: Table.decode_all(encoded[name]) for name in TABLES if name in encoded}
        for bucket, encoded in summarize(project_id, events).items()
    }


def split_blocks(slots: Sequence[int]) -> Iterator[range]:
    """Ascending `slots` as ranges without gaps, of at most BLOCK_BUCKETS."""
    first = last = None
    for slot in slots:
        if first is None or last is None:
            first = slot
        elif slot != last + 1 or slot - first == BLOCK_BUCKETS:
            yield range(first, last + 1)
            first = slot
        last = slot
    if first is not None and last is not None:
        yield range(first, last + 1)


def window_of(day: int, slots: range) -> Document:
    return {"$gte": slot_moment(day, slots[0]), "$lt": slot_moment(day, slots[-1]) + BUCKET}
