"""Answers out of many tables: top lists, totals, uniques of chosen rows.

A top list takes four steps, so that values and sets are read for the rows it shows only:
`rank` over all counts, `locate_values` and `read_values` for the candidates, `Ranking.page`,
then `sum_rows` and `union_sets` for the page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from heapq import nsmallest
from typing import Any, Final, Literal, TypeAlias

import numpy as np

from analytics.rollups.codec import Hashes, Integers, SetName, read_hashes, read_strings
from analytics.rollups.table import Table
from analytics.rollups.total import Counts
from analytics.rollups.uniques import Uniques, count_uniques

By: TypeAlias = Literal["views", "events"]

_SORT_BELOW_ROWS: Final = 1 << 14
_MIN_SLOT_BITS: Final = 12
_MAX_SLOT_BITS: Final = 20


@dataclass(frozen=True, slots=True)
class RankedRow:
    """A row of a top list; `count` is of what it was ranked by."""

    hash: int
    value: str
    count: int


@dataclass(frozen=True, slots=True, eq=False)
class Ranking:
    """The rows that may be on the asked page: its own, and all that tie with its first or last."""

    total: int
    """Rows of the whole list."""
    hashes: Hashes
    """Of the candidates, whose values `page` needs; in no order."""
    counts: Integers
    skip: int
    """Candidates that come before the page."""
    limit: int

    def page(self, values: Mapping[int, str]) -> list[RankedRow]:
        """Order by count, largest first, then by value, and cut out the page.

        `values` maps the hash of each candidate. Raises KeyError for a missing one.
        """
        hashes = self.hashes.tolist()
        rows = zip((-self.counts).tolist(), (values[key] for key in hashes), hashes, strict=True)
        ordered = nsmallest(self.skip + self.limit, rows)
        return [RankedRow(key, value, -count) for count, value, key in ordered[self.skip :]]


def rank(
    tables: Sequence[Table], *, by: By, limit: int, offset: int = 0, include_zero: bool = True
) -> Ranking:
    """Find the candidates of a page of the rows of all `tables` (one dimension, with counts).

    Without `include_zero`, rows that counted nothing are not in the list.
    """
    hashes, counts = sum_by_hash(
        np.concatenate([table.hashes for table in tables] or [np.empty(0, np.uint64)]),
        np.concatenate([_counts_of(table, by) for table in tables] or [np.empty(0, np.int64)]),
    )
    if not include_zero:
        hashes, counts = hashes[counts > 0], counts[counts > 0]
    total = len(hashes)
    if limit <= 0 or offset >= total:
        return Ranking(total, hashes[:0], counts[:0], 0, 0)
    # Positions from the small end: of the page's last row and of its first.
    last, first = max(total - offset - limit, 0), total - offset - 1
    borders = np.partition(counts, (last, first))
    lowest, highest = borders[last], borders[first]
    chosen = (counts >= lowest) & (counts <= highest)
    above = int(np.count_nonzero(counts > highest))
    return Ranking(total, hashes[chosen], counts[chosen], offset - above, limit)


def sum_by_hash(hashes: Hashes, counts: Integers) -> tuple[Hashes, Integers]:
    """Add up `counts` of equal hashes. Sums are exact below 2**53; the order is any.

    A hash serves as its own address, which is cheaper than sorting until the slots outgrow the
    processor's cache: of those that share a slot one owns it, and the others go around again
    with the next bits of theirs.
    """
    found: list[Hashes] = []
    sums: list[Integers] = []
    used_bits = 0
    while len(hashes) > _SORT_BELOW_ROWS:
        bits = _pick_slot_bits(hashes)
        if bits > _MAX_SLOT_BITS or used_bits + bits > 64:
            break
        slots = (hashes << np.uint64(used_bits) >> np.uint64(64 - bits)).view(np.int64)
        owners = np.zeros(1 << bits, np.uint64)
        owners[0] = nobody = ~np.uint64(0)
        owners[slots] = hashes
        taken = owners != 0
        taken[0] = owners[0] != nobody
        lost = np.flatnonzero(owners[slots] != hashes)
        slot_sums = np.bincount(slots, counts, 1 << bits)
        if len(lost):
            slot_sums -= np.bincount(slots[lost], counts[lost], 1 << bits)
        found.append(owners[taken])
        sums.append(slot_sums[taken].astype(np.int64))
        hashes, counts = hashes[lost], counts[lost]
        used_bits += bits
    if len(hashes):
        order = np.argsort(hashes)
        hashes = hashes[order]
        starts = np.flatnonzero(np.concatenate([[True], hashes[1:] != hashes[:-1]]))
        found.append(hashes[starts])
        sums.append(np.add.reduceat(counts[order], starts))
    return np.concatenate([hashes[:0], *found]), np.concatenate([counts[:0], *sums])


def _pick_slot_bits(hashes: Hashes) -> int:
    """Choose four slots or more for each distinct hash, estimated from one hash in 256."""
    last_bytes = hashes.view(np.uint8)[::8]
    distinct = 256 * len(np.unique(hashes[last_bytes == 0]))
    return max(distinct.bit_length() + 2, _MIN_SLOT_BITS)


def sum_rows(tables: Sequence[Table], hashes: Sequence[int]) -> list[Counts]:
    """Add up views and events of chosen rows over `tables`, in the order of `hashes`."""
    wanted = np.array(hashes, np.uint64)
    views, events = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
    for table in tables:
        rows, found = find_rows(table.hashes, wanted)
        views[found] += _counts_of(table, "views")[rows]
        events[found] += _counts_of(table, "events")[rows]
    return [Counts(*pair) for pair in zip(views.tolist(), events.tolist(), strict=True)]


def locate_values(tables: Sequence[Table], hashes: Hashes) -> dict[int, Hashes]:
    """Tell which tables' values to fetch: index in `tables` -> hashes to look up there.

    Each hash is named once, in the first table that has it: put large tables first.
    """
    located: dict[int, Hashes] = {}
    missing = np.sort(hashes)
    for index, table in enumerate(tables):
        if not len(missing):
            break
        _, found = find_rows(table.hashes, missing)
        if len(found):
            located[index] = missing[found]
            missing = np.delete(missing, found)
    return located


def read_values(encoded: Mapping[str, Any], hashes: Hashes) -> dict[int, str]:
    """Read the values of chosen rows: hash -> value, for those the table has.

    Needs the fields `f`, `h` and `s`. Raises CorruptTable.
    """
    keys = read_hashes(encoded)
    values = read_strings(encoded, len(keys))
    rows, _ = find_rows(keys, hashes)
    chosen = keys[rows].tolist()
    return {key: values[row] for key, row in zip(chosen, rows.tolist(), strict=True)}


def union_sets(tables: Sequence[Table], hashes: Sequence[int], name: SetName) -> list[Uniques]:
    """Count the distinct users or visitors of chosen rows over `tables`, in order of `hashes`.

    A row in none of the tables counts 0. Raises ValueError if a table lacks the sets.
    """
    wanted = np.array(hashes, np.uint64)
    members: list[list[Hashes]] = [[] for _ in hashes]
    sketches: list[list[bytes]] = [[] for _ in hashes]
    for table in tables:
        column = table.sets_of(name)
        if column is None:
            raise ValueError(f"a table without {name}")
        rows, found = find_rows(table.hashes, wanted)
        if not len(rows):
            continue
        ends = np.cumsum(column.sizes)
        for row, index in zip(rows.tolist(), found.tolist(), strict=True):
            if row in column.sketches:
                sketches[index].append(column.sketches[row])
            else:
                members[index].append(column.members[ends[row] - column.sizes[row] : ends[row]])
    nothing = np.empty(0, np.uint64)
    return [
        count_uniques(np.concatenate([nothing, *exact]), found)
        for exact, found in zip(members, sketches, strict=True)
    ]


def find_rows(keys: Hashes, wanted: Hashes) -> tuple[Integers, Integers]:
    """Look up `wanted` in ascending `keys`: rows of those there, and their indexes in `wanted`."""
    rows = np.searchsorted(keys, wanted)
    rows[rows == len(keys)] = 0
    found = np.flatnonzero(keys[rows] == wanted) if len(keys) else np.empty(0, np.int64)
    return rows[found], found


def _counts_of(table: Table, by: By) -> Integers:
    counts = table.views if by == "views" else table.events
    if counts is None:
        raise ValueError("a table without counts")
    return counts
