"""From stored events to the tables of each 15-minute bucket.

This runs inside the drain, for batches that may hold a thousand events of one project or one
event of each of a thousand projects. With few events of a bucket plain dicts and sorted lists beat
numpy; many are for `tallies.py`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, TypeAlias

from analytics.rollups.calendar import bucket_moment
from analytics.rollups.codec import (
    EncodedTable,
    pack_list,
    pack_numbers,
)
from analytics.rollups.dimensions import (
    BOT,
    DIMENSIONS,
    FACTS_FORMAT,
    TABLES_FORMAT,
    TOTAL,
    name_bots_table,
)
from analytics.rollups.facts import (
    CLIENT_FIELDS,
    FEW_FACTS,
    SOURCE_FIELDS,
    Fact,
    Hit,
    group_by_bucket,
    hash_value,
    pack_facts,
    read_fact,
    unpack_facts,
)
from analytics.rollups.runs import check_summary
from analytics.rollups.tallies import TOTAL_KEY, encode_keys, tally_tables

MOST_FACTS: Final = 5_000  # that are added up at once, so that they do not fill the memory

MANY_FACTS: Final = 150
"""From so many on columns are faster. No set of fewer is more than an exact one."""

_Group: TypeAlias = list[Hit]
_Turned: TypeAlias = Sequence[tuple[Any, ...]]


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
    return {
        bucket_moment(bucket): _summarize_bucket(found)
        for bucket, found in group_by_bucket(facts).items()
    }


def make_summaries(facts: Iterable[Fact]) -> Iterator[dict[str, Any]]:
    """What the summary of each bucket says of a project's events: facts of few, tables of many."""
    for bucket, found in group_by_bucket(facts).items():
        moment = bucket_moment(bucket)
        if len(found) <= FEW_FACTS:
            yield {"bucket": moment, "v": FACTS_FORMAT, "facts": pack_facts(found)}
        else:
            yield {"bucket": moment, "v": TABLES_FORMAT, "tables": _summarize_bucket(found)}


def read_summaries(
    summaries: Iterable[Mapping[str, Any]],
) -> Iterator[tuple[datetime, Mapping[str, EncodedTable]]]:
    """The tables of a project's summaries, each with its bucket; facts are added up meanwhile.

    Raises CorruptTable, also for what a later release counted.
    """
    facts: list[Fact] = []
    for summary in summaries:
        check_summary(summary)
        if "facts" not in summary:
            yield summary["bucket"], summary["tables"]
            continue
        facts += unpack_facts(summary["facts"])
        if len(facts) >= MOST_FACTS:
            yield from summarize_facts(facts).items()
            facts.clear()
    yield from summarize_facts(facts).items()


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
    if len(turned[0]) >= MANY_FACTS:
        return tally_tables(turned, dimensions)
    return _count_tables(turned, dimensions)


def _count_tables(turned: _Turned, dimensions: Sequence[str]) -> dict[str, EncodedTable]:
    """As `tally_tables`, of few."""
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
    tables = {TOTAL: {**TOTAL_KEY, **counts}}
    for field in dimensions:
        rows = rows_of[field]
        rows.pop(None, None)
        if len(rows) == 1:
            ((value, found),) = rows.items()
            # A row of all the events counts what the total does: every table of a lone event.
            columns = counts if len(found) == len(hits) else _encode_counts([found])
            tables[field] = {**encode_keys((value,)), **columns}
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


def _encode_rows(rows: Mapping[str, _Group]) -> EncodedTable:
    ordered = sorted(rows, key=hash_value)
    return {**encode_keys(ordered), **_encode_counts([rows[value] for value in ordered])}


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
    columns = {prefix + "l": pack_numbers([len(found) for found in sets])}
    if members := [member for found in sets for member in sorted(found)]:
        columns[prefix + "m"] = pack_list(members, 8)
    return columns


_NOBODY: Final[EncodedTable] = {
    **TOTAL_KEY,
    "v": pack_numbers([0]),
    "e": pack_numbers([0]),
    **_encode_sets("u", [set()]),
    **_encode_sets("w", [set()]),
}
