"""From stored events to the tables of each 15-minute bucket.

This runs inside the drain, for batches that may hold a thousand events of one project or one
event of each of a thousand projects. The tables are small either way, so plain dicts and sorted
lists beat numpy here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, Final, TypeAlias

from analytics.rollups.calendar import bucket_moment, bucket_of
from analytics.rollups.codec import (
    FORMAT,
    SKETCH_FLAG,
    EncodedTable,
    pack_list,
    pack_numbers,
    pack_strings,
)
from analytics.rollups.dimensions import BOT, DIMENSIONS, PAGEVIEW, TOTAL, name_bots_table
from analytics.rollups.hashing import TOTAL_HASH, U64_MASK, hash_user, hash_value
from analytics.rollups.uniques import EXACT_MAX, make_sketch

Hit: TypeAlias = tuple[int | None, int | None, bool]
"""What a row counts of an event: the hashes of user and visitor, if any, is it a pageview."""

Client: TypeAlias = tuple[str | None, str | None, str | None]
"""The values of CLIENT_FIELDS."""

Source: TypeAlias = tuple[str | None, str | None, str | None, str | None]
"""The values of SOURCE_FIELDS."""

Fact: TypeAlias = tuple[int, Hit, str, str, str | None, Client, Source, str | None, str | None]
"""All that the rollups ask of an event: bucket number, hit, path, event, country, client, source,
hostname, bot (None: it is of people).

What comes together is kept together: a batch has few clients and sources, so few groups of hits.
"""

CLIENT_FIELDS: Final = ("browser", "os", "device")
SOURCE_FIELDS: Final = ("referrer", "utmSource", "utmMedium", "utmCampaign")

_Group: TypeAlias = list[Hit]
_Turned: TypeAlias = Sequence[tuple[Any, ...]]


def make_hit(user_hash: int | None, visitor: int | None, is_view: bool) -> Hit:
    """Return the hit of an event of a (signed) visitor; None: it counts nobody."""
    return user_hash, None if visitor is None else visitor & U64_MASK, is_view


def summarize(
    project: bytes, documents: Iterable[Mapping[str, Any]]
) -> dict[datetime, dict[str, EncodedTable]]:
    """Aggregate stored events of one project, as `summarize_facts` does.

    For more events than fit in memory, merge the tables of the parts: the result is the same.
    Raises TypeError for a naive timestamp.
    """
    return summarize_facts(read_fact(project, document) for document in documents)


def summarize_facts(facts: Iterable[Fact]) -> dict[datetime, dict[str, EncodedTable]]:
    """Aggregate events of one project: bucket start (UTC) -> table name -> table.

    Buckets and tables without a row are left out; "total" is in every bucket, if need be of 0.
    """
    buckets: defaultdict[int, list[Fact]] = defaultdict(list)
    for fact in facts:
        buckets[fact[0]].append(fact)
    return {bucket_moment(bucket): _summarize_bucket(found) for bucket, found in buckets.items()}


def read_fact(project: bytes, document: Mapping[str, Any]) -> Fact:
    """What the rollups ask of a stored event."""
    get = document.get
    user_id = get("userId")
    user_hash = None if user_id is None else hash_user(project, user_id)
    return (
        bucket_of(document["timestamp"]),
        make_hit(user_hash, get("visitor"), document["event"] == PAGEVIEW),
        document["path"],
        document["event"],
        get("country"),
        (get("browser"), get("os"), get("device")),
        (get("referrer"), get("utmSource"), get("utmMedium"), get("utmCampaign")),
        get("hostname"),
        get(BOT),
    )


def _summarize_bucket(facts: Sequence[Fact]) -> dict[str, EncodedTable]:
    turned = _turn(facts)
    bots = turned[-1]
    if bots.count(None) == len(bots):
        return _make_tables(turned, DIMENSIONS)
    tables = {TOTAL: _NOBODY}
    if None in bots:
        tables = _make_tables(_turn([fact for fact in facts if fact[-1] is None]), DIMENSIONS)
        turned = _turn([fact for fact in facts if fact[-1] is not None])
    for name, table in _make_tables(turned, (*DIMENSIONS, BOT)).items():
        tables[name_bots_table(name)] = table
    return tables


def _turn(facts: Sequence[Fact]) -> _Turned:
    return tuple(zip(*facts, strict=True))


def _make_tables(turned: _Turned, dimensions: Sequence[str]) -> dict[str, EncodedTable]:
    """The total and a table for each of `dimensions` that has rows."""
    _, all_hits, paths, names, countries, clients, sources, hostnames, bots = turned
    hits = list(all_hits)
    rows_of = {
        "path": _group(paths, hits),
        "event": _group(names, hits),
        "country": _group(countries, hits),
        **dict(_regroup(CLIENT_FIELDS, _group(clients, hits))),
        **dict(_regroup(SOURCE_FIELDS, _group(sources, hits))),
        "hostname": _group(hostnames, hits),
    }
    if BOT in dimensions:
        rows_of[BOT] = _group(bots, hits)
    counts = _encode_counts([hits])
    tables = {TOTAL: {**_TOTAL_KEY, **counts}}
    for field in dimensions:
        rows = rows_of[field]
        rows.pop(None, None)
        if len(rows) == 1:
            ((value, found),) = rows.items()
            # A row of all the events counts what the total does: every table of a lone event.
            columns = counts if len(found) == len(hits) else _encode_counts([found])
            tables[field] = {**_encode_key(value), **columns}
        elif rows:
            tables[field] = _encode_rows(rows)
    return tables


def _group(values: Sequence[Any], hits: _Group) -> dict[Any, _Group]:
    """Return the hits of each value."""
    if len(set(values)) == 1:
        return {values[0]: hits}
    groups: defaultdict[Any, _Group] = defaultdict(list)
    for value, hit in zip(values, hits, strict=True):
        groups[value].append(hit)
    return groups


def _regroup(
    fields: Sequence[str], groups: Mapping[Any, _Group]
) -> Iterator[tuple[str, dict[Any, _Group]]]:
    """Return, for each field of the groups' keys, the hits of each of its values."""
    for place, field in enumerate(fields):
        rows: defaultdict[Any, _Group] = defaultdict(list)
        for key, hits in groups.items():
            rows[key[place]] += hits
        yield field, rows


