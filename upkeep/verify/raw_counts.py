"""Count the raw events of neighbouring buckets."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.projects.policy import find_policy
from analytics.rollups import BUCKET, DIMENSIONS, TABLES, Table, summarize
from analytics.rollups.calendar import bucket_of
from upkeep.rollups.runs import Tables

# Buckets whose raw events are counted in one read.
BLOCK_BUCKETS = 16
_FIELDS = dict.fromkeys((*DIMENSIONS, "timestamp", "userId", "visitor"), 1)


def is_countable(project_id: bytes, bucket: datetime) -> bool:
    """Whether all raw events of a bucket are still there."""
    horizon = find_policy(project_id).raw_horizon
    return horizon is None or bucket >= horizon


def count_buckets(
    session: ClientSession, project_id: bytes, day: int, numbers: range
) -> dict[datetime, Tables]:
    """The tables of neighbouring buckets, counted from their raw events."""
    events = collection(mongo.EVENTS).find(
        {"project": project_id, "timestamp": window_of(day, numbers)}, _FIELDS, session=session
    )
    return {
        bucket: {name: Table.decode_all(encoded[name]) for name in TABLES if name in encoded}
        for bucket, encoded in summarize(project_id, events).items()
    }


def split_blocks(numbers: Sequence[int]) -> Iterator[range]:
    """Ascending `numbers` as ranges without gaps, of at most BLOCK_BUCKETS."""
    first = last = None
    for number in numbers:
        if first is None or last is None:
            first = number
        elif number != last + 1 or number - first == BLOCK_BUCKETS:
            yield range(first, last + 1)
            first = number
        last = number
    if first is not None and last is not None:
        yield range(first, last + 1)


def window_of(day: int, numbers: range) -> Document:
    return {"$gte": bucket_of(day, numbers[0]), "$lt": bucket_of(day, numbers[-1]) + BUCKET}
