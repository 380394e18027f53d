"""What is merged with what: few segments, none of which share an owner's day, seldom rewritten."""

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from columns.cuts import SHARES, Box, make_cut
from columns.leaves import Leaves
from columns.plan import (
    CLOSED_SHARE,
    LARGE_ROWS,
    MAX_ROWS,
    MIN_ROWS,
    MOST_LOOSE,
    MOST_ROWS,
    OPEN_SHARE,
    choose_groups,
    choose_loose,
    choose_taken,
    cut,
    is_due,
)
from columns.segments import Segment, list_cut

PROJECT = b"12345678"
TODAY = 20_000  # the fourth of October 2024
FIRST = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
SPARE_SEGMENTS = 40

Rows = Mapping[int, int]  # by day
Held = Counter[tuple[int, int]]  # by day and share of the owners

_numbers = itertools.count()


def midnight_of(day: int) -> datetime:
    return FIRST + day * DAY


def make_segment(rows: int, box: Box | None = None, **fields: object) -> Segment:
    values: dict[str, object] = {
        "id": PROJECT + next(_numbers).to_bytes(16, "big"), "project_id": PROJECT, "generation": 0,
        "from_ms": 0, "to_ms": 0, "cut": make_cut(box, "UTC") if box else None, "rows": rows,
        "file_bytes": 0, "sum": b"", "version": 2, "clear_of": frozenset(), "damaged_at": None,
        "since": midnight_of(TODAY),
    }  # fmt: skip
    return Segment(**{**values, **fields})  # type: ignore[arg-type]


def spread(rows: Rows) -> Held:
    """Rows of each day of about equally many owners, as hashes have it."""
    held: Held = Counter()
    for day, count in rows.items():
        shares = min(count, 8)
        for share in range(shares):
            held[day, share * SHARES // shares] += (count + share) // shares
    return held


@dataclass
class Project:
    """The segments of a project, what is in each, and how many rows were written when."""

    segments: list[Segment] = field(default_factory=list)
    held: dict[bytes, Held] = field(default_factory=dict)
    written: int = 0  # into segments that are cut
    moved: int = 0  # into others

    def export(self, rows: Rows, day: int = TODAY, hour: int = 12) -> None:
        self._add(spread(rows), None, midnight_of(day) + timedelta(hours=hour))

    def _add(self, held: Held, box: Box | None, since: datetime) -> None:
        if held:
            segment = make_segment(held.total(), box, since=since)
            self.segments.append(segment)
            self.held[segment.id] = held

    def merge(self, today: int = TODAY) -> bool:
        midnight = midnight_of(today)
        holding = list_cut(self.segments, "UTC")
        loose = choose_loose(self.segments, holding, midnight)
        leaves = Leaves(holding, today)
        for each in loose:
            leaves.add(self.held[each.id])
        due = {key for each in loose if is_due(each, midnight) for key in self.held[each.id]}
        groups = choose_groups(leaves, due)
        taken = choose_taken(loose, self.held, groups)
        if not taken:
            return False
        left = self._sum(taken)
        gone = [*taken, *(each for group in groups for each in group.segments)]
        for group in groups:
            held = self._sum(group.segments)
            held.update(group.newer)
            left -= group.newer
            for box in cut(held, group, today):
                within = Counter({key: n for key, n in held.items() if holds(box, key)})
                held -= within
                self.written += within.total()
                self._add(within, box, midnight)
            assert not held
        self.segments = [each for each in self.segments if each not in gone]
        self.moved += left.total()
        self._add(left, None, min(each.since for each in taken))
        self.check()
        return True

    def merge_all(self, today: int = TODAY) -> None:
        for _ in range(100):
            if not self.merge(today):
                return
        raise AssertionError("it never ends")

    def check(self) -> None:
        boxes = [each.cut.box for each in self.segments if each.cut]
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)
        for each in self.segments:
            if each.cut:
                assert all(holds(each.cut.box, key) for key in self.held[each.id])

    def _sum(self, segments: Iterable[Segment]) -> Held:
        held: Held = Counter()
        for each in segments:
            held.update(self.held[each.id])
        return held

    @property
    def loose(self) -> list[Segment]:
        return [each for each in self.segments if each.cut is None]

    @property
    def boxes(self) -> list[tuple[int, int, int]]:
        """First and last day, and rows, of the segments that are cut."""
        cuts = [(each.cut.box, each.rows) for each in self.segments if each.cut]
        return [(box.first, box.last, rows) for box, rows in sorted(cuts)]

    @property
    def total(self) -> int:
        return sum(each.rows for each in self.segments)


def holds(box: Box, key: tuple[int, int]) -> bool:
    day, share = key
    return box.first <= day <= box.last and box.low <= share <= box.high


