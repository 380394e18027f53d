"""Write, read and clear away runs (analytics/rollups/runs.py) in MongoDB.

The pieces of a run may be more than one transaction can hold. So they are written first, under
an entry in `rollup_garbage` that says "delete these"; the short transaction that makes a run
part of its unit deletes that entry. Whoever dies in between leaves garbage, and nothing else.
"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from bson import ObjectId, encode
from pymongo.client_session import ClientSession

from analytics import mongo
from analytics.mongo import Document, collection
from analytics.rollups import (
    TABLES,
    Descriptor,
    Table,
    counts_pieces,
    make_run_id,
    merge_encoded,
    pack_run,
    run_range,
    sets_pieces,
)

Tables = dict[str, Table]

MAX_INSERT_BYTES = 8 * 1024 * 1024
WRITE_TIME = timedelta(hours=1)
# Longer than any report holds its snapshot.
READ_TIME = timedelta(minutes=2)


class RunConflict(Exception):
    """Somebody else changed the unit meanwhile: nothing was changed, try again."""


class RunWriter:
    """Writes the runs of one change of a unit, which `adopt` then makes part of it."""

    def __init__(self) -> None:
        self._entry = ObjectId()
        self._has_entry = False
        self._run_ids: list[bytes] = []
        self._pieces: list[Document] = []
        self._pieces_bytes = 0

    def write(self, tables: Mapping[str, Table]) -> Descriptor:
        """Write a run that nobody sees yet; small ones go out together, by `flush`."""
        run_id = make_run_id()
        descriptor, pieces = pack_run(run_id, tables)
        self._run_ids.append(run_id)
        for piece in pieces:
            piece_bytes = len(encode(piece))
            if self._pieces_bytes + piece_bytes > MAX_INSERT_BYTES:
                self.flush()
            self._pieces.append(piece)
            self._pieces_bytes += piece_bytes
        return descriptor

    def flush(self) -> None:
        """Send what is still here; the entry that calls it garbage goes first."""
        if self._run_ids:
            collection(mongo.ROLLUP_GARBAGE).update_one(
                {"_id": self._entry},
                {
                    "$push": {"runs": {"$each": self._run_ids}},
                    "$set": {"dueAt": datetime.now(UTC) + WRITE_TIME},
                },
                upsert=True,
            )
            self._has_entry = True
            self._run_ids = []
        if self._pieces:
            collection(mongo.ROLLUP_CHUNKS).insert_many(self._pieces, ordered=False)
            self._pieces, self._pieces_bytes = [], 0

    def adopt(self, session: ClientSession, replaced: Sequence[Mapping[str, Any]] = ()) -> None:
        """In the transaction that changes the unit: keep what was written, discard `replaced`."""
        assert not self._pieces, "flush before the transaction"
        garbage = collection(mongo.ROLLUP_GARBAGE)
        if self._has_entry:
            kept = garbage.delete_one({"_id": self._entry, "collecting": None}, session=session)
            if not kept.deleted_count:
                raise RunConflict("the run took too long to write")
        if replaced:
            entry = {
                "runs": [run["r"] for run in replaced],
                "dueAt": datetime.now(UTC) + READ_TIME,
            }
            garbage.insert_one(entry, session=session)


def read_runs(
    descriptors: Sequence[Mapping[str, Any]], session: ClientSession | None = None
) -> list[Tables]:
    """The tables of each run, with all their columns."""
    wanted = {
        piece: None
        for run in descriptors
        for dimension in TABLES
        for piece in (*counts_pieces(run, dimension), *sets_pieces(run, dimension))
    }
    found = collection(mongo.ROLLUP_CHUNKS).find({"_id": {"$in": list(wanted)}}, session=session)
    pieces = {bytes(piece["_id"]): piece["t"] for piece in found}
    return [_assemble(run, pieces) for run in descriptors]


def _assemble(run: Mapping[str, Any], pieces: Mapping[bytes, Document]) -> Tables:
    tables: Tables = {}
    for dimension in TABLES:
        counts = [pieces.get(key, {}).get(dimension) for key in counts_pieces(run, dimension)]
        sets = [pieces.get(key, {}).get(dimension) for key in sets_pieces(run, dimension)]
        known = [part for part in counts if part]
        if known:
            left = merge_encoded(known, counts=True, values=True, sets=False)
            right = merge_encoded(
                [part for part in sets if part], counts=False, values=False, sets=True
            )
            tables[dimension] = Table(
                left.hashes, left.views, left.events, left.values, right.users, right.visitors
            )
    return tables


def collect_garbage() -> int:
    """Delete the runs that nobody adopted, or that were replaced; how many runs."""
    garbage = collection(mongo.ROLLUP_GARBAGE)
    runs = 0
    for entry in garbage.find({"dueAt": {"$lt": datetime.now(UTC)}}):
        marked = garbage.update_one({"_id": entry["_id"]}, {"$set": {"collecting": True}})
        if not marked.matched_count:  # adopted at this very moment
            continue
        for run_id in entry["runs"]:
            first, last = run_range(bytes(run_id))
            collection(mongo.ROLLUP_CHUNKS).delete_many({"_id": {"$gte": first, "$lte": last}})
            runs += 1
        garbage.delete_one({"_id": entry["_id"]})
    return runs
