"""Read the pieces of runs within a snapshot, those that this process knows from its memory."""

from collections.abc import Iterable, Sequence
from itertools import islice

from analytics.databases.mongo import ROLLUP_CHUNKS
from analytics.rollups import CorruptTable, EncodedTable
from reporting.rollups.piece_cache import Columns, PieceCache
from reporting.snapshot import Snapshot

Pieces = dict[bytes, dict[str, EncodedTable]]

# 20 bytes each: far below what one command may hold.
_FIND_PIECES = 50_000

cache = PieceCache()


def read_pieces(
    snapshot: Snapshot,
    ids: Iterable[bytes],
    dimensions: Sequence[str],
    columns: Columns,
    *,
    remember: bool = True,
) -> Pieces:
    """The tables of each piece. Raises CorruptTable when one is not there."""
    wanted = list(dict.fromkeys(ids))
    pieces = cache.get(wanted, dimensions, columns)
    fields = {f"t.{name}.{column}": 1 for name in dimensions for column in columns}
    unknown = (piece for piece in wanted if piece not in pieces)
    while part := list(islice(unknown, _FIND_PIECES)):
        for found in snapshot.find(ROLLUP_CHUNKS, {"_id": {"$in": part}}, fields):
            pieces[found["_id"]] = found["t"]
            if remember:
                cache.put(found["_id"], dimensions, columns, found["t"])
        if missing := [piece for piece in part if piece not in pieces]:
            raise CorruptTable(f"{len(missing)} pieces are missing: {missing[0].hex()}, ...")
    return pieces
