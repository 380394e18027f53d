"""When rules are due, in any zone and over any change of its clocks."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import get_args
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from notices.documents import AlertUnit, ReportEvery
from notices.rules.slots import (
    GRACE,
    find_due_report,
    find_finished,
    find_next_report,
    find_next_unit,
    find_running,
    find_silence,
    find_week_before,
    list_past_reports,
)
from tests.notices.rules import at

ZONES = [
    "UTC", "Europe/Berlin", "America/New_York", "America/Sao_Paulo", "Australia/Lord_Howe",
    "Asia/Kathmandu", "Pacific/Apia", "Africa/Casablanca", "America/St_Johns", "Asia/Beirut",
    "Pacific/Kiritimati", "Antarctica/Troll",
]  # fmt: skip
MOMENTS = st.integers(0, 35 * 366 * 86_400).map(
    lambda seconds: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
)
NAMES = st.sampled_from(ZONES)
EVERY = st.sampled_from(get_args(ReportEvery))
UNITS = st.sampled_from(get_args(AlertUnit))
HOURS = st.integers(0, 23)


# Also on a machine that does much else.


@given(EVERY, HOURS, NAMES, MOMENTS)
def test_what_is_due_and_what_is_next_follow_each_other(
    every: ReportEvery, hour: int, name: str, now: datetime
) -> None:
    zone = ZoneInfo(name)
    due, following = (find(every, hour, zone, now) for find in (find_due_report, find_next_report))

    assert due.at <= now < following.at
    assert due.end == following.start
    assert due.label < following.label
    assert find_due_report(every, hour, zone, following.at) == following
    assert find_next_report(every, hour, zone, due.at) == following


@given(EVERY, HOURS, NAMES, MOMENTS)
def test_it_is_due_at_its_hour_of_the_day_on_which_the_window_ended(
    every: ReportEvery, hour: int, name: str, now: datetime
) -> None:
    zone = ZoneInfo(name)
    slot = find_next_report(every, hour, zone, now)
    local, start, end = (each.astimezone(zone) for each in (slot.at, slot.start, slot.end))

    assert local.date() == end.date()
    assert slot.label == start.date().isoformat()
    assert slot.at >= slot.end
    minute = timedelta(minutes=1)
    is_skipped = (local.hour, local.minute) != (hour, 0)  # of some the clocks go by half an hour
    if is_skipped:  # the clocks went past it just then
        before = (slot.at - minute).astimezone(zone)
        assert before.utcoffset() != local.utcoffset() and local.time() > time(hour)
    else:
        assert local.second == 0
    for edge in (start, end):
        before = (edge.astimezone(UTC) - minute).astimezone(zone)
        assert before.date() < edge.date()
    if every == "week":
        assert start.weekday() == 0 and end - start >= timedelta(days=6)
    if every == "month":
        assert start.day == 1


@given(UNITS, NAMES, MOMENTS)
def test_the_finished_unit_is_the_last_whose_events_have_had_time(
    unit: AlertUnit, name: str, now: datetime
) -> None:
    zone = ZoneInfo(name)
    before, slot = find_finished(unit, zone, now)
    following = find_next_unit(unit, zone, now)

    assert slot.at == slot.end + GRACE <= now < following.at
    assert before.end == slot.start and slot.end == following.start
    assert before.label < slot.label < following.label
    assert find_finished(unit, zone, following.at)[1] == following


@given(UNITS, NAMES, MOMENTS)
def test_the_running_unit_holds_now(unit: AlertUnit, name: str, now: datetime) -> None:
    before, slot = find_running(unit, ZoneInfo(name), now)

    assert slot.start <= now < slot.end and before.end == slot.start
    assert before.start < before.end


@pytest.mark.parametrize(
    ("now", "start", "expected"),
    [
        # of Berlin, where the clocks went on at 2025-03-30 01:00 UTC
        ("2025-03-31 12:00", "2025-03-31 08:00", "2025-03-24 09:00"),
        ("2025-03-29 12:00", "2025-03-29 08:00", "2025-03-22 08:00"),
    ],
)
def test_a_week_earlier_is_the_same_local_hour(now: str, start: str, expected: str) -> None:
    zone = ZoneInfo("Europe/Berlin")
    _, slot = find_finished("hour", zone, at(start) + timedelta(hours=1) + GRACE)

    assert slot.start == at(start)
    assert find_week_before(slot, "hour", zone).start == at(expected)


def test_a_day_that_the_zone_skipped_is_in_no_report() -> None:
    """Apia went from the 29th to the 31st of December 2011."""
    zone = ZoneInfo("Pacific/Apia")
    past = list_past_reports("day", 8, zone, at("2012-01-02 12:00"))

    labels = [slot.label for slot in islice(past, 4)]

    assert labels == ["2012-01-01", "2011-12-31", "2011-12-29", "2011-12-28"]


def test_a_year_ends_as_every_month_does() -> None:
    zone = ZoneInfo("America/New_York")
    slots = list(islice(list_past_reports("month", 0, zone, at("2026-01-01 05:00")), 2))

    assert [slot.label for slot in slots] == ["2025-12-01", "2025-11-01"]
    assert slots[0].at == at("2026-01-01 05:00")
    assert [date.fromisoformat(slot.label).month for slot in slots] == [12, 11]


def test_silence_leaves_out_the_minute_that_just_passed() -> None:
    before, slot = find_silence(timedelta(minutes=10), at("2025-05-01 10:30"))

    assert (slot.start, slot.end) == (at("2025-05-01 10:19"), at("2025-05-01 10:29"))
    assert before.end == slot.start
