"""Count the points of a series: what the runs, the day parts and the loose tables of each
add up to.

Runs never change. So what several of them add up to is remembered too, and a series that is
asked for again, or overlaps one that was, adds up what is new.
"""

from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b

from analytics.rollups import (
    DAY_PARTS,
    TOTAL,
    EncodedTable,
    counts_pieces,
    list_fields,
    merge_totals,
    run_of,
    sets_pieces,
    split_rows,
    sum_total,
    union_total,
)
from analytics.rollups.codec import Hashes
from reporting.answers import Counts
from reporting.questions.bots import Bots
from reporting.rollups.gather import DayParts, Gathered, Run
from reporting.rollups.names import name_tables
from reporting.rollups.pieces import cache, read_pieces
from reporting.snapshot import Snapshot

_COLUMNS = list_fields(counts=True, sets=True)


def count_points(snapshot: Snapshot, gathered: Gathered, points: int) -> tuple[list[Counts], bool]:
    """The counts of each point, and whether all people were counted exactly.

    Raises CorruptTable rather than count less than everything.
    """
    tables = _add_up_runs(snapshot, gathered, points)
    totals = name_tables(TOTAL, gathered.bots)
    for loose in gathered.loose:
        tables[loose.point] += [loose.tables[name] for name in totals if name in loose.tables]
    counts: list[Counts] = []
    is_exact = True
    for found in tables:
        users, visitors = (union_total(found, name) for name in ("users", "visitors"))
        is_exact = is_exact and users.method == visitors.method == "exact"
        counts.append(Counts(*sum_total(found), users.count, visitors.count))
    return counts, is_exact


def _add_up_runs(snapshot: Snapshot, gathered: Gathered, points: int) -> list[list[EncodedTable]]:
    """For each point the table, if there is anything, of all its runs and day parts."""
    names = _name_sums(gathered, points)
    known = cache.get(set(names.values()), [TOTAL], _COLUMNS)
    missing = {point for point in range(points) if names.get(point) not in known}
    tables: list[list[EncodedTable]] = [[] for _ in range(points)]
    for point, encoded in _read_totals(snapshot, gathered, missing):
        tables[point].append(encoded)
    for point, name in names.items():
        if point in missing:
            known[name] = {TOTAL: merge_totals(tables[point])}
            cache.put(name, [TOTAL], _COLUMNS, known[name])
        tables[point] = [known[name][TOTAL]]
    return tables


def _name_sums(gathered: Gathered, points: int) -> dict[int, bytes]:
    """What the sum of a point's runs is remembered by, for each point that has several."""
    added: list[list[bytes]] = [[] for _ in range(points)]
    for run in gathered.runs:
        added[run.point].append(run.id)
    for found in gathered.day_parts:
        added[found.point] += [found.id + bytes([number]) for number in found.numbers]
    bots = gathered.bots.encode()
    return {
        point: blake2b(b"".join(found), digest_size=16, person=bots).digest()
        for point, found in enumerate(added)
        if len(found) > 1
    }


def _read_totals(
    snapshot: Snapshot, gathered: Gathered, points: Collection[int]
) -> Iterator[tuple[int, EncodedTable]]:
    """The point and the totals of each run and day part of the wanted points."""
    runs = [run for run in gathered.runs if run.point in points]
    yield from _read_runs(snapshot, runs, gathered.bots)
    day_parts = [found for found in gathered.day_parts if found.point in points]
    for name in name_tables(DAY_PARTS, gathered.bots):
        yield from _read_day_parts(snapshot, day_parts, name, gathered.bots)


def _read_runs(
    snapshot: Snapshot, runs: Sequence[Run], bots: Bots
) -> Iterator[tuple[int, EncodedTable]]:
    found = [
        (run.point, name, _pieces_of(run, name))
        for run in runs
        for name in name_tables(TOTAL, bots, run.descriptor)
    ]
    names = list(dict.fromkeys(name for _, name, _ in found))
    ids = [piece for _, _, of_run in found for piece in of_run]
    pieces = read_pieces(snapshot, ids, names, _COLUMNS)
    for point, name, of_run in found:
        total: EncodedTable = {}
        for piece in of_run:
            total |= pieces[piece][name]
        yield point, total


def _read_day_parts(
    snapshot: Snapshot, day_parts: Sequence[DayParts], name: str, bots: Bots
) -> Iterator[tuple[int, EncodedTable]]:
    day_parts = [
        found for found in day_parts if name in name_tables(DAY_PARTS, bots, found.descriptor)
    ]
    ids = [piece for found in day_parts for piece in _pieces_of(found, name, found.keys)]
    # Once added up they are needed no more, and they would drive out all else.
    pieces = read_pieces(snapshot, ids, [name], _COLUMNS, remember=False)
    rows: dict[bytes, dict[int, EncodedTable]] = {}
    for piece, tables in pieces.items():
        of_run = rows.setdefault(run_of(piece), {})
        for number, row in split_rows(tables[name]):
            of_run[number] = of_run.get(number, {}) | row
    for found in day_parts:
        for number in found.numbers:
            if number in rows[found.id]:  # else nothing happened then
                yield found.point, rows[found.id][number]


def _pieces_of(run: Run, name: str, hashes: Hashes | None = None) -> list[bytes]:
    return counts_pieces(run.descriptor, name) + sets_pieces(run.descriptor, name, hashes)
