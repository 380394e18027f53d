"""Reading tables of the total, of one row each, without the cost of arrays.

A time series reads hundreds of them. All functions take encoded tables, with the fields that
`list_fields` names, and raise CorruptTable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from analytics.rollups.codec import (
    FORMAT,
    SET_PREFIXES,
    SKETCH_FLAG,
    CorruptTable,
    EncodedTable,
    Hashes,
    SetName,
    pack_numbers,
    read_bytes,
    read_key_bytes,
)
from analytics.rollups.facts import TOTAL_HASH
from analytics.rollups.uniques import EXACT_MAX, Uniques, count_uniques, union_sketches

_TOTAL_KEY: Final = TOTAL_HASH.to_bytes(8, "little")


class Counts(NamedTuple):
    """Views and events of a row, or of the rows of one hash in several tables."""

    views: int
    events: int


def sum_total(tables: Iterable[Mapping[str, Any]]) -> Counts:
    """Add up the counts of tables of one row."""
    views = events = 0
    for encoded in tables:
        _check_one_row(encoded)
        views += int.from_bytes(read_bytes(encoded, "v"), "little")
        events += int.from_bytes(read_bytes(encoded, "e"), "little")
    return Counts(views, events)


def merge_totals(tables: Sequence[Mapping[str, Any]]) -> EncodedTable:
    """Return the table of one row that tables of one row with all columns add up to."""
    counts = sum_total(tables)
    merged = {
        "f": FORMAT,
        "h": _TOTAL_KEY,
        "v": pack_numbers([counts.views]),
        "e": pack_numbers([counts.events]),
    }
    for prefix in SET_PREFIXES.values():
        members, sketches = _collect(tables, prefix)
        merged |= _encode_set(prefix, members, sketches)
    return merged


def _encode_set(prefix: str, members: Hashes, sketches: Sequence[bytes]) -> EncodedTable:
    if not sketches:
        members = np.unique(members)
        if len(members) <= EXACT_MAX:
            length = {prefix + "l": pack_numbers([len(members)])}
            return length | ({prefix + "m": members.tobytes()} if len(members) else {})
    sketch = union_sketches(members, sketches)
    return {prefix + "l": pack_numbers([SKETCH_FLAG | len(sketch)]), prefix + "s": sketch}


def union_total(tables: Iterable[Mapping[str, Any]], name: SetName) -> Uniques:
    """Count the distinct users or visitors of tables of one row; 0 for no tables."""
    return count_uniques(*_collect(tables, SET_PREFIXES[name]))


def _collect(tables: Iterable[Mapping[str, Any]], prefix: str) -> tuple[Hashes, list[bytes]]:
    """The exact members, with repeats, and the sketches of tables of one row."""
    members: list[bytes] = []
    sketches: list[bytes] = []
    for encoded in tables:
        _check_one_row(encoded)
        length = int.from_bytes(read_bytes(encoded, prefix + "l"), "little")
        if length >= SKETCH_FLAG:
            sketches.append(read_bytes(encoded, prefix + "s"))
        elif length:
            members.append(read_bytes(encoded, prefix + "m"))
    return np.frombuffer(b"".join(members), "<u8"), sketches


def _check_one_row(encoded: Mapping[str, Any]) -> None:
    if len(read_key_bytes(encoded)) != 8:
        raise CorruptTable("not a table of one row")