def make_project(*cuts: tuple[int, int, int]) -> Project:
    """With segments of first to last day and so many rows."""
    project = Project()
    for first, last, rows in cuts:
        days = Counter({day: rows // (last - first + 1) for day in range(first, last + 1)})
        days[last] += rows - days.total()
        project._add(spread(days), Box(first, last), midnight_of(TODAY))
    return project


day_counts = st.dictionaries(
    st.integers(TODAY - 400, TODAY + 1), st.integers(1, 60_000), min_size=1, max_size=12
)


@settings(max_examples=15)
@given(st.lists(st.lists(day_counts, min_size=1, max_size=MOST_LOOSE), min_size=1, max_size=8))
def test_whatever_comes_every_row_is_in_one_segment_and_segments_are_few(
    rounds: list[list[Rows]],
) -> None:
    project, sent = Project(), 0
    for number, exports in enumerate(rounds):
        today = TODAY - 8 + number
        for rows in exports:
            project.export(rows, today - 1)
            sent += sum(rows.values())
        project.merge_all(today)
        assert project.total == sent
        assert project.loose == []
        assert len(project.segments) <= project.total / MIN_ROWS + SPARE_SEGMENTS
        if project.total < MIN_ROWS:
            assert len(project.segments) == 1


@settings(max_examples=15)
@given(
    st.lists(
        st.dictionaries(st.integers(TODAY - 40, TODAY + 1), st.integers(1, 9_000), min_size=1),
        min_size=10,
        max_size=60,
    )
)
def test_of_a_day_no_more_than_a_share_is_loose_when_merges_are_done(exports: list[Rows]) -> None:
    project = make_project((TODAY - 40, TODAY - 5, 400_000), (TODAY, TODAY, 100_000))
    for rows in exports:
        project.export(rows)
    project.merge_all()

    newer = project._sum(project.loose)
    for each in project.segments:
        if each.cut:
            share = sum(n for key, n in newer.items() if holds(each.cut.box, key)) / each.rows
            is_open = each.cut.box.first >= TODAY
            assert share < (OPEN_SHARE if is_open else CLOSED_SHARE)
    assert len([each for each in project.loose if each.rows < LARGE_ROWS]) < MOST_LOOSE


def test_a_late_event_waits_for_the_night_and_costs_its_segment_once() -> None:
    project = make_project(
        (TODAY - 62, TODAY - 34, 800_000), (TODAY - 33, TODAY - 4, 900_000), (TODAY, TODAY, 50_000)
    )
    for _ in range(24):
        for _ in range(3):
            project.export({TODAY - 50: 20})
        project.merge_all()
    assert project.written == 0
    assert project.moved < 10 * 24 * 60

    project.merge_all(TODAY + 1)

    assert project.written == 800_000 + 24 * 60
    assert project.loose == []


def test_a_row_of_a_large_project_is_written_a_few_times() -> None:
    """Of some 30,000 events a day, and of 600,000, for two months."""
    for rows, exports in ((30_000, 6), (600_000, 30)):
        project, sent = Project(), 0
        for day in range(TODAY, TODAY + 62):
            for export in range(exports):
                project.export({day: rows // exports}, day, hour=export * 24 // exports)
                sent += rows // exports
                if len(project.loose) >= MOST_LOOSE or export == 0:
                    project.merge_all(day)
        assert project.written / sent < 12
        assert project.moved / sent < 3
        assert len(project.segments) < 2 * sent / MAX_ROWS + 12


def test_a_month_that_is_over_becomes_one_segment() -> None:
    first = TODAY - 3  # of October
    project = make_project(
        (first - 30, first - 10, 400_000), (first - 9, first - 5, 100_000), (first, first, 30_000)
    )
    project.export({first - 4: 25_000}, first - 1)

    project.merge_all()

    assert project.boxes == [(first - 30, first - 4, 525_000), (first, first, 30_000)]


def test_a_month_that_goes_on_takes_in_what_is_no_larger() -> None:
    first = TODAY - 3
    project = make_project((first, first, 400_000), (first + 1, first + 1, 30_000))
    project.export({first + 2: 40_000}, first + 2)

    project.merge_all()

    assert project.boxes == [(first, first, 400_000), (first + 1, first + 2, 70_000)]


def test_small_days_share_a_segment_with_their_neighbours_of_the_next_month() -> None:
    project = Project()
    project.export({TODAY - 40: 5_000, TODAY - 20: 5_000, TODAY - 2: 5_000})

    project.merge_all()

    assert project.boxes == [(TODAY - 40, TODAY - 2, 15_000)]


def test_a_day_between_two_segments_is_of_a_neighbour_and_no_segment_spans_another() -> None:
    month = TODAY - 3 - 30
    project = make_project((month, month + 5, 90_000), (month + 20, month + 28, 300_000))
    project.export({month + 10: 10_000, month + 19: 10})

    project.merge_all(today=month + 29)

    assert project.boxes == [(month, month + 19, 100_010), (month + 20, month + 28, 300_000)]


def test_a_day_of_more_than_a_million_is_several_and_each_is_written_apart() -> None:
    project = Project()
    project.export({TODAY - 2: 1_000_000, TODAY - 3: 300})
    project.export({TODAY - 2: 950_000, TODAY - 1: 300})
    project.merge_all()

    assert [box[:2] for box in project.boxes].count((TODAY - 2, TODAY - 2)) == 2
    assert all(rows <= MAX_ROWS * 1.01 for *_, rows in project.boxes)
    assert len(project.boxes) == 4
    before = project.written
    late: Held = Counter({(TODAY - 2, 3): 10, (TODAY - 2, 5): 1})
    project._add(late, None, midnight_of(TODAY))

    project.merge_all(TODAY + 1)

    assert project.loose == []
    assert project.written - before < 1_000_000


def test_today_is_apart_from_closed_days_once_one_of_them_is_large() -> None:
    small, large = MIN_ROWS - 1, MIN_ROWS

    def bounds(before: int, today: int) -> list[tuple[int, int]]:
        project = Project()
        project.export({TODAY - 1: before, TODAY: today})
        project.merge_all()
        return [(first, last) for first, last, _ in project.boxes]

    apart = [(TODAY - 1, TODAY - 1), (TODAY, TODAY)]
    assert bounds(large, small) == bounds(small, large) == bounds(large, large) == apart
    assert bounds(small, small) == [(TODAY - 1, TODAY)]


def test_what_is_damaged_is_left_alone_and_nothing_is_cut_for_its_days() -> None:
    at = midnight_of(TODAY)
    broken = make_segment(30_000, Box(TODAY - 9, TODAY - 5), damaged_at=at)
    project = Project([broken, make_segment(10, damaged_at=at)], {})
    project.held[broken.id] = spread({TODAY - 9: 15_000, TODAY - 5: 15_000})
    project.export({TODAY - 12: 7, TODAY - 7: 10, TODAY - 3: 5})
    project.merge_all(TODAY + 1)

    assert broken in project.segments
    assert [each.rows for each in project.loose if not each.damaged_at] == [10]
    assert [box[:2] for box in project.boxes] == [
        (TODAY - 12, TODAY - 12), (TODAY - 9, TODAY - 5), (TODAY - 3, TODAY - 3),
    ]  # fmt: skip


def test_segments_of_other_midnights_are_merged_anew_in_steps() -> None:
    project = Project()
    for month in range(4):
        first = TODAY - 130 + 30 * month
        days = {day: 30_000 for day in range(first, first + 30)}
        tokyo = make_cut(Box(first, first + 29), "Asia/Tokyo")
        segment = make_segment(900_000, cut=tokyo)
        project.segments.append(segment)
        project.held[segment.id] = spread(days)
    steps = 0
    while project.merge():
        steps += 1

    assert steps >= 2
    assert all(each.holds_visits("UTC") for each in project.segments)
    assert project.total == 3_600_000


def test_of_two_that_share_an_owners_day_one_is_loose_and_is_merged_anew() -> None:
    """As after a zone that was another one for a while."""
    project = make_project((TODAY - 30, TODAY - 10, 50_000))
    project._add(spread({TODAY - 20: 30_000}), Box(TODAY - 20, TODAY - 20), midnight_of(TODAY))
    project._add(spread({TODAY - 5: 30_000}), Box(TODAY - 5, TODAY - 5), midnight_of(TODAY))
    first, second, third = project.segments

    assert list_cut([third, second, first], "UTC") == [first, third]
    project.merge_all()

    assert project.total == 110_000
    assert list_cut(project.segments, "UTC") == sorted(
        project.segments, key=lambda each: each.days or ()
    )


def test_owners_apart_may_share_days() -> None:
    low, high = (make_segment(9, Box(TODAY, TODAY, *bounds)) for bounds in ((0, 99), (100, 255)))

    assert list_cut([high, low], "UTC") == [low, high]


def test_a_merge_looks_at_so_much_at_once_and_first_at_what_waits_no_more() -> None:
    due = make_segment(1_500_000, since=midnight_of(TODAY - 1))
    found = choose_loose([make_segment(10), make_segment(600_000), due], [], midnight_of(TODAY))

    assert [each.rows for each in found] == [1_500_000, 10]
    assert sum(each.rows for each in found) <= MOST_ROWS


def test_one_loose_segment_is_not_moved_for_nothing() -> None:
    project = make_project((TODAY - 20, TODAY - 1, 500_000))
    project.export({TODAY - 2: 100})

    assert not project.merge()
    for _ in range(MOST_LOOSE - 1):
        project.export({TODAY - 2: 100})
    assert project.merge()
    assert [each.rows for each in project.loose] == [100 * MOST_LOOSE]
    assert not project.merge()
