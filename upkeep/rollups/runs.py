"""Write, read and clear away runs (analytics/rollups/runs.py) in MongoDB.

The pieces of a run may be more than one transaction can hold. So they are written first, under
an entry in `rollup_garbage` that says "delete these"; the short transaction that makes a run
part of its unit deletes that entry. Whoever dies in between leaves garbage, and nothing else.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice

from bson import ObjectId, encode
from pymongo.client_session import ClientSession

from analytics.databases import mongo
from analytics.databases.documents import GarbageDocument, typed
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict
from analytics.rollups import (
    TABLES,
    WITHOUT_VALUES,
    CorruptTable,
    Descriptor,
    EncodedTable,
    Table,
    check_format,
    counts_pieces,
    list_tables,
    make_run_id,
    merge_encoded,
    pack_run,
    pack_summary,
    run_range,
    sets_pieces,
)
from upkeep.jobs.setbacks import COLLECT_GARBAGE, Turns

Tables = dict[str, Table]

MAX_INSERT_BYTES = 8 * 1024 * 1024
WRITE_TIME = timedelta(hours=1)
READ_PIECES = 2_000
# Longer than any report holds its snapshot.
READ_TIME = timedelta(minutes=2)


class MissingPiece(CorruptTable):
    """A run in force without one of its pieces: somebody else deleted it, or a disk lost it."""


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
        return self._take(*pack_run(make_run_id(), tables))

    def write_summary(self, tables: Mapping[str, EncodedTable]) -> Descriptor:
        """The same for one summary, without decoding it where it is small."""
        packed = pack_summary(make_run_id(), tables)
        return self._take(*packed) if packed else self.write(merge_columns([split(tables)]))

    def _take(self, descriptor: Descriptor, pieces: Sequence[Document]) -> Descriptor:
        self._run_ids.append(descriptor["r"])
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

    def adopt(self, session: ClientSession, replaced: Sequence[Descriptor] = ()) -> None:
        """In the transaction that changes the unit: keep what was written, discard `replaced`."""
        assert not self._pieces, "flush before the transaction"
        garbage = collection(mongo.ROLLUP_GARBAGE)
        if self._has_entry:
            kept = garbage.delete_one({"_id": self._entry, "collecting": None}, session=session)
            if not kept.deleted_count:
                raise Conflict("the run took too long to write")
        if replaced:
            entry = {
                "runs": [run["r"] for run in replaced],
                "dueAt": datetime.now(UTC) + READ_TIME,
            }
            garbage.insert_one(entry, session=session)


@dataclass(slots=True)
class Encoded:
    """Encoded tables of one dimension: those with counts and values, and those with sets."""

    counts: list[EncodedTable] = field(default_factory=list)
    sets: list[EncodedTable] = field(default_factory=list)


Columns = dict[str, Encoded]


def split(tables: Mapping[str, EncodedTable]) -> Columns:
    """The columns of a summary, whose tables hold counts, values and sets together."""
    return {dimension: Encoded([table], [table]) for dimension, table in tables.items()}


def read_columns(
    descriptors: Sequence[Descriptor],
    session: ClientSession | None = None,
    dimensions: Sequence[str] | None = None,
) -> list[Columns]:
    """The columns of each run, undecoded: of all its tables, or of some.

    Raises CorruptTable for a run of a later format, and MissingPiece.
    """
    for run in descriptors:
        check_format(run)
    pieces: dict[bytes, Document] = {}
    wanted = {
        piece: None
        for run in descriptors
        for dimension in dimensions or list_tables(run)
        for piece in (*counts_pieces(run, dimension), *sets_pieces(run, dimension))
    }
    for part in batched(wanted, READ_PIECES):
        found = collection(mongo.ROLLUP_CHUNKS).find({"_id": {"$in": part}}, session=session)
        pieces.update((bytes(piece["_id"]), piece["t"]) for piece in found)
    return [_gather(run, pieces, dimensions or list_tables(run)) for run in descriptors]


def _gather(
    run: Descriptor, pieces: Mapping[bytes, Document], dimensions: Sequence[str]
) -> Columns:
    columns: Columns = {}
    for dimension in dimensions:
        try:
            counts = [pieces[key].get(dimension) for key in counts_pieces(run, dimension)]
            sets = [pieces[key].get(dimension) for key in sets_pieces(run, dimension)]
        except KeyError as exc:
            raise MissingPiece(f"piece {exc.args[0].hex()} is missing") from None
        if any(counts):
            columns[dimension] = Encoded(list(filter(None, counts)), list(filter(None, sets)))
    return columns


def merge_columns(sources: Sequence[Columns]) -> Tables:
    """Add up runs and summaries, table by table."""
    tables: Tables = {}
    for dimension in TABLES:
        found = [source[dimension] for source in sources if dimension in source]
        if found:
            tables[dimension] = merge_split(
                [table for part in found for table in part.counts],
                [table for part in found for table in part.sets],
                values=dimension not in WITHOUT_VALUES,
            )
    return tables


def merge_split(
    counts: Sequence[EncodedTable], sets: Sequence[EncodedTable], *, values: bool
) -> Table:
    """Add up the tables of one name, whose counts and sets are apart."""
    left = merge_encoded(counts, values=values, sets=False)
    right = merge_encoded(sets, counts=False, values=False)
    return Table(left.hashes, left.views, left.events, left.values, right.users, right.visitors)


def batched(keys: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    iterator = iter(keys)
    while part := list(islice(iterator, size)):
        yield part


def collect_garbage() -> int:
    """Delete the runs that nobody adopted, or that were replaced; how many runs."""
    turns = Turns(COLLECT_GARBAGE)
    runs = 0
    garbage = typed(GarbageDocument, mongo.ROLLUP_GARBAGE)
    due = garbage.find({"dueAt": {"$lt": datetime.now(UTC)}})
    for entry in due:
        unit = str(entry["_id"])
        if not turns.is_resting(unit):
            with turns.attempt(unit):
                runs += _collect(entry)
    turns.end()
    return runs


def _collect(entry: GarbageDocument) -> int:
    garbage = collection(mongo.ROLLUP_GARBAGE)
    marked = garbage.update_one({"_id": entry["_id"]}, {"$set": {"collecting": True}})
    if not marked.matched_count:  # adopted at this very moment
        return 0
    for run_id in entry["runs"]:
        first, last = run_range(bytes(run_id))
        collection(mongo.ROLLUP_CHUNKS).delete_many({"_id": {"$gte": first, "$lte": last}})
    garbage.delete_one({"_id": entry["_id"]})
    return len(entry["runs"])
