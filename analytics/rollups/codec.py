"""The stored form of a table, format 1: a small document of packed columns.

A table is the aggregate of a set of events for one dimension: a row per value, keyed and ordered
by the value's 64-bit hash. Each column is a binary of its own, so that a reader projects only
what it needs (`list_fields`). All numbers are little-endian.

    f   int     FORMAT
    h   u64[n]  hash of the row's value, ascending, no two alike; n = len(h) / 8
    v   uint[n] pageviews of the row
    e   uint[n] events of the row
    s   msgpack array of n strings: the values; none in WITHOUT_VALUES tables, such as the total
    ul  uint[n] of each row's set of users: how many members (0 to 256) if it is exact,
                else 0x8000 + the bytes of its sketch
    um  u64[]   members of the exact sets, ascending within a row, row after row
    us  bytes   the sketches (DataSketches HLL, lg_k 12, HLL_4, compact), row after row
    wl, wm, ws  the same for the set of visitors

uint[n] is 1, 2, 4 or 8 bytes wide, the least that holds the largest number of that column of
that table: width = bytes / n. A column kept elsewhere is absent; `um`, `us`, `wm` and `ws` are
absent when empty, too. A table has at least one row.

A sketch needs at most 40 + 2,048 bytes and 4 for each exceptional register (2,100 bytes as a
rule, 18,472 at the very worst), so its length fits below 0x8000.

A row of the rollup of a million paths takes 8 + 1 + 1 bytes, its value and a byte or two, and
2 x (1 + 8) bytes for one user and one visitor.
"""

from __future__ import annotations

import sys
from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias

import msgspec
import numpy as np
from numpy.typing import NDArray

FORMAT: Final = 1
SKETCH_FLAG: Final = 0x8000

Hashes: TypeAlias = NDArray[np.uint64]
Integers: TypeAlias = NDArray[np.int64]
Values: TypeAlias = NDArray[np.object_]
Flags: TypeAlias = NDArray[np.bool_]

EncodedTable: TypeAlias = dict[str, Any]
"""Integers and bytes by field name, ready for BSON."""

SetName: TypeAlias = Literal["users", "visitors"]
SetChoice: TypeAlias = bool | SetName
"""Which sets to read: none, both, or the one named."""

SET_PREFIXES: Final[dict[SetName, str]] = {"users": "u", "visitors": "w"}

_WIDTHS: Final = (1, 2, 4, 8)
_ARRAY_CODES: Final = {1: "B", 2: "H", 4: "I", 8: "Q"}
_DTYPES: Final = {width: np.dtype(f"<u{width}") for width in _WIDTHS}
_decode_strings = msgspec.msgpack.Decoder(list[str]).decode

if sys.byteorder != "little":
    raise ImportError("rollups are packed in the machine's own order, which must be little-endian")


class CorruptTable(ValueError):
    """A stored table of another format, cut short, or read without a column it was asked for."""


def list_fields(
    *, counts: bool = True, values: bool = False, sets: SetChoice = False
) -> tuple[str, ...]:
    """List the fields that `Table.decode` with the same arguments needs, for a projection."""
    fields = ["f", "h"]
    if counts:
        fields += ["v", "e"]
    if values:
        fields.append("s")
    for name in choose_sets(sets):
        prefix = SET_PREFIXES[name]
        fields += [prefix + "l", prefix + "m", prefix + "s"]
    return tuple(fields)


def choose_sets(choice: SetChoice) -> tuple[SetName, ...]:
    """List the names of the sets that `choice` means."""
    if isinstance(choice, str):
        return (choice,)
    return ("users", "visitors") if choice else ()


def pick_width(largest: int) -> int:
    """Return the bytes that a number up to `largest` needs: 1, 2, 4 or 8."""
    return next(width for width in _WIDTHS if largest < 1 << (8 * width))


def pack_numbers(numbers: Sequence[int]) -> bytes:
    """Pack a non-empty uint[n] column from Python integers."""
    largest = max(numbers)
    return bytes(numbers) if largest < 256 else pack_list(numbers, pick_width(largest))


def pack_list(numbers: Sequence[int], width: int) -> bytes:
    """Pack Python integers, `width` bytes each."""
    return array(_ARRAY_CODES[width], numbers).tobytes()


def pack_array(numbers: Integers) -> bytes:
    """Pack a uint[n] column; an empty one is no bytes."""
    if not len(numbers):
        return b""
    return numbers.astype(f"<u{pick_width(int(numbers.max()))}").tobytes()


def read_numbers(encoded: Mapping[str, Any], field: str, rows: int) -> Integers:
    """Read a uint[n] column. Raises CorruptTable."""
    data = read_bytes(encoded, field)
    width, rest = divmod(len(data), rows)
    if rest or width not in _WIDTHS:
        raise CorruptTable(f"{len(data)} bytes in column {field} of {rows} rows")
    packed: NDArray[Any] = np.frombuffer(data, _DTYPES[width])
    return packed.astype(np.int64)


def join_numbers(tables: Sequence[Mapping[str, Any]], field: str, rows: Sequence[int]) -> Integers:
    """Read one uint[n] column of many tables, each of so many rows. Raises CorruptTable."""
    columns = [read_bytes(encoded, field) for encoded in tables]
    if [len(column) for column in columns] == list(rows):
        return np.frombuffer(b"".join(columns), np.uint8).astype(np.int64)
    return np.concatenate(
        [read_numbers(encoded, field, n) for encoded, n in zip(tables, rows, strict=True)]
    )


def read_hashes(encoded: Mapping[str, Any]) -> Hashes:
    """Read the keys of the rows. Raises CorruptTable, also for an unknown format."""
    return np.frombuffer(read_key_bytes(encoded), "<u8")


def read_key_bytes(encoded: Mapping[str, Any]) -> bytes:
    """Read the packed keys of the rows. Raises CorruptTable, also for an unknown format."""
    if encoded.get("f") != FORMAT:
        raise CorruptTable(f"table of format {encoded.get('f')!r}, not {FORMAT}")
    data = read_bytes(encoded, "h")
    if not data or len(data) % 8:
        raise CorruptTable(f"{len(data)} bytes of hashes")
    return data


def read_strings(encoded: Mapping[str, Any], rows: int) -> list[str]:
    """Read the values of the rows. Raises CorruptTable."""
    try:
        values = _decode_strings(read_bytes(encoded, "s"))
    except (msgspec.DecodeError, UnicodeDecodeError) as exc:
        raise CorruptTable(f"unreadable values: {exc}") from exc
    if len(values) != rows:
        raise CorruptTable(f"{len(values)} values for {rows} rows")
    return values


def pack_strings(values: Sequence[str]) -> bytes:
    """Pack the values of the rows."""
    return msgspec.msgpack.encode(values)


def make_values(values: Sequence[str]) -> Values:
    """Put strings in an array without numpy taking them for anything else."""
    column = np.empty(len(values), np.object_)
    column[:] = values
    return column


def read_bytes(encoded: Mapping[str, Any], field: str) -> bytes:
    """Read a column's bytes. Raises CorruptTable when the column is not there."""
    data = encoded.get(field)
    if not isinstance(data, bytes):
        raise CorruptTable(f"no column {field}")
    return data
