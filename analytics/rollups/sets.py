"""A column of sets: for each row its exact members or its sketch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from analytics.rollups.codec import (
    SKETCH_FLAG,
    CorruptTable,
    Hashes,
    Integers,
    pack_array,
    pick_width,
)
from analytics.rollups.uniques import EXACT_MAX, same_sketch, union_sketches


@dataclass(frozen=True, slots=True, eq=False)
class SetColumn:
    """One set per row of a table."""

    sizes: Integers
    """Members of each exact set; 0 for a row with a sketch."""
    members: Hashes
    """Of the exact sets: ascending within a row, row after row."""
    sketches: dict[int, bytes]
    """Row number -> sketch, in the order of the rows."""

    def slice(self, start: int, stop: int) -> SetColumn:
        """Return rows `start` to `stop`, the latter not included."""
        before = int(self.sizes[:start].sum())
        sizes = self.sizes[start:stop]
        sketches = {
            row - start: sketch for row, sketch in self.sketches.items() if start <= row < stop
        }
        return SetColumn(sizes, self.members[before : before + int(sizes.sum())], sketches)

    def without(self, member: int) -> SetColumn:
        """Take a member out of every exact set; a sketch cannot forget."""
        gone = self.members == np.uint64(member)
        if not gone.any():
            return self
        rows = np.repeat(np.arange(len(self.sizes)), self.sizes)
        left = self.sizes - np.bincount(rows[gone], minlength=len(self.sizes))
        return SetColumn(left, self.members[~gone], self.sketches)

    def equals(self, other: SetColumn) -> bool:
        """Compare exact sets by their members and sketches by their state."""
        return (
            np.array_equal(self.sizes, other.sizes)
            and np.array_equal(self.members, other.members)
            and self.sketches.keys() == other.sketches.keys()
            and all(same_sketch(own, other.sketches[row]) for row, own in self.sketches.items())
        )

    def measure_rows(self) -> Integers:
        """Return the encoded bytes of each row."""
        lengths = self._code_lengths()
        size = self.sizes * 8 + pick_width(int(lengths.max(initial=0)))
        for row, sketch in self.sketches.items():
            size[row] += len(sketch)
        return size

    def encode(self, prefix: str) -> dict[str, bytes]:
        """Encode as the columns of `prefix`."""
        columns = {prefix + "l": pack_array(self._code_lengths())}
        if len(self.members):
            columns[prefix + "m"] = self.members.astype("<u8", copy=False).tobytes()
        if self.sketches:
            columns[prefix + "s"] = b"".join(self.sketches.values())
        return columns

    def _code_lengths(self) -> Integers:
        if not self.sketches:
            return self.sizes
        lengths = self.sizes.copy()
        for row, sketch in self.sketches.items():
            lengths[row] = SKETCH_FLAG | len(sketch)
        return lengths


def decode_sets(lengths: Integers, members: bytes, sketches: bytes) -> SetColumn:
    """Decode a column from its lengths and the bytes of both kinds. Raises CorruptTable."""
    sizes, found, sketch_bytes = lengths, {}, 0
    if len(lengths) and int(lengths.max()) >= SKETCH_FLAG:
        sketch_rows = np.flatnonzero(lengths >= SKETCH_FLAG)
        ends = np.cumsum(lengths[sketch_rows] ^ SKETCH_FLAG).tolist()
        starts, sketch_bytes = [0, *ends[:-1]], ends[-1]
        found = {
            row: sketches[start:stop]
            for row, start, stop in zip(sketch_rows.tolist(), starts, ends, strict=True)
        }
        sizes = np.where(lengths >= SKETCH_FLAG, 0, lengths)
    if len(sketches) != sketch_bytes or len(members) != 8 * int(sizes.sum()):
        raise CorruptTable(f"{len(members)} bytes of members, {len(sketches)} of sketches")
    return SetColumn(sizes, np.frombuffer(members, "<u8"), found)


def concatenate_sets(columns: Sequence[SetColumn]) -> SetColumn:
    """Put columns one below the other."""
    sketches: dict[int, bytes] = {}
    start = 0
    for column in columns:
        sketches.update((start + row, sketch) for row, sketch in column.sketches.items())
        start += len(column.sizes)
    return SetColumn(
        np.concatenate([column.sizes for column in columns]),
        np.concatenate([column.members for column in columns]),
        sketches,
    )


def union_rows(column: SetColumn, targets: Integers, rows: int) -> SetColumn:
    """Union the sets of the rows that go to the same one of `rows` rows, named by `targets`."""
    member_rows, members = _sort_pairs(np.repeat(targets, column.sizes), column.members, rows)
    sizes = np.bincount(member_rows, minlength=rows)
    sources: dict[int, list[bytes]] = {}
    for row, sketch in column.sketches.items():
        sources.setdefault(int(targets[row]), []).append(sketch)
    sketch_rows = sorted(sources.keys() | set(np.flatnonzero(sizes > EXACT_MAX).tolist()))
    if not sketch_rows:
        return SetColumn(sizes, members, {})
    ends = np.cumsum(sizes)
    sketches = {}
    for row in sketch_rows:
        exact = members[int(ends[row] - sizes[row]) : int(ends[row])]
        found = sources.get(row, [])
        alone = len(found) == 1 and not len(exact)
        sketches[row] = found[0] if alone else union_sketches(exact, found)
    exact_rows = np.ones(rows, np.bool_)
    exact_rows[sketch_rows] = False
    members = members[np.repeat(exact_rows, sizes)]
    return SetColumn(np.where(exact_rows, sizes, 0), members, sketches)


def _sort_pairs(rows: Integers, members: Hashes, row_count: int) -> tuple[Integers, Hashes]:
    """Order pairs by row, then member, and drop the repeats."""
    if not len(rows):
        return rows, members
    # One sort of row and leading bits of the member together takes a quarter of a lexsort.
    row_bits = max(row_count - 1, 1).bit_length()
    keys = rows.astype(np.uint64) << np.uint64(64 - row_bits) | members >> np.uint64(row_bits)
    order = np.argsort(keys)
    keys, sorted_rows, sorted_members = keys[order], rows[order], members[order]
    same_key = keys[1:] == keys[:-1]
    if np.any(same_key & (sorted_members[1:] != sorted_members[:-1])):
        # Two members of a row differ in their last bits only: sort for certain.
        order = np.lexsort((members, rows))
        sorted_rows, sorted_members = rows[order], members[order]
        same_key = sorted_rows[1:] == sorted_rows[:-1]
    first = np.ones(len(rows), np.bool_)
    first[1:] = ~(same_key & (sorted_members[1:] == sorted_members[:-1]))
    return sorted_rows[first], sorted_members[first]
