"""Which stored units add up to a window: months, days, buckets, and raw edges at its ends.

Pure planning, without I/O. Buckets and days are numbered from 1970, months from year 0. Events
lie between 1970 and the end of the calendar, so an unbounded window is one between the two.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise

from analytics.rollups import choose_parts
from analytics.rollups.dimensions import BUCKET, EPOCH, bucket_number
from reporting.questions.query import Window

BUCKETS_PER_DAY = timedelta(days=1) // BUCKET
FIRST_BUCKET = 0
END_BUCKET = bucket_number(datetime.max.replace(tzinfo=UTC)) + 1

_DAY = timedelta(days=1)


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
        return range(self.first // BUCKETS_PER_DAY, -(-self.end // BUCKETS_PER_DAY))


@dataclass(frozen=True, slots=True)
class Head:
    """The state of a day: its version, and of which version its copy is (None: no copy)."""

    day: int
    version: int
    copied_version: int | None
    has_parts: bool = False

    @property
    def is_copied(self) -> bool:
        return self.copied_version == self.version


@dataclass(slots=True)
class Units:
    """What to read: whole months and days, and of other days some parts and buckets.

    Parts and buckets are numbered within their day. No bucket is in two of them.
    """

    months: list[int] = field(default_factory=list)
    days: list[int] = field(default_factory=list)
    parts: dict[int, list[int]] = field(default_factory=dict)
    buckets: dict[int, Sequence[int]] = field(default_factory=dict)


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
        first = bucket_number(start)
        if not is_aligned(start):
            if is_gone(start):
                start = bucket_moment(first)
            else:
                edges.append(Window(start, _cut_edge(first, end)))
                first += 1
    if end is not None:
        last = bucket_number(end)
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
    heads: Iterable[Head],
    copies: Mapping[int, Mapping[str, int]],
    *,
    totals_only: bool = False,
) -> Units:
    """Cover the buckets of `frame` with the largest units there are.

    `heads` are those of its days, ascending; `copies` the day versions that each month's copy is
    made of. No unit crosses one of `cuts`, the ascending buckets at which points begin. Parts
    of days are used for `totals_only`: they count by no dimension.
    """
    units = Units()

    def fits(first: int, end: int) -> bool:
        inside = frame.first <= first and end <= frame.end
        return inside and bisect_right(cuts, first) == bisect_right(cuts, end - 1)

    for month, found in groupby(heads, lambda head: month_of(head.day)):
        of_month = list(found)
        versions = {str(head.day): head.version for head in of_month}
        if copies.get(month) == versions and fits(*_buckets_of_month(month)):
            units.months.append(month)
            continue
        for head in of_month:
            first = head.day * BUCKETS_PER_DAY
            if head.is_copied and fits(first, first + BUCKETS_PER_DAY):
                units.days.append(head.day)
                continue
            wanted = range(max(frame.first - first, 0), min(frame.end - first, BUCKETS_PER_DAY))
            if totals_only and head.is_copied and head.has_parts:
                _add_parts(units, head.day, wanted, cuts)
            elif wanted:
                units.buckets[head.day] = wanted
    return units


def _add_parts(units: Units, day: int, wanted: range, cuts: Sequence[int]) -> None:
    """Cover the buckets `wanted` of a day with its parts, and what is narrower with buckets."""
    first = day * BUCKETS_PER_DAY
    inside = cuts[bisect_right(cuts, first + wanted.start) : bisect_left(cuts, first + wanted.stop)]
    borders = [wanted.start, *(cut - first for cut in inside), wanted.stop]
    parts: list[int] = []
    buckets: list[int] = []
    for start, stop in pairwise(borders):
        covered, left = choose_parts(range(start, stop))
        parts += covered
        buckets += left
    if parts:
        units.parts[day] = parts
    if buckets:
        units.buckets[day] = buckets


def list_months(days: range) -> range:
    """The months that a not empty range of days touches."""
    return range(month_of(days[0]), month_of(days[-1]) + 1)


def month_of(day: int) -> int:
    moment = EPOCH + day * _DAY
    return moment.year * 12 + moment.month - 1


def first_day_of(month: int) -> int:
    return (datetime(month // 12, month % 12 + 1, 1, tzinfo=UTC) - EPOCH) // _DAY


def _buckets_of_month(month: int) -> tuple[int, int]:
    following = END_BUCKET // BUCKETS_PER_DAY if month >= _LAST_MONTH else first_day_of(month + 1)
    return first_day_of(month) * BUCKETS_PER_DAY, following * BUCKETS_PER_DAY


def is_aligned(moment: datetime) -> bool:
    return not (moment - EPOCH) % BUCKET


def bucket_moment(bucket: int) -> datetime:
    """When a bucket starts. Raises OverflowError for END_BUCKET."""
    return EPOCH + bucket * BUCKET


_LAST_MONTH = month_of(END_BUCKET // BUCKETS_PER_DAY - 1)
