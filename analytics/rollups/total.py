"""Reading tables of the total, of one row each, without the cost of arrays.

A time series reads hundreds of them. All functions take encoded tables, with the fields that
`list_fields` names, and raise CorruptTable.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np

from analytics.rollups.codec import (
    SET_PREFIXES,
    SKETCH_FLAG,
    CorruptTable,
    SetName,
    read_bytes,
    read_key_bytes,
)
from analytics.rollups.uniques import Uniques, count_uniques


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


def union_total(tables: Iterable[Mapping[str, Any]], name: SetName) -> Uniques:
    """Count the distinct users or visitors of tables of one row; 0 for no tables."""
    prefix = SET_PREFIXES[name]
    members: list[bytes] = []
    sketches: list[bytes] = []
    for encoded in tables:
        _check_one_row(encoded)
        length = int.from_bytes(read_bytes(encoded, prefix + "l"), "little")
        if length >= SKETCH_FLAG:
            sketches.append(read_bytes(encoded, prefix + "s"))
        elif length:
            members.append(read_bytes(encoded, prefix + "m"))
    return count_uniques(np.frombuffer(b"".join(members), "<u8"), sketches)


def _check_one_row(encoded: Mapping[str, Any]) -> None:
    if len(read_key_bytes(encoded)) != 8:
        raise CorruptTable("not a table of one row")
