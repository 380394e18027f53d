"""Which segments of a project are merged, and how their rows are cut anew.

A segment is *loose* if its visits are not those of the project's local days: it was cut for none,
or by other midnights. A merge brings loose rows to the segments that were cut for their days and
owners (leaves.py). It writes such a segment anew

- if it is small, or there is none yet;
- if the rows to come are OPEN_SHARE of it (of today's), or CLOSED_SHARE (of days that are over);
- if some have waited since before the last midnight.

What has to wait is put together again where it is in many small segments. So a late event costs
what its segment costs, once a night; and of the events of a day no more than a share are loose.

Neighbours become one: those of one month (or of today), where one has at most as many rows as those
that are written anyway, so that a row is written again as its segment doubles; and all of a month
that is over. The rows of today, to which more will come, are apart from those of closed days.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from columns.cuts import Box, Counts, count_by_day, split_owners
from columns.leaves import OPEN, Leaf, Leaves, Unit, shelf_of
from columns.segments import Segment

MIN_ROWS: Final = 20_000
MAX_ROWS: Final = 1_000_000
"""Of a segment that is cut: it is small below, and about the most."""
MOST_LOOSE: Final = 8
"""So many small loose segments of a project, or large ones, are put together."""
LARGE_ROWS: Final = 40_000
"""A loose segment that has as many is a large one."""
MOST_ROWS: Final = 2_000_000
"""Of the loose segments that one merge takes, and of those that it writes anew."""
MOST_SMALL: Final = 8
"""If more segments that were cut are small, they join their neighbours, however large."""
OPEN_SHARE: Final = 0.25
CLOSED_SHARE: Final = 0.05


@dataclass(frozen=True, slots=True)
class Group:
    """Units that are written anew together: whole leaves beside each other, or a unit of one."""

    leaves: Sequence[Leaf]
    units: Sequence[Unit]

    @property
    def segments(self) -> list[Segment]:
        return [unit.segment for unit in self.units if unit.segment]

    @property
    def newer(self) -> Counter[tuple[int, int]]:
        newer: Counter[tuple[int, int]] = Counter()
        for unit in self.units:
            newer.update(unit.newer)
        return newer

    @property
    def rows(self) -> int:
        return sum(unit.rows + unit.newer.total() for unit in self.units)


def is_due(segment: Segment, midnight: datetime) -> bool:
    """Whether a loose segment waits no more: its rows came before the last midnight of the project,
    or were cut by other days."""
    return segment.since < midnight or segment.cut is not None


def choose_loose(
    segments: Iterable[Segment], cut: Iterable[Segment], midnight: datetime
) -> list[Segment]:
    """The loose segments that one merge looks at: those that are due, then the smallest."""
    ids = {segment.id for segment in cut}
    loose = [each for each in segments if each.damaged_at is None and each.id not in ids]
    chosen: list[Segment] = []
    rows = 0
    for segment in sorted(loose, key=lambda each: (not is_due(each, midnight), each.rows)):
        rows += segment.rows
        if chosen and rows > MOST_ROWS:
            break
        chosen.append(segment)
    return chosen


def choose_groups(leaves: Leaves, due: Collection[tuple[int, int]]) -> list[Group]:
    """What is written anew, of loose rows that have joined their units; `due`: where they wait
    no more."""
    units = [(unit, leaf) for leaf in leaves.all for unit in leaf.units]
    worth = [pair for pair in units if _is_worth(*pair, leaves, due)]
    worth.sort(key=lambda pair: pair[0].rows / pair[0].newer.total())
    small = [leaf for leaf in leaves.all if leaf.is_whole and 0 < leaf.rows < MIN_ROWS]
    if is_forced := len(small) > MOST_SMALL:
        worth += [(leaf.units[0], leaf) for leaf in small]
    groups: list[Group] = []
    rows = 0
    for unit, leaf in worth:
        if any(unit in group.units for group in groups):
            continue
        group = _widen(leaves, leaf, groups, is_forced) if leaf.is_whole else Group([leaf], [unit])
        if len(group.units) == 1 and not unit.newer:
            continue
        rows += group.rows
        if groups and rows > MOST_ROWS:
            break
        groups.append(group)
    return groups


def _is_worth(unit: Unit, leaf: Leaf, leaves: Leaves, due: Collection[tuple[int, int]]) -> bool:
    rows = unit.newer.total()
    if not rows or unit.is_damaged:
        return False
    share = OPEN_SHARE if leaves.is_open(leaf) else CLOSED_SHARE
    return (
        unit.rows < MIN_ROWS or rows >= share * unit.rows or any(key in due for key in unit.newer)
    )


def _widen(leaves: Leaves, leaf: Leaf, groups: Iterable[Group], is_forced: bool) -> Group:
    """A whole leaf, and the neighbours that become one with it."""
    taken = {id(each) for group in groups for each in group.leaves}
    first = last = leaves.all.index(leaf)
    rows = leaf.all_rows
    while True:
        for at in (first - 1, last + 1):
            other = leaves.all[at] if 0 <= at < len(leaves.all) else None
            if other is None or id(other) in taken or not other.is_whole:
                continue
            if _may_join(leaves, leaf, rows, other, is_forced):
                first, last = min(first, at), max(last, at)
                rows += other.all_rows
                break
        else:
            found = leaves.all[first : last + 1]
            return Group(found, [each.units[0] for each in found])


def _may_join(leaves: Leaves, leaf: Leaf, rows: int, other: Leaf, is_forced: bool) -> bool:
    """Whether `rows`, of a leaf and its neighbours, are written with another one's."""
    are_small = rows < MIN_ROWS, other.all_rows < MIN_ROWS
    if rows + other.all_rows > MAX_ROWS:
        return False
    if all(are_small):
        return True
    if leaves.is_open(leaf) != leaves.is_open(other):
        return False
    if is_forced and any(are_small):
        return True
    shelf = leaves.shelf_of(other)
    if shelf is None or shelf != leaves.shelf_of(leaf):
        return False
    return other.all_rows <= rows or OPEN < shelf < leaves.month


