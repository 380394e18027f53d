"""Copy row groups from file to file without a look into them, and write the footer of the whole.

A row group is its column chunks, one after the other, and what the footer tells of them: where
each begins, how many values it has, the smallest and the largest. Only the places change.
"""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Final

from columns.files.layout import TEXT, TYPES
from exchange.formats import TIMES
from exchange.outgoing.parquet.thrift import (
    BINARY,
    I32,
    I64,
    LIST,
    STRUCT,
    TRUE,
    BadThrift,
    Reader,
    Struct,
    write_struct,
)

MAGIC: Final = b"PAR1"

# Numbers of fields, by parquet.thrift.
_SCHEMA, _ROWS, _GROUPS = 2, 3, 4  # of the file
_TYPE, _REPETITION, _NAME, _CHILDREN, _CONVERTED, _LOGICAL = 1, 3, 4, 5, 6, 10  # of the schema
_CHUNKS, _TOTAL_BYTES, _GROUP_ROWS, _GROUP_PLACE, _GROUP_BYTES = 1, 2, 3, 5, 6  # of a row group
_CHUNK_PLACE, _META = 2, 3  # of a column chunk
_PATH, _COMPRESSED, _DATA, _DICTIONARY = 3, 7, 9, 11  # of its metadata
# What lies elsewhere in the file, and nobody needs: indexes of pages, filters.
_ELSEWHERE_OF_CHUNK, _ELSEWHERE_OF_META = (4, 5, 6, 7), (10, 14, 15)

_INT64, _BYTE_ARRAY = 2, 6
_OPTIONAL = 1
_UTF8, _TIMESTAMP_MILLIS, _INT_64 = 0, 9, 18
_BLOCK = 1 << 20


class CannotCopy(Exception):
    """The file has not the columns that are wanted, as they are wanted."""


def read_footer(path: Path) -> Struct:
    """Raises BadThrift and OSError."""
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - 8))
        tail = file.read()
        length = int.from_bytes(tail[:4], "little")
        if tail[4:] != MAGIC or length > size - 12:
            raise BadThrift(f"{path.name} is no Parquet file")
        file.seek(size - 8 - length)
        return Reader(file.read(length)).read_struct()


def copy_groups(source: Path, columns: Sequence[str], to: IO[bytes]) -> list[bytes]:
    """Copy the row groups of a file to where `to` stands; what a footer tells of each.

    Of each group `columns` alone, in their order. Raises CannotCopy, before anything is written
    and BadThrift and OSError.
    """
    footer = read_footer(source)
    _check_columns(footer, columns)
    told: list[bytes] = []
    with source.open("rb") as file:
        for group in footer[_GROUPS][1][1]:
            told.append(write_struct(_copy_group(file, group, columns, to)))
    return told


def _check_columns(footer: Struct, columns: Sequence[str]) -> None:
    elements = footer[_SCHEMA][1][1][1:]
    known = {element[_NAME][1].decode(): element for element in elements}
    for name in columns:
        element = known.get(name, {})
        wanted = {_TYPE: _type_of(name), _REPETITION: _OPTIONAL}
        if any(element.get(number, (0, None))[1] != value for number, value in wanted.items()):
            raise CannotCopy(name)


def _copy_group(file: IO[bytes], group: Struct, columns: Sequence[str], to: IO[bytes]) -> Struct:
    chunks = {chunk[_META][1][_PATH][1][1][0].decode(): chunk for chunk in group[_CHUNKS][1][1]}
    begin = to.tell()
    moved = [_copy_chunk(file, chunks[name], to) for name in columns]
    uncompressed = sum(chunk[_META][1][6][1] for chunk in moved)
    made: Struct = {
        _CHUNKS: (LIST, (STRUCT, moved)),
        _TOTAL_BYTES: (I64, uncompressed),
        _GROUP_ROWS: group[_GROUP_ROWS],
        _GROUP_PLACE: (I64, begin),
        _GROUP_BYTES: (I64, to.tell() - begin),
    }
    return made


def _copy_chunk(file: IO[bytes], chunk: Struct, to: IO[bytes]) -> Struct:
    meta: Struct = dict(chunk[_META][1])
    places = [meta[number][1] for number in (_DATA, _DICTIONARY) if number in meta]
    first, size = min(place for place in places if place), meta[_COMPRESSED][1]
    shift = to.tell() - first
    file.seek(first)
    _copy_bytes(file, size, to)
    for number in _ELSEWHERE_OF_META:
        meta.pop(number, None)
    for number in (_DATA, _DICTIONARY):
        if number in meta:
            kind, place = meta[number]
            meta[number] = kind, place + shift if place else place
    kept = {n: value for n, value in chunk.items() if n not in _ELSEWHERE_OF_CHUNK}
    return {**kept, _CHUNK_PLACE: (I64, 0), _META: (STRUCT, meta)}


def _copy_bytes(file: IO[bytes], size: int, to: IO[bytes]) -> None:
    while size:
        block = file.read(min(size, _BLOCK))
        if not block:
            raise BadThrift("a column chunk ends too early")
        to.write(block)
        size -= len(block)


def make_footer(columns: Sequence[str], groups: Iterable[bytes], rows: int) -> bytes:
    """The end of a file that begins with MAGIC and has these row groups."""
    parsed = [Reader(group).read_struct() for group in groups]
    root: Struct = {_NAME: (BINARY, b"events"), _CHILDREN: (I32, len(columns))}
    footer: Struct = {
        1: (I32, 1),
        _SCHEMA: (LIST, (STRUCT, [root, *map(_describe, columns)])),
        _ROWS: (I64, rows),
        _GROUPS: (LIST, (STRUCT, parsed)),
        6: (BINARY, b"analytics-service exports version 1"),
    }
    written = write_struct(footer)
    return written + len(written).to_bytes(4, "little") + MAGIC


def _describe(name: str) -> Struct:
    element: Struct = {
        _TYPE: (I32, _type_of(name)),
        _REPETITION: (I32, _OPTIONAL),
        _NAME: (BINARY, name.encode()),
    }
    if name in TIMES:
        in_ms: Struct = {1: (STRUCT, {})}
        timestamp: Struct = {1: (TRUE, True), 2: (STRUCT, in_ms)}
        return {
            **element,
            _CONVERTED: (I32, _TIMESTAMP_MILLIS),
            _LOGICAL: (STRUCT, {8: (STRUCT, timestamp)}),
        }
    kind = TYPES.get(name, TEXT)
    if kind == TEXT:
        return {
            **element,
            _CONVERTED: (I32, _UTF8),
            _LOGICAL: (STRUCT, {1: (STRUCT, {})}),
        }
    return {**element, _CONVERTED: (I32, _INT_64)} if kind == "BIGINT" else element


def _type_of(name: str) -> int:
    return _INT64 if TYPES.get(name, TEXT) == "BIGINT" else _BYTE_ARRAY