@lru_cache(maxsize=1 << 11)
def _encode_key(value: str) -> EncodedTable:
    """Encode the columns that follow from the value in a table of one row."""
    return {"f": FORMAT, "h": pack_list([hash_value(value)], 8), "s": pack_strings([value])}


def _encode_rows(rows: Mapping[str, _Group]) -> EncodedTable:
    ordered = sorted((hash_value(value), value) for value in rows)
    hashes = [key for key, _ in ordered]
    values = [value for _, value in ordered]
    return {
        "f": FORMAT,
        "h": pack_list(hashes, 8),
        "s": pack_strings(values),
        **_encode_counts([rows[value] for value in values]),
    }


def _encode_counts(rows: Sequence[_Group]) -> EncodedTable:
    """Encode views, events and sets, a row for each list of hits."""
    views: list[int] = []
    users: list[set[int]] = []
    visitors: list[set[int]] = []
    for hits in rows:
        if len(hits) == 1:
            ((user, visitor, is_view),) = hits
            views.append(int(is_view))
            users.append({user} if user is not None else set())
            visitors.append({visitor} if visitor is not None else set())
            continue
        user_column, visitor_column, view_column = zip(*hits, strict=True)
        views.append(sum(view_column))
        for column, sets in ((user_column, users), (visitor_column, visitors)):
            found = set(column)
            found.discard(None)
            sets.append(found)
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


# Without values: releases that know no bots add no such total up, and so lose no table of theirs.
_TOTAL_KEY: Final[EncodedTable] = {"f": FORMAT, "h": pack_list([TOTAL_HASH], 8)}
_NOBODY: Final[EncodedTable] = {
    **_TOTAL_KEY,
    "v": pack_numbers([0]),
    "e": pack_numbers([0]),
    **_encode_sets("u", [set()]),
    **_encode_sets("w", [set()]),
}
