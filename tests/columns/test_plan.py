"""What is merged with what: few segments, by local days, and no row rewritten again and again."""

import itertools
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from columns.plan import (
    MAX_ROWS,
    MIN_ROWS,
    MOST_LOOSE,
    MOST_ROWS,
    choose_loose,
    choose_more,
    cut,
)
from columns.segments import Segment

PROJECT = b"12345678"
TODAY = 20_000  # the fourth of October 2024
SPARE_SEGMENTS = 40

Rows = Mapping[int, int]  # by day

_numbers = itertools.count()


def make_segment(rows: int, days: tuple[int, int] | None = None, **fields: object) -> Segment:
    values: dict[str, object] = {
        "id": PROJECT + next(_numbers).to_bytes(16, "big"), "project_id": PROJECT, "generation": 0,
        "from_ms": 0, "to_ms": 0, "days": days, "rows": rows, "file_bytes": 0, "sum": b"",
        "version": 1, "clear_of": frozenset(), "damaged_at": None,
    }  # fmt: skip
    return Segment(**{**values, **fields})  # type: ignore[arg-type]


@dataclass
class Project:
    """The segments of a project, what is in each by day, and how often its rows were written."""

    segments: list[Segment] = field(default_factory=list)
    rows: dict[bytes, Counter[int]] = field(default_factory=dict)
    written: dict[bytes, int] = field(default_factory=dict)  # since it was no small one

    def add(self, rows: Rows, days: tuple[int, int] | None = None, written: int = 0) -> None:
        segment = make_segment(sum(rows.values()), days)
        self.segments.append(segment)
        self.rows[segment.id] = Counter(rows)
        self.written[segment.id] = written + 1 if segment.rows >= MIN_ROWS else 0

    def merge(self, today: int) -> bool:
        chosen = choose_loose(self.segments)
        if not chosen:
            return False
        counts = self.count(chosen)
        more = choose_more(counts, chosen, self.segments, today)
        sources = [*chosen, *more]
        counts = self.count(sources)
        groups = cut(counts, today)
        assert sum(group.rows for group in groups) == sum(counts.values())
        written = max(self.written[source.id] for source in sources)
        self.segments = [segment for segment in self.segments if segment not in sources]
        for group in groups:
            within = {day: n for day, n in counts.items() if group.first <= day <= group.last}
            assert sum(within.values()) == group.rows
            for part in range(group.parts):
                share = {day: (n + part) // group.parts for day, n in within.items()}
                self.add(share, (group.first, group.last), written)
        return True

    def count(self, segments: Sequence[Segment]) -> Counter[int]:
        counts: Counter[int] = Counter()
        for segment in segments:
            counts += self.rows[segment.id]
        return counts

    @property
    def total(self) -> int:
        return sum(segment.rows for segment in self.segments)

    @property
    def loose(self) -> int:
        return sum(s.days is None or s.rows < MIN_ROWS for s in self.segments)


day_counts = st.dictionaries(
    st.integers(TODAY - 400, TODAY + 1), st.integers(1, 60_000), min_size=1, max_size=12
)


@settings(max_examples=30)
@given(st.lists(st.lists(day_counts, min_size=1, max_size=MOST_LOOSE), min_size=1, max_size=8))
def test_whatever_comes_every_row_is_in_one_segment_and_segments_are_few(
    rounds: list[list[Rows]],
) -> None:
    project, sent = Project(), 0
    for number, exports in enumerate(rounds):
        for rows in exports:
            project.add(rows)
            sent += sum(rows.values())
        while project.loose >= MOST_LOOSE or any(s.days is None for s in project.segments):
            assert project.merge(TODAY - 8 + number)
        assert project.total == sent
        assert project.loose <= 1
        assert len(project.segments) <= project.total / MIN_ROWS + 1
        assert all(segment.rows <= MAX_ROWS for segment in project.segments)
        if project.total < MIN_ROWS:
            assert len(project.segments) == 1


@settings(max_examples=50)
@given(
    st.lists(st.integers(1, 40_000), min_size=20, max_size=60),
    st.integers(1, 6),
    st.booleans(),
)
def test_a_row_of_a_large_segment_is_written_again_only_as_it_doubles(
    days: list[int], exports: int, is_late: bool
) -> None:
    """Day after day, some of it late: the segments with a row are each twice the one before."""
    project = Project()
    for number, rows in enumerate(days):
        today = TODAY + number
        for export in range(exports):
            project.add({today - (number // 2 if is_late and export == 0 else 0): rows})
        while any(segment.days is None for segment in project.segments):
            project.merge(today)
    doublings = math.log2(MAX_ROWS / MIN_ROWS)
    assert max(project.written.values()) <= doublings + 2


def test_days_that_are_large_have_segments_of_their_own_month() -> None:
    first = TODAY - 3  # the first of October
    groups = cut({first - 2: 30_000, first - 1: 30_000, first: 30_000}, TODAY)

    assert [(group.first, group.last) for group in groups] == [
        (first - 2, first - 1), (first, first),
    ]  # fmt: skip


def test_small_days_share_a_segment_with_their_neighbours_of_the_next_month() -> None:
    groups = cut({TODAY - 40: 5_000, TODAY - 20: 5_000, TODAY - 2: 5_000}, TODAY)

    assert [(group.first, group.last, group.rows) for group in groups] == [
        (TODAY - 40, TODAY - 2, 15_000)
    ]


def test_a_day_of_more_than_a_million_is_several() -> None:
    [group] = cut({TODAY - 2: 2_500_000}, TODAY)

    assert group.parts == 3


def test_today_is_apart_from_closed_days_once_one_of_them_is_large() -> None:
    small, large = MIN_ROWS - 1, MIN_ROWS

    def bounds(before: int, today: int) -> list[tuple[int, int]]:
        groups = cut({TODAY - 1: before, TODAY: today}, TODAY)
        return [(group.first, group.last) for group in groups]

    apart = [(TODAY - 1, TODAY - 1), (TODAY, TODAY)]
    assert bounds(large, small) == bounds(small, large) == bounds(large, large) == apart
    assert bounds(small, small) == [(TODAY - 1, TODAY)]


def test_a_month_takes_in_its_smaller_segments_and_no_other() -> None:
    fresh = make_segment(200_000)
    same = make_segment(150_000, (TODAY - 3, TODAY - 2))
    larger = make_segment(500_000, (TODAY - 3, TODAY - 1))
    before = make_segment(100_000, (TODAY - 30, TODAY - 20))
    over_two = make_segment(100_000, (TODAY - 30, TODAY - 2))
    of_today = make_segment(100_000, (TODAY, TODAY))
    segments = [fresh, same, larger, before, over_two, of_today]

    assert choose_more({TODAY - 1: 200_000}, [fresh], segments, TODAY) == [same]
    assert choose_more({TODAY - 1: 600_000}, [fresh], segments, TODAY) == [same]  # too many
    assert choose_more({TODAY: 600_000}, [fresh], segments, TODAY) == [of_today]
    assert choose_more({TODAY - 25: 600_000}, [fresh], segments, TODAY) == [before]


def test_what_is_damaged_is_left_alone() -> None:
    at = datetime(2026, 3, 5, tzinfo=UTC)
    fresh, broken = make_segment(10), make_segment(10, damaged_at=at)
    broken_day = make_segment(5, (TODAY - 2, TODAY - 2), damaged_at=at)

    assert choose_loose([broken, fresh, broken_day]) == [fresh]
    assert choose_more({TODAY - 1: 100}, [fresh], [broken_day], TODAY) == []


def test_one_small_segment_alone_is_not_written_again() -> None:
    alone = make_segment(MIN_ROWS - 1, (TODAY - 2, TODAY))

    assert choose_loose([alone, make_segment(MIN_ROWS, (TODAY, TODAY))]) == []


def test_a_merge_takes_so_much_at_once() -> None:
    found = choose_loose([make_segment(1_000_000) for _ in range(5)])

    assert sum(segment.rows for segment in found) <= MOST_ROWS
    assert len(found) == 2
