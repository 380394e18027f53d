"""Covering a window: every moment of it exactly once, with the largest units there are."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.rollups import first_bucket
from reporting.questions.query import Window
from reporting.rollups.cover import (
    BUCKETS_PER_DAY,
    END_BUCKET,
    Head,
    Units,
    bucket_moment,
    choose_units,
    first_day_of,
    frame_window,
    list_months,
    month_of,
)

BUCKET = timedelta(minutes=15)
TICK = timedelta(milliseconds=1)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
END_OF_TIME = datetime(9999, 12, 31, 23, 59, 59, 999000, tzinfo=UTC)


def at(text: str) -> datetime:
    hour, minute = text.split(":")
    return NOON.replace(hour=int(hour), minute=int(minute))


def window(start: str, end: str) -> Window:
    return Window(at(start), at(end))


@pytest.mark.parametrize(
    ("asked", "horizon", "counted", "buckets", "edges"),
    [
        (("10:00", "11:00"), None, ("10:00", "11:00"), 4, []),
        (("10:05", "11:10"), None, ("10:05", "11:10"), 3, [("10:05", "10:15"), ("11:00", "11:10")]),
        (("10:05", "10:15"), None, ("10:05", "10:15"), 0, [("10:05", "10:15")]),
        (("10:00", "10:10"), None, ("10:00", "10:10"), 0, [("10:00", "10:10")]),
        (("10:05", "10:10"), None, ("10:05", "10:10"), 0, [("10:05", "10:10")]),
        (("10:05", "10:20"), None, ("10:05", "10:20"), 0, [("10:05", "10:15"), ("10:15", "10:20")]),
        (("10:05", "11:10"), "10:05", ("10:05", "11:10"), 3,
         [("10:05", "10:15"), ("11:00", "11:10")]),
        (("10:05", "11:10"), "10:06", ("10:00", "11:10"), 4, [("11:00", "11:10")]),
        (("10:05", "11:10"), "11:00", ("10:00", "11:10"), 4, [("11:00", "11:10")]),
        (("10:05", "11:10"), "11:01", ("10:00", "11:15"), 5, []),
        (("10:05", "10:10"), "10:07", ("10:00", "10:15"), 1, []),
        (("10:05", "10:10"), "10:05", ("10:05", "10:10"), 0, [("10:05", "10:10")]),
        (("10:00", "10:10"), "10:01", ("10:00", "10:15"), 1, []),
        (("10:05", "10:20"), "10:15", ("10:00", "10:20"), 1, [("10:15", "10:20")]),
    ],
)  # fmt: skip
def test_a_window_is_cut_into_buckets_and_edges(
    asked: tuple[str, str],
    horizon: str | None,
    counted: tuple[str, str],
    buckets: int,
    edges: list[tuple[str, str]],
) -> None:
    frame = frame_window(window(*asked), at(horizon) if horizon else None)

    assert frame.window == window(*counted)
    assert max(frame.end - frame.first, 0) == buckets
    assert list(frame.edges) == [window(*edge) for edge in edges]


moments = st.integers(0, 10**7).map(lambda ms: NOON + ms * TICK) | st.integers(0, 20).map(
    lambda buckets: NOON + buckets * BUCKET
)


@given(st.tuples(moments, moments).filter(lambda pair: pair[0] != pair[1]), st.none() | moments)
def test_edges_and_buckets_tile_the_window(
    pair: tuple[datetime, datetime], horizon: datetime | None
) -> None:
    asked = Window(min(pair), max(pair))

    frame = frame_window(asked, horizon)

    parts = [(edge.start, edge.end) for edge in frame.edges]
    if frame.has_buckets:
        parts.append((bucket_moment(frame.first), bucket_moment(frame.end)))
    parts.sort(key=lambda part: part[0] or EPOCH)
    assert parts[0][0] == frame.window.start and parts[-1][1] == frame.window.end
    assert all(left[1] == right[0] for left, right in pairwise(parts))
    for edge in frame.edges:
        assert edge.start and edge.end and edge.end - edge.start < BUCKET
        assert horizon is None or edge.start >= horizon
    if horizon is None or asked.start is None or asked.start >= horizon:
        assert frame.window == asked


@pytest.mark.parametrize(
    "asked",
    [
        Window(),
        Window(end=NOON + TICK),
        Window(start=NOON + TICK),
        Window(EPOCH - timedelta(days=9) - TICK, EPOCH - timedelta(days=3)),
        Window(EPOCH - timedelta(days=9) - TICK, EPOCH + TICK),
        Window(datetime(1, 1, 1, tzinfo=UTC), END_OF_TIME),
        Window(END_OF_TIME - TICK, END_OF_TIME),
        Window(END_OF_TIME - TICK),
        Window(END_OF_TIME - timedelta(hours=1)),
    ],
)
def test_the_ends_of_the_calendar_are_no_trouble(asked: Window) -> None:
    frame = frame_window(asked)

    assert frame.window == asked
    assert frame.end <= END_BUCKET
    if frame.has_buckets:
        assert frame.first >= 0
        assert list_months(frame.days)
        assert choose_units(frame, [], [Head(frame.days[-1], 1, 1)], {})


def test_months_and_days_know_each_other() -> None:
    for day in range(0, 40_000, 13):
        assert first_day_of(month_of(day)) <= day < first_day_of(month_of(day) + 1)


FIRST_DAY = (datetime(2026, 1, 25, tzinfo=UTC) - EPOCH).days
DAYS = range(FIRST_DAY, FIRST_DAY + 50)  # a piece of January, all February, a piece of March

heads_of_days = st.sets(st.sampled_from(DAYS)).flatmap(
    lambda days: st.tuples(
        *(
            st.builds(
                Head, st.just(day), st.just(3), st.sampled_from([3, 3, 2, None]), st.booleans()
            )
            for day in sorted(days)
        )
    )
)
bounds = st.tuples(
    st.integers(DAYS[0] * BUCKETS_PER_DAY, (DAYS[-1] + 1) * BUCKETS_PER_DAY)
    | st.sampled_from([day * BUCKETS_PER_DAY for day in DAYS]),
    st.integers(DAYS[0] * BUCKETS_PER_DAY, (DAYS[-1] + 1) * BUCKETS_PER_DAY),
).filter(lambda pair: pair[0] != pair[1])


@given(
    heads=heads_of_days,
    pair=bounds,
    cuts=st.lists(st.integers(DAYS[0], DAYS[-1]), max_size=3),
    copied=st.sampled_from(["current", "older", "fewer", "more", "none"]),
    totals_only=st.booleans(),
)
def test_units_cover_every_stored_bucket_once_with_the_largest_that_fits(
    heads: tuple[Head, ...], pair: tuple[int, int], cuts: list[int], copied: str, totals_only: bool
) -> None:
    frame = frame_window(Window(bucket_moment(min(pair)), bucket_moment(max(pair))))
    inside = [head for head in heads if head.day in frame.days]
    february = 2026 * 12 + 1
    copy = {str(head.day): head.version for head in inside if month_of(head.day) == february}
    copies = {february: copy} if copied != "none" else {}
    if copied == "older" and copy:
        copy[next(iter(copy))] -= 1
    elif copied == "fewer" and copy:
        del copy[next(iter(copy))]
    elif copied in ("more", "older", "fewer"):
        copy["20514"] = 3
    points = sorted(day * BUCKETS_PER_DAY + 5 for day in set(cuts))

    units = choose_units(frame, points, inside, copies, totals_only=totals_only)

    covered = list_buckets(units)
    assert len(covered) == len({bucket for bucket, _ in covered})
    stored = {head.day for head in inside}
    wanted = {b for b in range(frame.first, frame.end) if b // BUCKETS_PER_DAY in stored}
    assert wanted == {bucket for bucket, _ in covered if bucket // BUCKETS_PER_DAY in stored}
    starts = range(frame.first, frame.end)
    for bucket, unit in covered:
        assert bucket in starts
        if unit:
            assert bisect_right(points, unit[0]) == bisect_right(points, unit[-1])
    assert units.months == [february] or not units.months
    if units.months:
        assert copied == "current"
    for head in inside:
        if head.day in units.days:
            assert head.copied_version == head.version
            continue
        if head.day in units.parts:
            assert totals_only and head.has_parts and head.is_copied
        elif totals_only and head.has_parts and head.is_copied:
            assert len(units.buckets.get(head.day, ())) <= 8  # ends narrower than half an hour
        if head.day in units.buckets and head.is_copied:
            day = range(head.day * BUCKETS_PER_DAY, (head.day + 1) * BUCKETS_PER_DAY)
            whole = day[0] in starts and day[-1] in starts
            assert not whole or any(day[0] < cut <= day[-1] for cut in points)


def list_buckets(units: Units) -> list[tuple[int, range | None]]:
    """Every bucket of every unit, with the buckets of its unit if that is a day or month."""
    found: list[tuple[int, range | None]] = []
    for month in units.months:
        first, end = (first_day_of(m) * BUCKETS_PER_DAY for m in (month, month + 1))
        found += [(bucket, range(first, end)) for bucket in range(first, end)]
    for day in units.days:
        whole = range(day * BUCKETS_PER_DAY, (day + 1) * BUCKETS_PER_DAY)
        found += [(bucket, whole) for bucket in whole]
    for day, parts in units.parts.items():
        for part in parts:
            width = 2 if part < 48 else 12
            first = day * BUCKETS_PER_DAY + first_bucket(part)
            found += [
                (bucket, range(first, first + width)) for bucket in range(first, first + width)
            ]
    for day, buckets in units.buckets.items():
        found += [(day * BUCKETS_PER_DAY + bucket, None) for bucket in buckets]
    return found
