"""From stored events to the tables of each 15-minute bucket.

This runs inside the drain, for batches that may hold a thousand events of one project or one
event of each of a thousand projects. The tables are small either way, so plain dicts and sorted
lists beat numpy here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeAlias

from analytics.rollups.codec import (
    FORMAT,
    SKETCH_FLAG,
    EncodedTable,
    pack_list,
    pack_numbers,
    pack_strings,
)
from analytics.rollups.dimensions import BUCKET, DIMENSIONS, EPOCH, PAGEVIEW, TOTAL
from analytics.rollups.hashing import U64_MASK, hash_user, hash_value
from analytics.rollups.uniques import EXACT_MAX, make_sketch

_Hit: TypeAlias = tuple[int | None, int, bool]
"""What a row counts of an event: the user's hash if any, the visitor's, is it a pageview."""

_Row: TypeAlias = tuple[int, str, list[_Hit]]


def summarize(
    project: bytes, documents: Iterable[Mapping[str, Any]]
) -> dict[datetime, dict[str, EncodedTable]]:
    """Aggregate stored events of one project: bucket start (UTC) -> table name -> table.

    Buckets and tables without a row are left out; "total" is in every bucket. Takes 6 us an event
    for 1,000 of one bucket, 30 us for a bucket of one event. For more events than fit in memory,
    merge the tables of the parts: the result is the same.

    Raises TypeError for a naive timestamp.
    """
    buckets: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
    for document in documents:
        buckets[(document["timestamp"] - EPOCH) // BUCKET].append(document)
    return {
        EPOCH + number * BUCKET: _summarize_bucket(project, found)
        for number, found in buckets.items()
    }


def _summarize_bucket(
    project: bytes, documents: Sequence[Mapping[str, Any]]
) -> dict[str, EncodedTable]:
    hits: list[_Hit] = []
    by_field: list[tuple[str, defaultdict[str, list[_Hit]]]] = [
        (field, defaultdict(list)) for field in DIMENSIONS
    ]
    for document in documents:
        get = document.get
        user_id = get("userId")
        hit = (
            None if user_id is None else hash_user(project, user_id),
            document["visitor"] & U64_MASK,
            document["event"] == PAGEVIEW,
        )
        hits.append(hit)
        for field, rows in by_field:
            value = get(field)
            if value is not None:
                rows[value].append(hit)

    counts = _encode_counts([hits])
    tables = {TOTAL: {**_encode_key(""), **counts}}
    for field, rows in by_field:
        if len(rows) == 1:
            ((value, found),) = rows.items()
            # A row of all the events counts what the total does: every table of a lone event.
            columns = counts if len(found) == len(hits) else _encode_counts([found])
            tables[field] = {**_encode_key(value), **columns}
        elif rows:
            tables[field] = _encode_rows(rows)
    return tables


@lru_cache(maxsize=1 << 12)
def _encode_key(value: str) -> EncodedTable:
    """Encode the columns that follow from the value in a table of one row."""
    return {"f": FORMAT, "h": pack_list([hash_value(value)], 8), "s": pack_strings([value])}


def _encode_rows(rows: Mapping[str, list[_Hit]]) -> EncodedTable:
    ordered = sorted((hash_value(value), value) for value in rows)
    hashes = [key for key, _ in ordered]
    values = [value for _, value in ordered]
    return {
        "f": FORMAT,
        "h": pack_list(hashes, 8),
        "s": pack_strings(values),
        **_encode_counts([rows[value] for value in values]),
    }


def _encode_counts(rows: Sequence[list[_Hit]]) -> EncodedTable:
    """Encode views, events and sets, a row for each list of hits."""
    views: list[int] = []
    users: list[set[int]] = []
    visitors: list[set[int]] = []
    for hits in rows:
        if len(hits) == 1:
            ((user, visitor, is_view),) = hits
            views.append(int(is_view))
            users.append({user} if user is not None else set())
            visitors.append({visitor})
            continue
        user_column, visitor_column, view_column = zip(*hits, strict=True)
        views.append(sum(view_column))
        found = set(user_column)
        found.discard(None)
        users.append(found)
        visitors.append(set(visitor_column))
    return {
        "v": pack_numbers(views),
        "e": pack_numbers([len(hits) for hits in rows]),
        **_encode_sets("u", users),
        **_encode_sets("w", visitors),
    }


def _encode_sets(prefix: str, sets: Sequence[set[int]]) -> dict[str, bytes]:
    lengths: list[int] = []
    members: list[int] = []
    sketches: list[bytes] = []
    for found in sets:
        if len(found) <= EXACT_MAX:
            lengths.append(len(found))
            members += sorted(found)
        else:
            sketch = make_sketch(found)
            lengths.append(SKETCH_FLAG | len(sketch))
            sketches.append(sketch)
    columns = {prefix + "l": pack_numbers(lengths)}
    if members:
        columns[prefix + "m"] = pack_list(members, 8)
    if sketches:
        columns[prefix + "s"] = b"".join(sketches)
    return columns
