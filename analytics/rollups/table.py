"""Tables in memory: decode, merge, split, encode.

A `Table` is immutable; its arrays may be views of the bytes it was decoded from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np

from analytics.rollups.codec import (
    FORMAT,
    SET_PREFIXES,
    EncodedTable,
    Hashes,
    Integers,
    SetChoice,
    SetName,
    Values,
    choose_sets,
    make_values,
    pack_array,
    pack_strings,
    pick_width,
    read_hashes,
    read_numbers,
    read_strings,
)
from analytics.rollups.sets import SetColumn, decode_sets

OVERHEAD_BYTES: Final = 160
"""What an encoded table takes in BSON beside its rows, at most: names, types, lengths."""

_STRING_HEADER_BYTES: Final = 5


@dataclass(frozen=True, slots=True, eq=False)
class Table:
    """The counts of a set of events by one dimension, a row per value.

    A column that was not decoded is None. Counts, values and each set come and go together
    through `merge`, `split` and `encode`.
    """

    hashes: Hashes
    """Ascending, no two alike."""
    views: Integers | None = None
    events: Integers | None = None
    values: Values | None = None
    users: SetColumn | None = None
    visitors: SetColumn | None = None

    def __len__(self) -> int:
        return len(self.hashes)

    @classmethod
    def decode(
        cls,
        encoded: Mapping[str, Any],
        *,
        counts: bool = True,
        values: bool = False,
        sets: SetChoice = False,
    ) -> Table:
        """Read the columns asked for; `list_fields` names the stored fields they need.

        `sets` is True for both, or the name of one. Raises CorruptTable.
        """
        hashes = read_hashes(encoded)
        rows = len(hashes)
        chosen = choose_sets(sets)
        users, visitors = (
            _read_sets(encoded, prefix, rows) if name in chosen else None
            for name, prefix in SET_PREFIXES.items()
        )
        return cls(
            hashes=hashes,
            views=read_numbers(encoded, "v", rows) if counts else None,
            events=read_numbers(encoded, "e", rows) if counts else None,
            values=make_values(read_strings(encoded, rows)) if values else None,
            users=users,
            visitors=visitors,
        )

    @classmethod
    def decode_all(cls, encoded: Mapping[str, Any]) -> Table:
        """Read every column; of a total there are no values. Raises CorruptTable."""
        return cls.decode(encoded, counts=True, values="s" in encoded, sets=True)

    def encode(self) -> EncodedTable:
        """Return the stored form of the columns at hand. Raises ValueError when there is no row."""
        if not len(self):
            raise ValueError("a table without rows has no stored form")
        encoded: EncodedTable = {"f": FORMAT, "h": self.hashes.astype("<u8", copy=False).tobytes()}
        if self.views is not None:
            encoded["v"] = pack_array(self.views)
        if self.events is not None:
            encoded["e"] = pack_array(self.events)
        if self.values is not None:
            encoded["s"] = pack_strings(self.values.tolist())
        for name, prefix in SET_PREFIXES.items():
            column = self.sets_of(name)
            if column is not None:
                encoded.update(column.encode(prefix))
        return encoded

    def sets_of(self, name: SetName) -> SetColumn | None:
        """Return the column of users or of visitors."""
        return self.users if name == "users" else self.visitors

    def select(
        self, *, counts: bool = False, values: bool = False, sets: SetChoice = False
    ) -> Table:
        """Keep the columns named, to store counts and sets in documents of their own."""
        chosen = choose_sets(sets)
        return Table(
            hashes=self.hashes,
            views=self.views if counts else None,
            events=self.events if counts else None,
            values=self.values if values else None,
            users=self.users if "users" in chosen else None,
            visitors=self.visitors if "visitors" in chosen else None,
        )

    def slice(self, start: int, stop: int) -> Table:
        """Return rows `start` to `stop`, the latter not included."""
        return Table(
            hashes=self.hashes[start:stop],
            views=None if self.views is None else self.views[start:stop],
            events=None if self.events is None else self.events[start:stop],
            values=None if self.values is None else self.values[start:stop],
            users=None if self.users is None else self.users.slice(start, stop),
            visitors=None if self.visitors is None else self.visitors.slice(start, stop),
        )

    def split(self, max_bytes: int) -> list[Table]:
        """Cut into contiguous ranges of hashes of at most `max_bytes` encoded, each.

        A row larger than that (it may hold two sketches of 2 KiB) is a piece of its own.
        """
        if not len(self):
            return []
        ends = np.cumsum(self._measure_rows())
        room = max(max_bytes - OVERHEAD_BYTES, 1)
        pieces, start, used = [], 0, 0
        while start < len(self):
            stop = max(int(np.searchsorted(ends, used + room, side="right")), start + 1)
            pieces.append(self.slice(start, stop))
            start, used = stop, int(ends[stop - 1])
        return pieces

    @property
    def approx_bytes(self) -> int:
        """Bytes of the stored form: never too few, and few too many."""
        return int(self._measure_rows().sum()) + OVERHEAD_BYTES

    def equals(self, other: Table) -> bool:
        """Compare for verification: everything exactly, sketches by their registers."""
        plain = ("hashes", "views", "events", "values")
        if not all(_same_array(getattr(self, name), getattr(other, name)) for name in plain):
            return False
        return all(_same_sets(self.sets_of(name), other.sets_of(name)) for name in SET_PREFIXES)

    def _measure_rows(self) -> Integers:
        size = np.full(len(self), self.hashes.itemsize, np.int64)
        for counts in (self.views, self.events):
            if counts is not None:
                size += pick_width(int(counts.max(initial=0)))
        if self.values is not None:
            size += _measure_strings(self.values.tolist())
        for name in SET_PREFIXES:
            column = self.sets_of(name)
            if column is not None:
                size += column.measure_rows()
        return size


def _read_sets(encoded: Mapping[str, Any], prefix: str, rows: int) -> SetColumn:
    return decode_sets(
        read_numbers(encoded, prefix + "l", rows),
        encoded.get(prefix + "m", b""),
        encoded.get(prefix + "s", b""),
    )


def _same_array(one: np.ndarray[Any, Any] | None, other: np.ndarray[Any, Any] | None) -> bool:
    return one is other or (one is not None and other is not None and np.array_equal(one, other))


def _same_sets(one: SetColumn | None, other: SetColumn | None) -> bool:
    return one is other or (one is not None and other is not None and one.equals(other))


def _measure_strings(values: Sequence[str]) -> Integers:
    lengths = np.fromiter(map(len, values), np.int64, len(values))
    if len("".join(values).encode()) != int(lengths.sum()):
        lengths = np.fromiter((len(value.encode()) for value in values), np.int64, len(values))
    return lengths + _STRING_HEADER_BYTES
