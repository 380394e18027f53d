"""The tables of many events of a bucket, counted column by column.

With many events arrays are faster than the dicts and lists of `summary.py`, with few of them they
are slower. Both say the same.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final, NamedTuple, TypeAlias

import numpy as np

from analytics.rollups.codec import (
    FORMAT,
    EncodedTable,
    Flags,
    Hashes,
    Integers,
    pack_array,
    pack_list,
    pack_strings,
)
from analytics.rollups.dimensions import BOT, TOTAL
from analytics.rollups.facts import CLIENT_FIELDS, SOURCE_FIELDS, TOTAL_HASH, Hit, hash_value
from analytics.rollups.sets import SetColumn
from analytics.rollups.uniques import EXACT_MAX, union_sketches

Rows: TypeAlias = tuple[Sequence[str], Integers | None]
"""The values of a table, in the order of their hashes, and the row of each event, from 1 on; 0: it
has none of the values. None: all events are in the one row, or there is none."""

# Without values: releases that know no bots add no such total up, and so lose no table of theirs.
TOTAL_KEY: Final[EncodedTable] = {"f": FORMAT, "h": pack_list([TOTAL_HASH], 8)}


class People(NamedTuple):
    """Of users, or of visitors, each once, ascending; and which of them, from 1 on, each event is
    of, or nobody: 0."""

    members: Hashes
    places: Integers


class Hits(NamedTuple):
    """The hits of a bucket as columns."""

    users: People
    visitors: People
    is_view: Flags


def tally_tables(
    turned: Sequence[tuple[Any, ...]], dimensions: Sequence[str]
) -> dict[str, EncodedTable]:
    """The total and a table for each of `dimensions` that has rows, of facts turned to columns."""
    _, all_hits, paths, names, countries, clients, sources, hostnames, bots = turned
    hits = _turn_hits(all_hits)
    rows_of = {
        "path": _number_rows(paths),
        "event": _number_rows(names),
        "country": _number_rows(countries),
        **dict(_number_fields(CLIENT_FIELDS, clients)),
        **dict(_number_fields(SOURCE_FIELDS, sources)),
        "hostname": _number_rows(hostnames),
        BOT: _number_rows(bots),
    }
    counts = _count_all(hits)
    tables = {TOTAL: {**TOTAL_KEY, **counts}}
    for field in dimensions:
        values, rows = rows_of[field]
        if values:
            columns = counts if rows is None else _count_rows(hits, rows, len(values))
            tables[field] = {**encode_keys(values), **columns}
    return tables


def encode_keys(values: Sequence[str]) -> EncodedTable:
    """The columns that follow from the values of a table's rows, in the order of their hashes."""
    if len(values) == 1:
        return _encode_key(values[0])
    hashes = list(map(hash_value, values))
    return {"f": FORMAT, "h": pack_list(hashes, 8), "s": pack_strings(values)}


@lru_cache(maxsize=1 << 11)
def _encode_key(value: str) -> EncodedTable:
    """As `encode_keys`, of one value."""
    return {"f": FORMAT, "h": pack_list([hash_value(value)], 8), "s": pack_strings([value])}


def _turn_hits(hits: Sequence[Hit]) -> Hits:
    users, visitors, views = zip(*hits, strict=True)
    return Hits(_rank(users), _rank(visitors), np.array(views, np.bool_))


def _rank(column: Sequence[int | None]) -> People:
    if None not in column:
        members, places = np.unique(np.array(column, np.uint64), return_inverse=True)
        return People(members, places + 1)
    known = np.array([member is not None for member in column])
    members, found = np.unique(
        np.array([member for member in column if member is not None], np.uint64),
        return_inverse=True,
    )
    places = np.zeros(len(column), np.int64)
    places[known] = found + 1
    return People(members, places)


def _number_rows(values: Sequence[str | None]) -> Rows:
    """The rows of a dimension, by its value in each event."""
    distinct = set(values)
    if len(distinct) == 1:
        (value,) = distinct
        return (() if value is None else (value,)), None
    ordered = sorted((value for value in distinct if value is not None), key=hash_value)
    row_of: dict[str | None, int] = {value: row for row, value in enumerate(ordered, 1)}
    row_of[None] = 0
    return ordered, np.fromiter(map(row_of.__getitem__, values), np.int64, len(values))


def _number_fields(
    fields: Sequence[str], keys: Sequence[tuple[str | None, ...]]
) -> Iterator[tuple[str, Rows]]:
    """The rows of each of `fields`, whose values are in the key of each event.

    A batch has few keys, and most events share the very same ones.
    """
    ids = list(map(id, keys))
    distinct = dict(zip(ids, keys, strict=True))
    number_of = dict(zip(distinct, range(len(distinct)), strict=True))
    numbers = np.fromiter(map(number_of.__getitem__, ids), np.int64, len(ids))
    for field, values in zip(fields, zip(*distinct.values(), strict=True), strict=True):
        ordered, rows = _number_rows(values)
        yield field, (ordered, None if rows is None else rows[numbers])


def _count_all(hits: Hits) -> EncodedTable:
    """The columns of a table with one row, in which all events are."""
    return {
        "v": pack_array(np.array([np.count_nonzero(hits.is_view)])),
        "e": pack_array(np.array([len(hits.is_view)])),
        **_encode_sets("u", np.array([len(hits.users.members)]), hits.users.members),
        **_encode_sets("w", np.array([len(hits.visitors.members)]), hits.visitors.members),
    }


def _count_rows(hits: Hits, rows: Integers, count: int) -> EncodedTable:
    """The columns of a table of so many rows."""
    return {
        "v": pack_array(np.bincount(rows[hits.is_view], minlength=count + 1)[1:]),
        "e": pack_array(np.bincount(rows, minlength=count + 1)[1:]),
        **_encode_sets("u", *_collect(hits.users, rows, count)),
        **_encode_sets("w", *_collect(hits.visitors, rows, count)),
    }


def _collect(people: People, rows: Integers, count: int) -> tuple[Integers, Hashes]:
    """How many are in each row, and who: ascending within a row, row after row."""
    bits = len(people.members).bit_length()
    pairs = rows << bits | people.places
    pairs.sort()
    is_first = np.ones(len(pairs), np.bool_)
    np.not_equal(pairs[1:], pairs[:-1], out=is_first[1:])
    pairs = pairs[is_first]
    found, places = pairs >> bits, pairs & ((1 << bits) - 1)
    is_counted = (found > 0) & (places > 0)
    if not is_counted.all():
        found, places = found[is_counted], places[is_counted]
    return np.bincount(found, minlength=count + 1)[1:], people.members[places - 1]


def _encode_sets(prefix: str, sizes: Integers, members: Hashes) -> dict[str, bytes]:
    large = np.flatnonzero(sizes > EXACT_MAX)
    if not len(large):
        return SetColumn(sizes, members, {}).encode(prefix)
    ends = np.cumsum(sizes)
    is_exact = sizes <= EXACT_MAX
    sketches = {
        row: union_sketches(members[ends[row] - sizes[row] : ends[row]], ())
        for row in large.tolist()
    }
    exact = members[np.repeat(is_exact, sizes)]
    return SetColumn(np.where(is_exact, sizes, 0), exact, sketches).encode(prefix)
