"""Which segments of a project are merged, and how their rows are cut anew.

A segment is *loose* while it is fresh (cut for no days) or smaller than MIN_ROWS. A merge takes the
loose ones. Their rows are laid out by local day, and cut where a month ends or MAX_ROWS are
reached, but never so that less than MIN_ROWS are left: days of fewer share a segment with their
neighbours. The rows of today, to which more will come, are apart from those of closed days.

Of the other segments a merge takes those that lie in one month (or in today) for which it has at
least as many rows itself. So a row is written again only into a segment at least twice as large,
and a month's segments become one, or as many as it has millions of rows.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from columns.segments import Segment

MIN_ROWS: Final = 20_000
MAX_ROWS: Final = 1_000_000
MOST_LOOSE: Final = 8
"""So many loose segments of a project, or one from before its last midnight, are merged."""
MOST_ROWS: Final = 2_000_000
"""Of the loose segments that one merge takes."""

_OPEN: Final = -1
_EPOCH: Final = date(1970, 1, 1).toordinal()


@dataclass(frozen=True, slots=True)
class Group:
    """The rows of one output: of the local days `first` to `last`, in days since 1970.

    Cut into `parts` by the hash of the owner.
    """

    first: int
    last: int
    rows: int

    @property
    def parts(self) -> int:
        return -(-self.rows // MAX_ROWS)


def choose_loose(segments: Iterable[Segment]) -> list[Segment]:
    """The loose segments, as many as one merge takes, the smallest first; none: nothing to do."""
    loose = [
        segment
        for segment in segments
        if not segment.damaged_at and (segment.days is None or segment.rows < MIN_ROWS)
    ]
    chosen: list[Segment] = []
    rows = 0
    for segment in sorted(loose, key=lambda segment: segment.rows):
        rows += segment.rows
        if chosen and rows > MOST_ROWS:
            break
        chosen.append(segment)
    is_done = len(chosen) == 1 and chosen[0].days is not None
    return [] if is_done else chosen


def choose_more(
    counts: Mapping[int, int], chosen: Sequence[Segment], segments: Iterable[Segment], today: int
) -> list[Segment]:
    """The other segments that are to be merged with the chosen ones, which have `counts` by day."""
    rows: Counter[int] = Counter()
    for day, count in counts.items():
        rows[_shelf_of(day, today)] += count
    ids = {segment.id for segment in chosen}
    more = []
    for segment in sorted(segments, key=lambda segment: segment.rows):
        if segment.id in ids or segment.damaged_at or segment.days is None:
            continue
        first, last = (_shelf_of(day, today) for day in segment.days)
        # A cut carries less than MIN_ROWS over into the month that follows.
        room = MAX_ROWS - MIN_ROWS - rows[first]
        if first == last and segment.rows <= min(rows[first], room):
            rows[first] += segment.rows
            more.append(segment)
    return more


def cut(counts: Mapping[int, int], today: int) -> list[Group]:
    """The outputs for rows counted by day, ascending: each day is in one of them."""
    groups: list[Group] = []
    days = sorted(day for day, count in counts.items() if count)
    open_rows = sum(counts[day] for day in days if day >= today)
    for day in days:
        last = groups[-1] if groups else None
        if last and not _is_full(last, day, counts[day], open_rows, today):
            groups[-1] = Group(last.first, day, last.rows + counts[day])
        else:
            groups.append(Group(day, day, counts[day]))
    return groups


def _is_full(group: Group, day: int, rows: int, open_rows: int, today: int) -> bool:
    """Whether a group ends before `day`, which has so many rows."""
    before, after = _shelf_of(group.last, today), _shelf_of(day, today)
    if before != after and after == _OPEN and open_rows >= MIN_ROWS:
        return True
    return group.rows >= MIN_ROWS and (before != after or group.rows + rows > MAX_ROWS)


def _shelf_of(day: int, today: int) -> int:
    """What may share a segment with other large ones: the closed days of a month, or the open."""
    if day >= today:
        return _OPEN
    found = date.fromordinal(_EPOCH + day)
    return found.year * 12 + found.month
