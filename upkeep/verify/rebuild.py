"""Replace rollups by what the raw events say."""

from collections.abc import Sequence

from bson import ObjectId
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import repeat
from analytics.rollups import BOTS_TOTAL, TOTAL, Descriptor, check_format, check_summary
from analytics.rollups.calendar import BUCKETS_PER_DAY, slot_moment
from upkeep.rollups.heads import DayChange, read_head
from upkeep.rollups.runs import RunWriter, Tables
from upkeep.verify.raw_counts import count_buckets, is_countable, split_blocks
from upkeep.verify.verify import _runs_of


def rebuild_day(project_id: bytes, day: int, slots: Sequence[int] = range(BUCKETS_PER_DAY)) -> int:
    """Replace the rollups of a day by what its raw events say, beside running drains.

    Of the whole day, or of some `slots`, ascending; those from before the raw horizon
    are left as they are.

    In one snapshot it reads the events, the ids of the summaries and the version of the head;
    one short transaction then replaces the runs where the version is unchanged and deletes
    exactly those summaries. Returns the number of events. Raises Conflict if the day keeps
    changing, and CorruptTable where a later release counted what this one knows nothing of.
    """
    return repeat(lambda: _rebuild_day(project_id, day, slots))


def _rebuild_day(project_id: bytes, day: int, wanted: Sequence[int]) -> int:
    writer = RunWriter()
    buckets: dict[int, list[Descriptor]] = {}
    events = 0
    with mongo.client().start_session(snapshot=True) as session:
        head = read_head(project_id, day, session)
        slots = [slot for slot in wanted if is_countable(project_id, slot_moment(day, slot))]
        if not slots:
            return 0
        replaced = _runs_of(head, slots)
        for run in replaced:
            check_format(run)
        summary_ids = _summary_ids(session, project_id, day, slots)
        for block in split_blocks(slots):
            counted = count_buckets(session, project_id, day, block)
            for slot in block:
                tables = counted.get(slot_moment(day, slot), {})
                buckets[slot] = [writer.write(tables)] if tables else []
                events += _events_of(tables)
    if not events and not summary_ids and head.version == 0:
        return 0
    DayChange(head, buckets, replaced, summary_ids).apply(writer)
    return events


def _summary_ids(
    session: ClientSession, project_id: bytes, day: int, slots: list[int]
) -> list[ObjectId]:
    buckets = [slot_moment(day, slot) for slot in slots]
    found = collection(mongo.SUMMARIES).find(
        {"project": project_id, "bucket": {"$in": buckets}}, {"_id": 1, "v": 1}, session=session
    )
    summaries = list(found)
    for summary in summaries:
        check_summary(summary)
    return [summary["_id"] for summary in summaries]


def _events_of(tables: Tables) -> int:
    counted = [tables[name].events for name in (TOTAL, BOTS_TOTAL) if name in tables]
    return sum(int(events.sum()) for events in counted if events is not None)
