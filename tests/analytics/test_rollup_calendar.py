"""The calendar of the rollups, and the heads in it: writer and reader number and ask alike."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analytics.rollups.calendar import (
    BUCKET,
    BUCKET_MS,
    BUCKETS_PER_DAY,
    END_BUCKET,
    END_DAY,
    EPOCH,
    FIRST_BUCKET,
    LAST_MONTH,
    bucket_at,
    bucket_moment,
    bucket_of,
    bucket_start,
    days_of_month,
    days_touched,
    first_day_of,
    is_aligned,
    list_months,
    month_of,
    slot_moment,
    slot_of,
)
from analytics.rollups.heads import (
    DayHead,
    DayState,
    day_key,
    heads_of,
    is_month_copied,
    month_key,
    note_versions,
    parse_state,
)

TICK = timedelta(microseconds=1)
LAST_MOMENT = datetime.max.replace(tzinfo=UTC)
PROJECT = bytes(range(8))


def day_number(year: int, month: int, day: int) -> int:
    return (datetime(year, month, day, tzinfo=UTC) - EPOCH).days


def test_a_day_has_96_buckets_of_15_minutes() -> None:
    assert timedelta(days=1) == BUCKET * BUCKETS_PER_DAY
    assert timedelta(milliseconds=BUCKET_MS) == BUCKET


@pytest.mark.parametrize(
    ("moment", "bucket", "slot"),
    [
        (EPOCH, 0, 0),
        (EPOCH + BUCKET - TICK, 0, 0),
        (EPOCH + BUCKET, 1, 1),
        (EPOCH - TICK, -1, 95),
        (EPOCH + timedelta(days=1) - TICK, 95, 95),
        (EPOCH + timedelta(days=1), 96, 0),
        (datetime(2028, 2, 29, 12, tzinfo=UTC), 21_243 * 96 + 48, 48),
        (LAST_MOMENT, END_BUCKET - 1, 95),
    ],
)
def test_a_moment_lies_in_a_bucket_and_in_a_slot_of_its_day(
    moment: datetime, bucket: int, slot: int
) -> None:
    assert (bucket_of(moment), slot_of(moment)) == (bucket, slot)
    assert bucket_moment(bucket) == bucket_start(moment) == slot_moment(bucket // 96, slot)


@given(st.integers(FIRST_BUCKET, END_BUCKET - 1))
def test_buckets_days_slots_and_moments_lead_to_each_other(bucket: int) -> None:
    start = bucket_moment(bucket)
    day = (start - EPOCH).days

    assert bucket_of(start) == bucket_at(day, slot_of(start)) == bucket
    assert slot_moment(day, slot_of(start)) == start
    assert is_aligned(start) and not is_aligned(start + TICK)


def test_the_first_and_the_last_bucket_are_those_of_the_calendar() -> None:
    assert bucket_moment(FIRST_BUCKET) == EPOCH
    assert bucket_moment(END_BUCKET - 1) + (BUCKET - TICK) == LAST_MOMENT
    assert bucket_at(END_DAY) == END_BUCKET
    with pytest.raises(OverflowError):
        bucket_moment(END_BUCKET)


def test_no_bucket_is_of_a_moment_without_a_time_zone() -> None:
    with pytest.raises(TypeError):
        bucket_of(datetime(2026, 3, 1))  # noqa: DTZ001


@pytest.mark.parametrize(
    ("first", "end", "days"),
    [(0, 96, range(0, 1)), (95, 97, range(0, 2)), (96, 97, range(1, 2)), (0, 97, range(0, 2))],
)
def test_buckets_touch_days(first: int, end: int, days: range) -> None:
    assert days_touched(first, end) == days


@pytest.mark.parametrize(
    ("year", "month", "days"),
    [(1970, 1, 31), (2026, 2, 28), (2028, 2, 29), (2100, 2, 28), (2026, 12, 31), (9999, 12, 31)],
)
def test_a_month_has_its_days_and_no_others(year: int, month: int, days: int) -> None:
    number = year * 12 + month - 1
    first = day_number(year, month, 1)

    assert days_of_month(number) == range(first, first + days)
    assert month_of(first) == month_of(first + days - 1) == number
    if first > 0:
        assert month_of(first - 1) == number - 1
    if number < LAST_MONTH:
        assert month_of(first + days) == number + 1


@given(st.integers(0, END_DAY - 1))
def test_months_and_days_know_each_other(day: int) -> None:
    assert day in days_of_month(month_of(day))


def test_the_calendar_ends_with_a_whole_month() -> None:
    assert days_of_month(LAST_MONTH).stop == END_DAY
    assert first_day_of(LAST_MONTH + 1) == END_DAY


def test_the_months_of_days_are_all_that_they_touch() -> None:
    january_31 = day_number(2026, 1, 31)

    assert list_months(range(january_31, january_31 + 1)) == range(2026 * 12, 2026 * 12 + 1)
    assert list_months(range(january_31, january_31 + 30)) == range(2026 * 12, 2026 * 12 + 3)


def test_the_key_of_a_head_is_its_project_and_its_number() -> None:
    assert day_key(PROJECT, 20_514) == PROJECT + (20_514).to_bytes(4, "big")
    assert month_key(PROJECT, 24_313) == PROJECT + (24_313).to_bytes(4, "big")


def test_the_heads_of_a_range_are_from_its_first_to_its_last() -> None:
    bounds = {"$gte": day_key(PROJECT, 255), "$lte": day_key(PROJECT, 256)}

    assert heads_of(PROJECT, range(255, 257)) == {"_id": bounds, "project": PROJECT}


@pytest.mark.parametrize(
    ("whole", "is_copied"),
    [(None, False), ({"version": 2}, False), ({"version": 3}, True), ({"version": 4}, False)],
)
def test_the_copy_of_a_day_is_current_where_it_is_of_the_version_of_its_head(
    whole: dict[str, int] | None, is_copied: bool
) -> None:
    found = {"day": 7, "version": 3} | ({} if whole is None else {"whole": whole})

    assert parse_state(found).is_copied is is_copied
    assert DayHead(PROJECT, 7, 3, whole=whole).state.is_copied is is_copied


def test_a_day_without_a_head_has_no_copy() -> None:
    assert not DayHead(PROJECT, 7).state.is_copied


def test_the_copy_of_a_month_is_current_where_it_is_of_the_versions_of_all_its_days() -> None:
    states = [DayState(7, 3), DayState(9, 1)]
    noted = note_versions(states)

    assert noted == {"7": 3, "9": 1}
    assert is_month_copied(noted, states)
    assert not is_month_copied(None, states)
    assert not is_month_copied(None, [])
    assert not is_month_copied(noted | {"8": 1}, states)
    assert not is_month_copied({"7": 3}, states)
    assert not is_month_copied({"7": 2, "9": 1}, states)