def choose_taken(
    loose: Sequence[Segment], counts: Mapping[bytes, Counts], groups: Iterable[Group]
) -> list[Segment]:
    """The loose segments of which rows are written; none: it is not worth while.

    Those that have rows of a group, whose other rows wait in one segment. Others join it where
    they are small, or many.
    """
    keys = {key for group in groups for key in group.newer}
    taken = [segment for segment in loose if not keys.isdisjoint(counts[segment.id])]
    others = [segment for segment in loose if keys.isdisjoint(counts[segment.id])]
    small = [segment for segment in others if segment.rows < LARGE_ROWS]
    large = [segment for segment in others if segment.rows >= LARGE_ROWS]
    if taken or len(small) >= MOST_LOOSE:
        taken += small
    if len(large) >= MOST_LOOSE:
        taken += large
    return taken


def cut(counts: Counts, group: Group, today: int) -> Iterator[Box]:
    """The outputs of a group, with rows counted by day and owner: each row is in one of them.

    They end where a month ends or MAX_ROWS are reached, but never so that less than MIN_ROWS are
    left: days of fewer share one with their neighbours. A day of more than MAX_ROWS is split by
    its owners.
    """
    low, high = group.units[0].low, group.units[-1].high
    days = count_by_day(counts)
    if len(group.leaves[0].units) > 1:
        stretches = [_Stretch(min(days), max(days), days.total())]
    else:
        stretches = _list_stretches(days, today)
    for stretch in stretches:
        for box, _ in split_owners(counts, Box(stretch.first, stretch.last, low, high), MAX_ROWS):
            yield box


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Local days beside each other, and their rows."""

    first: int
    last: int
    rows: int


def _list_stretches(days: Counter[int], today: int) -> list[_Stretch]:
    stretches: list[_Stretch] = []
    open_rows = sum(rows for day, rows in days.items() if day >= today)
    for day in sorted(days):
        last = stretches[-1] if stretches else None
        if last and not _is_full(last, day, days[day], open_rows, today):
            stretches[-1] = _Stretch(last.first, day, last.rows + days[day])
        else:
            stretches.append(_Stretch(day, day, days[day]))
    return stretches


def _is_full(stretch: _Stretch, day: int, rows: int, open_rows: int, today: int) -> bool:
    """Whether a stretch ends before `day`, which has so many rows."""
    before, after = shelf_of(stretch.last, today), shelf_of(day, today)
    if before != after and after == OPEN and open_rows >= MIN_ROWS:
        return True
    if stretch.rows + rows > MAX_ROWS:
        return stretch.rows >= MIN_ROWS or max(stretch.rows, rows) > MAX_ROWS
    return stretch.rows >= MIN_ROWS and before != after
