"""The day parts: the total of a day by half hours and by blocks of three hours.

Days of most time zones are not those of UTC. The copy of a day therefore has one table more, so
that any stretch of it is a few rows instead of the runs of up to 96 buckets. A row's key is the
number of its day part: 0 to 47 the half hours, 48 to 55 the blocks. It has no values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from analytics.rollups.codec import (
    SET_PREFIXES,
    SKETCH_FLAG,
    EncodedTable,
    Hashes,
    read_hashes,
    read_numbers,
)

HALF_HOUR_BUCKETS: Final = 2
BLOCK_BUCKETS: Final = 12
HALF_HOURS: Final = 48


def list_day_part_rows(slot: int, total: Mapping[str, Any]) -> list[EncodedTable]:
    """What the table of the total of a slot adds to the day parts."""
    numbers = (slot // HALF_HOUR_BUCKETS, HALF_HOURS + slot // BLOCK_BUCKETS)
    return [{**total, "h": number.to_bytes(8, "little")} for number in numbers]


def first_slot(day_part: int) -> int:
    """The first slot of a day part."""
    if day_part < HALF_HOURS:
        return day_part * HALF_HOUR_BUCKETS
    return (day_part - HALF_HOURS) * BLOCK_BUCKETS


def choose_day_parts(slots: range) -> tuple[list[int], list[int]]:
    """Cover slots of a day by the largest day parts inside, and what is left by single slots."""
    day_parts: list[int] = []
    single: list[int] = []
    slot = slots.start
    while slot < slots.stop:
        left = slots.stop - slot
        if not slot % BLOCK_BUCKETS and left >= BLOCK_BUCKETS:
            day_parts.append(HALF_HOURS + slot // BLOCK_BUCKETS)
            slot += BLOCK_BUCKETS
        elif not slot % HALF_HOUR_BUCKETS and left >= HALF_HOUR_BUCKETS:
            day_parts.append(slot // HALF_HOUR_BUCKETS)
            slot += HALF_HOUR_BUCKETS
        else:
            single.append(slot)
            slot += 1
    return day_parts, single


def split_rows(encoded: Mapping[str, Any]) -> Iterator[tuple[int, EncodedTable]]:
    """Take a table apart: the key of each row, and a table of that row alone.

    Reads the columns that are there, without values. Raises CorruptTable.
    """
    keys: Hashes = read_hashes(encoded)
    rows = len(keys)
    tables: list[EncodedTable] = [
        {"f": encoded["f"], "h": encoded["h"][8 * row : 8 * row + 8]} for row in range(rows)
    ]
    for name in ("v", "e"):
        if name in encoded:
            for table, column in zip(tables, _cut_evenly(encoded[name], rows), strict=True):
                table[name] = column
    for prefix in SET_PREFIXES.values():
        if prefix + "l" in encoded:
            _split_sets(encoded, prefix, tables)
    yield from zip(keys.tolist(), tables, strict=True)


def _split_sets(encoded: Mapping[str, Any], prefix: str, tables: list[EncodedTable]) -> None:
    name = prefix + "l"
    lengths = read_numbers(encoded, name, len(tables)).tolist()
    ends = {"m": 0, "s": 0}
    for table, length, column in zip(
        tables, lengths, _cut_evenly(encoded[name], len(tables)), strict=True
    ):
        table[name] = column
        kind, size = ("s", length ^ SKETCH_FLAG) if length >= SKETCH_FLAG else ("m", 8 * length)
        if size:
            start, ends[kind] = ends[kind], ends[kind] + size
            table[prefix + kind] = encoded[prefix + kind][start : ends[kind]]


def _cut_evenly(column: bytes, rows: int) -> list[bytes]:
    width = len(column) // rows
    return [column[start : start + width] for start in range(0, width * rows, width)]
