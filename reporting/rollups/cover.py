"""Which stored units add up to a window: months, days, buckets, and raw edges at its ends.

Pure planning, without I/O, in the numbers of the rollups' calendar. An unbounded window is one
from its first bucket to its last.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, pairwise

from analytics.rollups import choose_day_parts
from analytics.rollups.calendar import (
    BUCKETS_PER_DAY,
    END_BUCKET,
    FIRST_BUCKET,
    bucket_at,
    bucket_moment,
    bucket_of,
    days_of_month,
    days_touched,
    is_aligned,
    month_of,
)
from analytics.rollups.heads import DayState, is_month_copied
from reporting.questions.query import Window


@dataclass(frozen=True, slots=True)
class Frame:
    """A window as whole buckets `[first, end)` and raw edges narrower than a bucket.

    `window` is what is counted: as asked, or wider where an edge is too old for raw events.
    """

    window: Window
    first: int
    end: int
    edges: tuple[Window, ...]

    @property
    def has_buckets(self) -> bool:
        return self.first < self.end

    @property
    def days(self) -> range:
        """The days that its buckets touch."""
        return days_touched(self.first, self.end)


@dataclass(slots=True)
class Units:
    """What to read: whole months and days, and of other days some day parts and slots.

    No bucket is in two of them.
    """

    months: list[int] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    day_parts: dict[int, list[int]] = field(default_factory=dict)
    slots: dict[int, Sequence[int]] = field(default_factory=dict)


def frame_window(window: Window, raw_horizon: datetime | None = None) -> Frame:
    """Cut a window at its first and last whole bucket.

    An edge that lies before `raw_horizon`, partly or all of it, is widened to its bucket.
    """
    start, end = window.start, window.end
    first, last = FIRST_BUCKET, END_BUCKET
    edges: list[Window] = []

    def is_gone(moment: datetime) -> bool:
        return raw_horizon is not None and moment < raw_horizon

    if start is not None:
        first = bucket_of(start)
        if not is_aligned(start):
            if is_gone(start):
                start = bucket_moment(first)
            else:
                edges.append(Window(start, _cut_edge(first, end)))
                first += 1
    if end is not None:
        last = bucket_of(end)
        if not is_aligned(end):
            bucket = bucket_moment(last)
            edge_start = bucket if start is None else max(bucket, start)
            if is_gone(edge_start):
                last += 1
                end = bucket_moment(last)
            elif edge_start == bucket:  # else the start edge holds it
                edges.append(Window(bucket, end))
    return Frame(Window(start, end), max(first, FIRST_BUCKET), last, tuple(edges))


def _cut_edge(bucket: int, end: datetime | None) -> datetime | None:
    """The end of an edge that begins within `bucket`."""
    if bucket + 1 >= END_BUCKET:
        return end
    following = bucket_moment(bucket + 1)
    return following if end is None else min(following, end)


def choose_units(
    frame: Frame,
    cuts: Sequence[int],
    states: Iterable[DayState],
    copies: Mapping[int, Mapping[str, int]],
    *,
    totals_only: bool = False,
) -> Units:
    """Cover the buckets of `frame` with the largest units there are.

    `states` are those of its days, ascending; `copies` the day versions that each month's copy is
    made of. No unit crosses one of `cuts`, the ascending buckets at which points begin. Day
    parts are used for `totals_only`: they count by no dimension.
    """
    units = Units()

    def fits(first: int, end: int) -> bool:
        inside = frame.first <= first and end <= frame.end
        return inside and bisect_right(cuts, first) == bisect_right(cuts, end - 1)

    for month, found in groupby(states, lambda state: month_of(state.day)):
        of_month = list(found)
        days = days_of_month(month)
        is_copied = is_month_copied(copies.get(month), of_month)
        if is_copied and fits(bucket_at(days.start), bucket_at(days.stop)):
            units.months.append(month)
            continue
        for state in of_month:
            first = bucket_at(state.day)
            if state.is_copied and fits(first, bucket_at(state.day + 1)):
                units.days.append(state.day)
                continue
            wanted = range(max(frame.first - first, 0), min(frame.end - first, BUCKETS_PER_DAY))
            if totals_only and state.is_copied and state.has_day_parts:
                _add_day_parts(units, state.day, wanted, cuts)
            elif wanted:
                units.slots[state.day] = wanted
    return units


def _add_day_parts(units: Units, day: int, wanted: range, cuts: Sequence[int]) -> None:
    """Cover the slots `wanted` of a day with its day parts, and what is narrower with slots."""
    first = bucket_at(day)
    inside = cuts[bisect_right(cuts, first + wanted.start) : bisect_left(cuts, first + wanted.stop)]
    borders = [wanted.start, *(cut - first for cut in inside), wanted.stop]
    day_parts: list[int] = []
    slots: list[int] = []
    for start, stop in pairwise(borders):
        covered, left = choose_day_parts(range(start, stop))
        day_parts += covered
        slots += left
    if day_parts:
        units.day_parts[day] = day_parts
    if slots:
        units.slots[day] = slots
