"""Many encoded tables of one dimension, read at once: their rows one below the other.

An answer reads hundreds of small tables, and a call into numpy for each of them would cost more
than the rows do. A value that several tables know has several rows here.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np

from analytics.rollups import Counts, EncodedTable, Table, Uniques, count_uniques
from analytics.rollups.codec import (
    SET_PREFIXES,
    Hashes,
    Integers,
    SetName,
    read_key_bytes,
    read_numbers,
)
from analytics.rollups.sets import SetColumn, decode_sets

_FILTER_BITS = 16
_FILTER_SHIFT = np.uint64(64 - _FILTER_BITS)


@dataclass(frozen=True, slots=True, eq=False)
class Rows:
    """Chosen rows of a stack: `rows` ascending, and for each the index of what was looked for."""

    rows: Integers
    wanted: Integers


@dataclass(frozen=True, slots=True, eq=False)
class Stack:
    """The keys of all rows, and where each table begins (and at the end, where all end)."""

    hashes: Hashes
    starts: Integers

    def find(self, wanted: Hashes) -> Rows:
        """Find every row whose key is one of `wanted`, which are all different."""
        order = np.argsort(wanted)
        ordered = wanted[order]
        # The leading bits rule out nearly every row for the price of one look-up.
        might_be = np.zeros(1 << _FILTER_BITS, np.bool_)
        might_be[ordered >> _FILTER_SHIFT] = True
        rows = np.flatnonzero(might_be[self.hashes >> _FILTER_SHIFT])
        if not len(rows):
            return Rows(rows, rows)
        keys = self.hashes[rows]
        places = np.minimum(np.searchsorted(ordered, keys), len(ordered) - 1)
        same = ordered[places] == keys
        return Rows(rows[same], order[places[same]])

    def tables_of(self, rows: Integers) -> Integers:
        """The index of the table that each of `rows` came from."""
        return np.searchsorted(self.starts, rows, side="right") - 1


def stack_keys(tables: Sequence[EncodedTable]) -> Stack:
    """Raises CorruptTable, as everything here does."""
    keys = [read_key_bytes(encoded) for encoded in tables]
    starts = np.fromiter(accumulate((len(key) // 8 for key in keys), initial=0), np.int64)
    return Stack(np.frombuffer(b"".join(keys), "<u8"), starts)


@dataclass(frozen=True, slots=True, eq=False)
class CountsStack:
    """The counts of all rows."""

    keys: Stack
    views: Integers
    events: Integers

    def as_table(self) -> Table:
        """For `rank`, to which repeated keys in any order are all one."""
        return Table(self.keys.hashes, self.views, self.events)

    def sum_rows(self, found: Rows, groups: int) -> list[Counts]:
        """Add up what was found of each of the keys looked for."""
        views, events = np.zeros(groups, np.int64), np.zeros(groups, np.int64)
        np.add.at(views, found.wanted, self.views[found.rows])
        np.add.at(events, found.wanted, self.events[found.rows])
        return [Counts(*pair) for pair in zip(views.tolist(), events.tolist(), strict=True)]


def stack_counts(tables: Sequence[EncodedTable]) -> CountsStack:
    keys = stack_keys(tables)
    return CountsStack(keys, _join(tables, "v", keys), _join(tables, "e", keys))


def union_rows(tables: Sequence[EncodedTable], hashes: Hashes, name: SetName) -> list[Uniques]:
    """Count the distinct members of the rows of each of `hashes` over all `tables`."""
    keys = stack_keys(tables)
    found = keys.find(hashes)
    column = _stack_sets(tables, keys, name)
    sketches: list[list[bytes]] = [[] for _ in hashes]
    for row, group in zip(found.rows.tolist(), found.wanted.tolist(), strict=True):
        if row in column.sketches:
            sketches[group].append(column.sketches[row])
    members = _select_members(column, found, len(hashes))
    return [count_uniques(*pair) for pair in zip(members, sketches, strict=True)]


def _select_members(column: SetColumn, found: Rows, groups: int) -> list[Hashes]:
    """The members of all rows of each group."""
    order = np.argsort(found.wanted, kind="stable")
    rows, wanted = found.rows[order], found.wanted[order]
    sizes = column.sizes[rows]
    first = (np.cumsum(column.sizes) - column.sizes)[rows]
    ends = np.cumsum(sizes)
    places = np.arange(int(ends[-1]) if len(ends) else 0) + np.repeat(first - ends + sizes, sizes)
    per_group = np.zeros(groups, np.int64)
    np.add.at(per_group, wanted, sizes)
    return np.split(column.members[places], np.cumsum(per_group)[:-1])


def _stack_sets(tables: Sequence[EncodedTable], keys: Stack, name: SetName) -> SetColumn:
    prefix = SET_PREFIXES[name]
    return decode_sets(
        _join(tables, prefix + "l", keys),
        _join_optional(tables, prefix + "m"),
        _join_optional(tables, prefix + "s"),
    )


def _join_optional(tables: Iterable[Mapping[str, Any]], field: str) -> bytes:
    return b"".join([encoded.get(field, b"") for encoded in tables])


_DTYPES = {width: np.dtype(f"<u{width}") for width in (1, 2, 4, 8)}


def _join(tables: Sequence[EncodedTable], field: str, keys: Stack) -> Integers:
    """One column of numbers, whatever the width of each table's own."""
    starts = keys.starts.tolist()
    column = np.empty(starts[-1], np.int64)
    for index, encoded in enumerate(tables):
        start, stop = starts[index], starts[index + 1]
        column[start:stop] = read_numbers(encoded, field, stop - start)
    return column
