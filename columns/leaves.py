"""The days of a project as leaves: each is what one segment was cut for, or some by their owners.

A day that no segment was cut for is taken in by a neighbour, if one may have it, or is of a new
leaf. So each loose row has one *unit*, the one segment whose rows it may join: two segments that
were cut never share a day and an owner.
"""

from bisect import bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from itertools import pairwise
from typing import Final

from columns.cuts import SHARES, Counts
from columns.segments import Segment

OPEN: Final = -1
_EPOCH: Final = date(1970, 1, 1).toordinal()


def shelf_of(day: int, today: int) -> int:
    """What may share a segment with other large ones: the closed days of a month, or the open."""
    return OPEN if day >= today else _month_of(day)


def _month_of(day: int) -> int:
    found = date.fromordinal(_EPOCH + day)
    return found.year * 12 + found.month


@dataclass(slots=True, eq=False)
class Unit:
    """A segment, or one that is to be, and the loose rows that may join it.

    `low` and `high`: the shares of owners that it may have; more than it was cut for where nobody
    else has them.
    """

    segment: Segment | None
    low: int = 0
    high: int = SHARES - 1
    newer: Counter[tuple[int, int]] = field(default_factory=Counter)

    @property
    def rows(self) -> int:
        return self.segment.rows if self.segment else 0

    @property
    def is_damaged(self) -> bool:
        return self.segment is not None and self.segment.damaged_at is not None


@dataclass(slots=True, eq=False)
class Leaf:
    """Days `first` to `last`, and its units by their owners.

    Several are of one large day; with a few rows of its neighbours, where they had no other place.
    """

    first: int
    last: int
    units: list[Unit]

    @property
    def rows(self) -> int:
        return sum(unit.rows for unit in self.units)

    @property
    def all_rows(self) -> int:
        """With those that join it."""
        return sum(unit.rows + unit.newer.total() for unit in self.units)

    @property
    def is_whole(self) -> bool:
        """Whether it can be cut by other days: it has one unit, and nothing is wrong with it."""
        return len(self.units) == 1 and not self.units[0].is_damaged

    def find_unit(self, share: int) -> Unit:
        return next((unit for unit in self.units if share <= unit.high), self.units[-1])


class Leaves:
    """The leaves of a project, by their days."""

    def __init__(self, cut: Iterable[Segment], today: int) -> None:
        self.today = today
        self.month = _month_of(today)
        self.all = list(_make_leaves(cut))

    def add(self, counts: Counts) -> None:
        """Have rows join their units."""
        for day in sorted({day for day, _ in counts}):
            self._take_in(day)
        firsts = [leaf.first for leaf in self.all]
        for (day, share), rows in counts.items():
            leaf = self.all[bisect_right(firsts, day) - 1]
            leaf.find_unit(share).newer[day, share] += rows

    def _take_in(self, day: int) -> None:
        """Have a leaf with this day."""
        at = bisect_right(self.all, day, key=lambda leaf: leaf.first)
        before = self.all[at - 1] if at else None
        after = self.all[at] if at < len(self.all) else None
        if before and day <= before.last:
            return
        fit = [leaf for leaf in (before, after) if leaf and self._may_have(leaf, day)]
        shelf = shelf_of(day, self.today)
        home = next((leaf for leaf in fit if self.shelf_of(leaf) == shelf), fit[0] if fit else None)
        if home is None:
            self.all.insert(at, Leaf(day, day, [Unit(None)]))
        else:
            home.first, home.last = min(home.first, day), max(home.last, day)

    def _may_have(self, leaf: Leaf, day: int) -> bool:
        return leaf.is_whole and self.is_open(leaf) == (day >= self.today)

    def is_open(self, leaf: Leaf) -> bool:
        return leaf.first >= self.today

    def shelf_of(self, leaf: Leaf) -> int | None:
        """None: its days are on more than one."""
        first, last = shelf_of(leaf.first, self.today), shelf_of(leaf.last, self.today)
        return first if first == last else None


def _make_leaves(cut: Iterable[Segment]) -> Iterator[Leaf]:
    boxes = sorted(
        ((segment.cut.box, segment) for segment in cut if segment.cut), key=lambda pair: pair[0]
    )
    leaf: Leaf | None = None
    for box, segment in boxes:
        if leaf and box.first <= leaf.last:
            leaf.last = max(leaf.last, box.last)
            leaf.units.append(Unit(segment, box.low))
            continue
        if leaf:
            yield _share_out(leaf)
        leaf = Leaf(box.first, box.last, [Unit(segment, box.low)])
    if leaf:
        yield _share_out(leaf)


def _share_out(leaf: Leaf) -> Leaf:
    """Have each share of the owners in one unit of a leaf."""
    leaf.units.sort(key=lambda unit: unit.low)
    leaf.units[0].low = 0
    for unit, following in pairwise(leaf.units):
        unit.high = following.low - 1
    return leaf
