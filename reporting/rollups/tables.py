"""The tables of everything gathered, added up and ranked, each column read when it is needed."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from analytics.rollups import (
    TOTAL,
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
from analytics.rollups.codec import Hashes, SetChoice, choose_sets
from analytics.rollups.ranking import By
from reporting.answers import Counts
from reporting.rollups.gather import Gathered
from reporting.rollups.names import name_tables
from reporting.rollups.piece_cache import Columns
from reporting.rollups.pieces import Pieces, read_pieces
from reporting.rollups.stack import CountsStack, Rows, stack_counts, union_rows
from reporting.snapshot import Snapshot


@dataclass(frozen=True, slots=True)
class Slice:
    """A table, or with `piece` the counts of one, whose values and sets are read when needed."""

    name: str
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
            (index, dimension, name, piece)
            for index, run in enumerate(gathered.runs)
            for dimension in dimensions
            for name in name_tables(dimension, gathered.bots, run.descriptor)
            for piece in counts_pieces(run.descriptor, name)
        ]
        pieces = self._read_pieces([(piece, name) for _, _, name, piece in ids], list_fields())
        self._slices: dict[str, list[Slice]] = {dimension: [] for dimension in dimensions}
        for index, dimension, name, piece in ids:
            encoded = pieces[piece].get(name)
            if encoded is not None:
                self._slices[dimension].append(Slice(name, encoded, index, piece))
        for dimension in dimensions:
            for name in name_tables(dimension, gathered.bots):
                self._slices[dimension] += [
                    Slice(name, loose.tables[name])
                    for loose in gathered.loose
                    if name in loose.tables
                ]
        self._stacks: dict[str, CountsStack] = {}

    def count_totals(self, *, people: bool) -> Counts:
        """Add up the total; its people are 0 unless asked for."""
        counts = sum_total(part.encoded for part in self._slices[TOTAL])
        if not people:
            return Counts(*counts)
        sets = self._read_total_sets()
        users, visitors = (
            self._note(union_total(sets, "users")),
            self._note(union_total(sets, "visitors")),
        )
        return Counts(*counts, users=users, visitors=visitors)

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
        largest = {index: slices[index] for index in np.unique(tables).tolist()}
        pieces = self._read_pieces(
            [(part.piece, part.name) for part in largest.values() if part.piece],
            list_fields(counts=False, values=True),
        )
        values: dict[int, str] = {}
        for index, part in largest.items():
            encoded = pieces[part.piece][part.name] if part.piece else part.encoded
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

    def _read_total_sets(self) -> list[EncodedTable]:
        bots = self._gathered.bots
        wanted = [
            (piece, name)
            for run in self._gathered.runs
            for name in name_tables(TOTAL, bots, run.descriptor)
            for piece in sets_pieces(run.descriptor, name)
        ]
        pieces = self._read_pieces(wanted, list_fields(counts=False, sets=True))
        return [pieces[piece][name] for piece, name in wanted] + [
            part.encoded for part in self._slices[TOTAL] if not part.piece
        ]

    def _read_sets(self, dimension: str, found: Rows, sets: SetChoice) -> list[EncodedTable]:
        """The sets of the tables that have some of the rows `found`, and of no others."""
        keys = self._stack(dimension).keys
        tables: list[EncodedTable] = []
        runs: dict[tuple[int, str], list[Hashes]] = {}
        present, starts = np.unique(keys.tables_of(found.rows), return_index=True)
        hashes = np.split(keys.hashes[found.rows], starts[1:])
        for index, of_table in zip(present.tolist(), hashes, strict=True):
            part = self._slices[dimension][index]
            if part.run < 0:
                tables.append(part.encoded)
            else:
                runs.setdefault((part.run, part.name), []).append(of_table)
        wanted: list[tuple[bytes, str]] = []
        for (run, name), parts in runs.items():
            descriptor = self._gathered.runs[run].descriptor
            ids = sets_pieces(descriptor, name, np.concatenate(parts))
            wanted += [(piece, name) for piece in ids]
        pieces = self._read_pieces(wanted, list_fields(counts=False, sets=sets))
        return tables + [pieces[piece][name] for piece, name in wanted]

    def _read_pieces(self, wanted: Iterable[tuple[bytes, str]], columns: Columns) -> Pieces:
        """The tables of some names in some pieces, and the other named ones that are there."""
        wanted = list(wanted)
        names = list(dict.fromkeys(name for _, name in wanted))
        return read_pieces(self._snapshot, (piece for piece, _ in wanted), names, columns)
