"""The tables of everything gathered, read column by column as an answer needs them."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from analytics.mongo import ROLLUP_CHUNKS
from analytics.rollups import (
    TOTAL,
    CorruptTable,
    EncodedTable,
    RankedRow,
    Uniques,
    counts_pieces,
    list_fields,
    rank,
    read_values,
    sets_pieces,
    sum_total,
    union_total,
)
from analytics.rollups.arrays import Hashes
from analytics.rollups.codec import SetChoice, choose_sets
from analytics.rollups.ranking import By
from reporting.answers import Counts
from reporting.gather import Gathered
from reporting.piece_cache import Columns, PieceCache
from reporting.snapshot import Snapshot
from reporting.stack import CountsStack, Rows, stack_counts, union_rows

Pieces = dict[bytes, dict[str, EncodedTable]]

# 20 bytes each: far below what one command may hold.
_FIND_PIECES = 50_000

_cache = PieceCache()


@dataclass(frozen=True, slots=True)
class Slice:
    """A table, or with `piece` the counts of one, whose values and sets are read when needed."""

    point: int
    encoded: EncodedTable
    run: int = -1  # index of its run; -1 for a loose table
    piece: bytes = b""


@dataclass(frozen=True, slots=True)
class TopList:
    """A page of rows in order, and how many rows the whole list has."""

    rows: list[RankedRow]
    total: int


class Tables:
    """Adds up the counts of `dimensions`, which are read at once, and more when asked.

    `is_exact` tells whether all people counted so far were counted exactly. Raises CorruptTable
    rather than answer less than everything.
    """

    def __init__(self, snapshot: Snapshot, gathered: Gathered, dimensions: Sequence[str]) -> None:
        self._snapshot = snapshot
        self._gathered = gathered
        self.is_exact = True
        ids = [
            (index, dimension, piece)
            for index, run in enumerate(gathered.runs)
            for dimension in dimensions
            for piece in counts_pieces(run.descriptor, dimension)
        ]
        wanted = dict.fromkeys(piece for _, _, piece in ids)
        pieces = self._read_pieces(wanted, dimensions, list_fields())
        self._slices: dict[str, list[Slice]] = {dimension: [] for dimension in dimensions}
        for index, dimension, piece in ids:
            encoded = pieces[piece].get(dimension)
            if encoded is not None:
                point = gathered.runs[index].point
                self._slices[dimension].append(Slice(point, encoded, index, piece))
        for loose in gathered.loose:
            for dimension in dimensions:
                if dimension in loose.tables:
                    self._slices[dimension].append(Slice(loose.point, loose.tables[dimension]))
        self._stacks: dict[str, CountsStack] = {}

    def count_points(self, points: int, *, people: bool) -> list[Counts]:
        """Add up the totals of each point; its people are 0 unless asked for."""
        counted: list[list[EncodedTable]] = [[] for _ in range(points)]
        for part in self._slices[TOTAL]:
            counted[part.point].append(part.encoded)
        sums = [sum_total(tables) for tables in counted]
        if not people:
            return [Counts(*counts) for counts in sums]
        sets: list[list[EncodedTable]] = [[] for _ in range(points)]
        for point, encoded in self._read_total_sets():
            sets[point].append(encoded)
        return [
            Counts(
                *counts,
                users=self._note(union_total(found, "users")),
                visitors=self._note(union_total(found, "visitors")),
            )
            for counts, found in zip(sums, sets, strict=True)
        ]

    def rank(
        self, dimension: str, *, by: By, limit: int, offset: int = 0, include_zero: bool
    ) -> TopList:
        """Find a page of the values of `dimension`."""
        slices, stack = self._slices[dimension], self._stack(dimension)
        ranking = rank(
            [stack.as_table()], by=by, limit=limit, offset=offset, include_zero=include_zero
        )
        found = stack.keys.find(ranking.hashes)
        _, first = np.unique(found.wanted, return_index=True)  # largest table first: few are read
        tables = stack.keys.tables_of(found.rows[first])
        sources = {index: slices[index] for index in np.unique(tables).tolist()}
        pieces = self._read_pieces(
            dict.fromkeys(part.piece for part in sources.values() if part.piece),
            [dimension],
            list_fields(counts=False, values=True),
        )
        values: dict[int, str] = {}
        for index, part in sources.items():
            encoded = pieces[part.piece][dimension] if part.piece else part.encoded
            hashes = ranking.hashes[found.wanted[first[tables == index]]]
            values.update(read_values(encoded, hashes))
        return TopList(ranking.page(values), ranking.total)

    def count_rows(
        self, dimension: str, hashes: Sequence[int], sets: SetChoice = True
    ) -> list[Counts]:
        """Add up views, events and people of chosen rows, in the order of `hashes`.

        Of `sets` that are not asked for, 0.
        """
        if not hashes:
            return []
        wanted = np.array(hashes, np.uint64)
        stack = self._stack(dimension)
        found = stack.keys.find(wanted)
        sums = stack.sum_rows(found, len(hashes))
        tables = self._read_sets(dimension, found, sets)
        people = {
            name: [self._note(uniques) for uniques in union_rows(tables, wanted, name)]
            for name in choose_sets(sets)
        }
        nobody = [0] * len(hashes)
        return [
            Counts(*counts, users=users, visitors=visitors)
            for counts, users, visitors in zip(
                sums, people.get("users", nobody), people.get("visitors", nobody), strict=True
            )
        ]

    def _note(self, uniques: Uniques) -> int:
        self.is_exact = self.is_exact and uniques.method == "exact"
        return uniques.count

    def _stack(self, dimension: str) -> CountsStack:
        if dimension not in self._stacks:
            slices = self._slices[dimension]
            slices.sort(key=lambda part: -len(part.encoded["h"]))
            self._stacks[dimension] = stack_counts([part.encoded for part in slices])
        return self._stacks[dimension]

    def _read_total_sets(self) -> Iterator[tuple[int, EncodedTable]]:
        points = {
            piece: run.point
            for run in self._gathered.runs
            for piece in sets_pieces(run.descriptor, TOTAL)
        }
        pieces = self._read_pieces(points, [TOTAL], list_fields(counts=False, sets=True))
        for piece, tables in pieces.items():
            yield points[piece], tables[TOTAL]
        for loose in self._gathered.loose:
            yield loose.point, loose.tables[TOTAL]

    def _read_sets(self, dimension: str, found: Rows, sets: SetChoice) -> list[EncodedTable]:
        """The sets of the tables that have some of the rows `found`, and of no others."""
        keys = self._stack(dimension).keys
        tables: list[EncodedTable] = []
        runs: dict[int, list[Hashes]] = {}
        present, starts = np.unique(keys.tables_of(found.rows), return_index=True)
        hashes = np.split(keys.hashes[found.rows], starts[1:])
        for index, of_table in zip(present.tolist(), hashes, strict=True):
            part = self._slices[dimension][index]
            if part.run < 0:
                tables.append(part.encoded)
            else:
                runs.setdefault(part.run, []).append(of_table)
        ids: dict[bytes, None] = {}
        for run, parts in runs.items():
            descriptor = self._gathered.runs[run].descriptor
            ids.update(dict.fromkeys(sets_pieces(descriptor, dimension, np.concatenate(parts))))
        columns = list_fields(counts=False, sets=sets)
        pieces = self._read_pieces(ids, [dimension], columns)
        return tables + [piece[dimension] for piece in pieces.values()]

    def _read_pieces(
        self, ids: Iterable[bytes], dimensions: Sequence[str], columns: Columns
    ) -> Pieces:
        """The tables of each piece. Raises CorruptTable when one is not there."""
        wanted = list(ids)
        pieces = _cache.get(wanted, dimensions, columns)
        fields = {f"t.{name}.{column}": 1 for name in dimensions for column in columns}
        unknown = (piece for piece in wanted if piece not in pieces)
        while part := list(islice(unknown, _FIND_PIECES)):
            for found in self._snapshot.find(ROLLUP_CHUNKS, {"_id": {"$in": part}}, fields):
                pieces[found["_id"]] = found["t"]
                _cache.put(found["_id"], dimensions, columns, found["t"])
            if missing := [piece for piece in part if piece not in pieces]:
                raise CorruptTable(f"{len(missing)} pieces are missing: {missing[0].hex()}, ...")
        return pieces
