"""Covering a window: every moment of it exactly once, with the largest units there are."""

from bisect import bisect_right
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.rollups import first_slot
from analytics.rollups.calendar import (
    BUCKET,
    BUCKETS_PER_DAY,
    END_BUCKET,
    EPOCH,
    bucket_at,
    bucket_moment,
    days_of_month,
    list_months,
    month_of,
)
from analytics.rollups.heads import DayState
from reporting.questions.query import Window
from reporting.rollups.cover import Units, choose_units, frame_window

TICK = timedelta(milliseconds=1)
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
        assert choose_units(frame, [], [DayState(frame.days[-1], 1, 1)], {})


FIRST_DAY = (datetime(2026, 1, 25, tzinfo=UTC) - EPOCH).days
DAYS = range(FIRST_DAY, FIRST_DAY + 50)  # a piece of January, all February, a piece of March

states_of_days = st.sets(st.sampled_from(DAYS)).flatmap(
    lambda days: st.tuples(
        *(
            st.builds(
                DayState, st.just(day), st.just(3), st.sampled_from([3, 3, 2, None]), st.booleans()
            )
            for day in sorted(days)
        )
    )
)
bounds = st.tuples(
    st.integers(bucket_at(DAYS[0]), bucket_at(DAYS[-1] + 1))
    | st.sampled_from([bucket_at(day) for day in DAYS]),
    st.integers(bucket_at(DAYS[0]), bucket_at(DAYS[-1] + 1)),
).filter(lambda pair: pair[0] != pair[1])


@given(
    states=states_of_days,
    pair=bounds,
    cuts=st.lists(st.integers(DAYS[0], DAYS[-1]), max_size=3),
    copied=st.sampled_from(["current", "older", "fewer", "more", "none"]),
    totals_only=st.booleans(),
)
def test_units_cover_every_stored_bucket_once_with_the_largest_that_fits(
    states: tuple[DayState, ...],
    pair: tuple[int, int],
    cuts: list[int],
    copied: str,
    totals_only: bool,
) -> None:
    frame = frame_window(Window(bucket_moment(min(pair)), bucket_moment(max(pair))))
    inside = [state for state in states if state.day in frame.days]
    february = 2026 * 12 + 1
    copy = {str(state.day): state.version for state in inside if month_of(state.day) == february}
    copies = {february: copy} if copied != "none" else {}
    if copied == "older" and copy:
        copy[next(iter(copy))] -= 1
    elif copied == "fewer" and copy:
        del copy[next(iter(copy))]
    elif copied in ("more", "older", "fewer"):
        copy["20514"] = 3
    points = sorted(bucket_at(day, 5) for day in set(cuts))

    units = choose_units(frame, points, inside, copies, totals_only=totals_only)

    covered = list_buckets(units)
    assert len(covered) == len({bucket for bucket, _ in covered})
    stored = {state.day for state in inside}
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
    for state in inside:
        if state.day in units.days:
            assert state.copied_version == state.version
            continue
        if state.day in units.day_parts:
            assert totals_only and state.has_day_parts and state.is_copied
        elif totals_only and state.has_day_parts and state.is_copied:
            assert len(units.slots.get(state.day, ())) <= 8  # ends narrower than half an hour
        if state.day in units.slots and state.is_copied:
            day = range(bucket_at(state.day), bucket_at(state.day + 1))
            whole = day[0] in starts and day[-1] in starts
            assert not whole or any(day[0] < cut <= day[-1] for cut in points)


def list_buckets(units: Units) -> list[tuple[int, range | None]]:
    """Every bucket of every unit, with the buckets of its unit if that is a day or month."""
    found: list[tuple[int, range | None]] = []
    for month in units.months:
        days = days_of_month(month)
        first, end = bucket_at(days.start), bucket_at(days.stop)
        found += [(bucket, range(first, end)) for bucket in range(first, end)]
    for day in units.days:
        whole = range(bucket_at(day), bucket_at(day + 1))
        found += [(bucket, whole) for bucket in whole]
    for day, day_parts in units.day_parts.items():
        for day_part in day_parts:
            width = 2 if day_part < 48 else 12
            first = bucket_at(day, first_slot(day_part))
            found += [
                (bucket, range(first, first + width)) for bucket in range(first, first + width)
            ]
    for day, slots in units.slots.items():
        found += [(bucket_at(day, slot), None) for slot in slots]
    return found
