"""Read and change the heads of days, in one short transaction (analytics/rollups/heads.py)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from bson import ObjectId
from pymongo.client_session import ClientSession
from pymongo.errors import DuplicateKeyError

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict, durable_transaction
from analytics.rollups import Descriptor
from analytics.rollups.heads import DayHead, day_key, heads_of, parse_head
from upkeep.rollups.runs import RunWriter


def read_head(project_id: bytes, day: int, session: ClientSession | None = None) -> DayHead:
    found = collection(mongo.ROLLUP_DAYS).find_one(
        {"_id": day_key(project_id, day)}, session=session
    )
    return parse_head(found) if found else DayHead(project_id, day)


def read_heads(
    project_id: bytes, days: range, session: ClientSession | None = None
) -> list[DayHead]:
    """The heads of a range of days, in order."""
    if not days:
        return []
    found = collection(mongo.ROLLUP_DAYS).find(heads_of(project_id, days), session=session)
    return [parse_head(row) for row in found.sort("_id")]


@dataclass(slots=True)
class DayChange:
    """New runs of some slots, in place of the summaries and runs they were made of."""

    head: DayHead
    buckets: dict[int, list[Descriptor]]
    replaced: Sequence[Descriptor]
    summary_ids: Sequence[ObjectId]

    def apply(self, writer: RunWriter) -> None:
        """One short transaction. Raises Conflict when the head or a summary changed."""
        writer.flush()
        try:
            with durable_transaction() as session:
                self._write(session, writer)
        except DuplicateKeyError as exc:
            raise Conflict("the head was made meanwhile") from exc

    def _write(self, session: ClientSession, writer: RunWriter) -> None:
        head = self.head
        heads = collection(mongo.ROLLUP_DAYS)
        key = day_key(head.project_id, head.day)
        now = datetime.now(UTC)
        if head.version == 0:
            made: Document = {
                "_id": key, "project": head.project_id, "day": head.day, "version": 1,
                "buckets": {str(slot): runs for slot, runs in self.buckets.items()},
                "dirty": True, "changedAt": now,
            }  # fmt: skip
            heads.insert_one(made, session=session)
        else:
            changes: Document = {f"buckets.{slot}": runs for slot, runs in self.buckets.items()}
            changed = heads.update_one(
                {"_id": key, "version": head.version},
                {"$set": {**changes, "dirty": True, "changedAt": now}, "$inc": {"version": 1}},
                session=session,
            )
            if not changed.matched_count:
                raise Conflict("the head changed meanwhile")
        if self.summary_ids:
            gone = collection(mongo.SUMMARIES).delete_many(
                {"_id": {"$in": list(self.summary_ids)}}, session=session
            )
            if gone.deleted_count != len(self.summary_ids):
                raise Conflict("a summary was compacted meanwhile")
        writer.adopt(session, self.replaced)
