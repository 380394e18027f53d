"""Runs: the tables of one unit (a bucket, a day, a month), in pieces small enough to write.

A run is immutable and has a random id of 12 bytes. Its pieces are documents
`{_id: run id + kind + dimension + number, t: {dimension: encoded table}}`. Counts and values are
in other pieces than sets, so that a ranking reads no sets. What is small is packed together;
what is large is split by hash range, and its sets finely, so that the sets of a few rows are
found without reading those of all.

A *descriptor* says where things are, and stands in the head of the unit:
`{"r": run id, "n": rows, "c": {dimension: pieces}, "s": {dimension: first hash of each piece}}`;
a dimension that is in neither `c` nor `s` is packed. A run without rows, such as the copy of a day
whose events were all erased, has no pieces. `"v"` is the format of its tables (TABLES_FORMAT), and
`"b"` true where there are tables of bots among them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from os import urandom
from typing import Any, Final, NotRequired, TypedDict

import numpy as np

from analytics.rollups.codec import CorruptTable, EncodedTable, Hashes, list_fields, read_key_bytes
from analytics.rollups.dimensions import (
    BOTS_TABLES,
    FACTS_FORMAT,
    PEOPLE_TABLES,
    TABLES,
    TABLES_FORMAT,
    WITHOUT_VALUES,
)
from analytics.rollups.table import Table


class Descriptor(TypedDict):
    """Where the pieces of a run are, as a head has it."""

    r: bytes
    n: int
    c: NotRequired[dict[str, int]]
    s: NotRequired[dict[str, bytes]]
    v: NotRequired[int]
    b: NotRequired[bool]


Piece = dict[str, Any]

RUN_ID_BYTES: Final = 12

_KIBIBYTE: Final = 1024
PACKED_COUNTS_BYTES: Final = 32 * _KIBIBYTE
PACKED_SETS_BYTES: Final = 16 * _KIBIBYTE
COUNTS_PIECE_BYTES: Final = 256 * _KIBIBYTE
SETS_PIECE_BYTES: Final = 16 * _KIBIBYTE

_COUNT_FIELDS: Final = list_fields(counts=True, values=True)
_TOTAL_FIELDS: Final = list_fields(counts=True)
_SET_FIELDS: Final = list_fields(counts=False, sets=True)
_COUNTS: Final = b"c"
_SETS: Final = b"s"
_PACKED: Final = b"\xff"
# A table's place here is its code in the ids of stored pieces: nothing but appending will do.
_CODED: Final = (
    "total", "path", "event", "referrer", "country", "browser", "os", "device",
    "utmSource", "utmMedium", "utmCampaign", "parts", "hostname",
    "bots_total", "bots_path", "bots_event", "bots_referrer", "bots_country", "bots_browser",
    "bots_os", "bots_device", "bots_utmSource", "bots_utmMedium", "bots_utmCampaign",
    "bots_hostname", "bots_bot", "bots_parts",
)  # fmt: skip
_CODES: Final = {name: bytes([code]) for code, name in enumerate(_CODED)}
_FIRST_HASH: Final = np.dtype("<u8")
_BOTS_TABLES: Final = frozenset(BOTS_TABLES)


def make_run_id() -> bytes:
    return urandom(RUN_ID_BYTES)


def pack_run(run_id: bytes, tables: Mapping[str, Table]) -> tuple[Descriptor, list[Piece]]:
    """The descriptor and the pieces of a run; `tables` have all their columns."""
    packed_counts: dict[str, Any] = {}
    packed_sets: dict[str, Any] = {}
    split_counts: dict[str, int] = {}
    split_sets: dict[str, bytes] = {}
    pieces: list[Piece] = []
    for dimension, table in tables.items():
        counts = table.select(counts=True, values=True)
        if counts.approx_bytes <= PACKED_COUNTS_BYTES:
            packed_counts[dimension] = counts.encode()
        else:
            parts = counts.split(COUNTS_PIECE_BYTES)
            split_counts[dimension] = len(parts)
            pieces += _number(run_id, _COUNTS, dimension, parts)
        sets = table.select(sets=True)
        if sets.approx_bytes <= PACKED_SETS_BYTES:
            packed_sets[dimension] = sets.encode()
        else:
            parts = sets.split(SETS_PIECE_BYTES)
            first = np.array([part.hashes[0] for part in parts], dtype=_FIRST_HASH)
            split_sets[dimension] = first.tobytes()
            pieces += _number(run_id, _SETS, dimension, parts)
    rows = sum(len(table) for table in tables.values())
    descriptor = _describe(run_id, rows, tables)
    if not descriptor["n"]:
        return descriptor, []
    for kind, packed in ((_COUNTS, packed_counts), (_SETS, packed_sets)):
        # Also where nothing is packed: a dimension that the run has not is looked for in it.
        pieces.append({"_id": run_id + kind + _PACKED + _sequence(0), "t": packed})
    if split_counts:
        descriptor["c"] = split_counts
    if split_sets:
        descriptor["s"] = split_sets
    return descriptor, pieces


def pack_summary(
    run_id: bytes, tables: Mapping[str, EncodedTable]
) -> tuple[Descriptor, list[Piece]] | None:
    """As `pack_run`, for a summary's encoded tables as they are; None if some are not small.

    Raises CorruptTable for tables of another format, whose columns we would drop.
    """
    counts: dict[str, Any] = {}
    sets: dict[str, Any] = {}
    rows = 0
    for dimension, table in tables.items():
        fields = _TOTAL_FIELDS if dimension in WITHOUT_VALUES else _COUNT_FIELDS
        counts[dimension] = {name: table[name] for name in fields}
        sets[dimension] = {name: table[name] for name in _SET_FIELDS if name in table}
        rows += len(read_key_bytes(table)) // _FIRST_HASH.itemsize
        too_large = (
            _bytes_of(counts[dimension]) > PACKED_COUNTS_BYTES
            or _bytes_of(sets[dimension]) > PACKED_SETS_BYTES
        )
        if too_large:
            return None
    pieces = [
        {"_id": run_id + _COUNTS + _PACKED + _sequence(0), "t": counts},
        {"_id": run_id + _SETS + _PACKED + _sequence(0), "t": sets},
    ]
    return _describe(run_id, rows, tables), pieces


def _describe(run_id: bytes, rows: int, tables: Iterable[str]) -> Descriptor:
    descriptor: Descriptor = {"r": run_id, "n": rows, "v": TABLES_FORMAT}
    if not _BOTS_TABLES.isdisjoint(tables):
        descriptor["b"] = True
    return descriptor


def check_format(descriptor: Mapping[str, Any] | Descriptor) -> None:
    """Raise CorruptTable for a run with tables that only a later release knows.

    Whoever adds it up, or puts something in its place, would lose them.
    """
    _check_version(descriptor.get("v", 1), TABLES_FORMAT)


def check_summary(summary: Mapping[str, Any]) -> None:
    """As `check_format`, of a summary."""
    _check_version(summary.get("v", 1), FACTS_FORMAT)


def _check_version(version: int, last: int) -> None:
    if version > last:
        raise CorruptTable(f"tables of format {version}, not {last}")


def has_bots(descriptor: Descriptor) -> bool:
    """Whether a run counts bots."""
    return bool(descriptor.get("b"))


def list_tables(descriptor: Descriptor) -> tuple[str, ...]:
    """The tables that a run may have, day parts left out."""
    return TABLES if has_bots(descriptor) else PEOPLE_TABLES


def _bytes_of(table: EncodedTable) -> int:
    return sum(len(column) for column in table.values() if isinstance(column, bytes))


def counts_pieces(descriptor: Descriptor, dimension: str) -> list[bytes]:
    """The ids of the pieces with the counts and values of a dimension."""
    parts = descriptor.get("c", {}).get(dimension)
    return _piece_ids(descriptor, _COUNTS, dimension, None if parts is None else range(parts))


def sets_pieces(
    descriptor: Descriptor, dimension: str, hashes: Hashes | None = None
) -> list[bytes]:
    """The ids of the pieces that hold the sets of the rows `hashes`, if there are such rows.

    `hashes` None: of all rows.
    """
    first = descriptor.get("s", {}).get(dimension)
    if first is None:
        return _piece_ids(descriptor, _SETS, dimension, None)
    starts = np.frombuffer(first, dtype=_FIRST_HASH)
    if hashes is None:
        return _piece_ids(descriptor, _SETS, dimension, range(len(starts)))
    found = np.unique(np.searchsorted(starts, hashes, side="right")) - 1
    return _piece_ids(descriptor, _SETS, dimension, found[found >= 0].tolist())


def run_of(piece: bytes) -> bytes:
    """The run that a piece belongs to, by the `_id` of the piece."""
    return bytes(piece[:RUN_ID_BYTES])


def run_range(run_id: bytes) -> tuple[bytes, bytes]:
    """The first and the last `_id` that a piece of the run may have, both as long as one."""
    if len(run_id) != RUN_ID_BYTES:
        raise ValueError(f"a run id has {RUN_ID_BYTES} bytes, not {len(run_id)}")
    return run_id + b"\x00" * 4, run_id + b"\xff" * 4


def _piece_ids(
    descriptor: Descriptor, kind: bytes, dimension: str, numbers: Iterable[int] | None
) -> list[bytes]:
    run_id = bytes(descriptor["r"])
    if not descriptor["n"]:
        return []
    if numbers is None:
        return [run_id + kind + _PACKED + _sequence(0)]
    prefix = run_id + kind + _CODES[dimension]
    return [prefix + _sequence(number) for number in numbers]


def _number(run_id: bytes, kind: bytes, dimension: str, parts: Sequence[Table]) -> Iterator[Piece]:
    prefix = run_id + kind + _CODES[dimension]
    for number, part in enumerate(parts):
        yield {"_id": prefix + _sequence(number), "t": {dimension: part.encode()}}


def _sequence(number: int) -> bytes:
    return number.to_bytes(2, "big")
