"""What verification finds of visits: those in a segment are not what its own rows make up."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Final

import duckdb

from columns.cuts import Cut
from columns.files.days import begin_of, day_of, index_days, list_midnights
from columns.files.engine import read_files
from columns.files.layout import TYPES, VISIT_TYPES
from columns.files.visits import work_out
from columns.segments import Segment
from upkeep.columns.differences import DESCRIBED, Difference

_COLUMNS: Final = ", ".join(f'"{name}"' for name in TYPES)
_VISITS: Final = ", ".join(f'"{name}"' for name in VISIT_TYPES)


def list_overlapping(segments: Sequence[Segment], zone: str, day: int) -> Iterator[Difference]:
    """Segments that share a local day of an owner with another one that was cut as they were.

    Questions take one of them for loose (`list_cut`): it costs time, and should never be.
    """
    held = [
        (each, each.cut.box)
        for each in segments
        if each.cut and each.cut.zone == zone and each.holds_visits(zone)
    ]
    for (one, box), (other, others) in combinations(held, 2):
        if box.overlaps(others):
            yield Difference(one.project_id, day, "overlapping", one.id.hex(), (other.id.hex(),))


def compare_visits(
    engine: duckdb.DuckDBPyConnection,
    segment: Segment,
    path: Path,
    from_ms: int,
    to_ms: int,
    day: int,
) -> tuple[int, list[Difference]]:
    """How many events of a segment, from..to, have another visit than its rows make up.

    And DESCRIBED of them. `path` is its file. A segment that was cut by midnights that are no more
    has none.
    """
    cut = segment.cut
    if cut is None or not cut.holds(cut.zone):
        return 0, []
    file = read_files([path])
    within = f'"timestamp" >= {from_ms} AND "timestamp" < {to_ms}'
    anew = _work_out(file, cut, from_ms, to_ms)
    engine.execute(
        f"""CREATE OR REPLACE TEMP TABLE anew AS
        SELECT id, {_VISITS} FROM ({anew}) WHERE {within}"""
    )
    engine.execute(
        f"""CREATE OR REPLACE TEMP TABLE differing AS
        SELECT DISTINCT id FROM (
            SELECT id, hash({_VISITS}) AS said, 1 AS side FROM anew
            UNION ALL
            SELECT id, hash({_VISITS}), -1 FROM {file} WHERE {within}
        ) GROUP BY id, said HAVING sum(side) != 0
        UNION
        SELECT id FROM {file} WHERE {within} AND NOT ({cut.box.select(cut.zone)})"""
    )
    [[count]] = engine.execute("SELECT count(*) FROM differing").fetchall()
    if not count:
        return 0, []
    told = f"id IN (SELECT id FROM differing ORDER BY id LIMIT {DESCRIBED})"
    said = _read(engine, f"SELECT id, {_VISITS} FROM anew WHERE {told}")
    found = _read(engine, f"SELECT id, {_VISITS} FROM {file} WHERE {within} AND {told}")
    return count, [
        Difference(segment.project_id, day, "visit", key.hex(), _list_changed(said.get(key), row))
        for key, row in sorted(found.items())
    ]


def _work_out(file: str, cut: Cut, from_ms: int, to_ms: int) -> str:
    """The rows of the whole local days that a stretch of time touches, with their visits."""
    first, last = day_of(from_ms, cut.zone), day_of(to_ms - 1, cut.zone)
    begin, end = begin_of(first, cut.zone), begin_of(last + 1, cut.zone)
    rows = f'(SELECT {_COLUMNS} FROM {file} WHERE "timestamp" >= {begin} AND "timestamp" < {end})'
    return work_out(rows, index_days(list_midnights(first, last, cut.zone)), VISIT_TYPES)


def _read(engine: duckdb.DuckDBPyConnection, select: str) -> dict[bytes, list[Any]]:
    return {bytes(key): row for key, *row in engine.execute(select).fetchall()}


def _list_changed(said: Sequence[Any] | None, held: Sequence[Any]) -> list[str]:
    """The columns that differ; none: the event is no row of what its segment was cut for."""
    pairs = zip(VISIT_TYPES, said or held, held, strict=True)
    return [column for column, left, right in pairs if left != right]
