"""Months of alerts and reports, over every change of the clocks: each once, at the right local
time, for the right window. What is right is told by a calendar of the test's own.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from notices.outbox.sending_round import send_waiting
from notices.rules import reports
from tests.conftest import TestProject
from tests.notices.rules import Post, add_alert, add_report, look
from tests.notices.test_reports import give_zone
from tests.stored import store_events

Span = tuple[date, date]
# From a Monday to a Monday: over a change of the clocks and the end of a month, and two years.
SHORT: Span = (date(2024, 10, 14), date(2024, 11, 11))
YEARS: Span = (date(2023, 1, 2), date(2025, 1, 6))
DAY = timedelta(days=1)
HOUR = 8
BUSY = (0, 1)  # somebody comes on Mondays and Tuesdays


def days(span: Span) -> Iterator[date]:
    day, last = span
    while day < last:
        yield day
        day += DAY


def local(day: date, zone: ZoneInfo, hour: int = HOUR, minute: int = 0) -> datetime:
    return datetime(day.year, day.month, day.day, hour, minute, tzinfo=zone).astimezone(UTC)


def fill(project: TestProject, zone: ZoneInfo, span: Span) -> None:
    noons = [local(day, zone, 12) for day in days(span) if day.weekday() in BUSY]
    for begin in range(0, len(noons), 50):
        some = noons[begin : begin + 50]
        store_events(project, [{"path": "/", "userId": "ada", "timestamp": noon} for noon in some])


def expect_reports(zone: ZoneInfo, every: str, span: Span) -> list[tuple[datetime, date]]:
    """When each is sent, and the first day of its window; none on the day it was made."""
    expected = []
    for day in days(span):
        if day == span[0]:
            continue
        if every == "day":
            expected.append((local(day, zone), day - DAY))
        elif every == "week" and day.weekday() == 0:
            expected.append((local(day, zone), day - 7 * DAY))
        elif every == "month" and day.day == 1:
            expected.append((local(day, zone), (day - DAY).replace(day=1)))
    return expected


def read_reports(post: Post, every: str, span: Span) -> list[tuple[datetime, date]]:
    found = []
    for notice in post.taken:
        facts: Any = notice["facts"]
        if facts["kind"] == "report" and facts["every"] == every:
            start = datetime.fromisoformat(facts["window"]["start"])
            assert start.utcoffset() == start.astimezone(ZoneInfo(facts["zone"])).utcoffset()
            assert facts["missed"] == []
            assert facts["events"] == count_busy(facts, span)
            found.append((notice["madeAt"], start.date()))
    return found


def count_busy(facts: Any, span: Span) -> int:
    """Of the days of its window, by their dates."""
    begin, end = (datetime.fromisoformat(facts["window"][name]).date() for name in ("start", "end"))
    return sum(begin <= day < end and day.weekday() in BUSY for day in days(span))


def live(project: TestProject, name: str, span: Span, *every: str) -> None:
    """A round each morning, and what it makes is sent; after 90 days MongoDB forgets it."""
    zone, post = ZoneInfo(name), Post()
    give_zone(project, name)
    fill(project, zone, span)
    made = local(span[0], zone)
    for each in every:
        add_report(project, each, HOUR, made)
    add_alert(project, made, value=0, unit="day", pauseMinutes=12 * 60)
    for day in days(span):
        look(local(day, zone))
        send_waiting(post, 30.0, local(day, zone))

    for each in every:
        assert read_reports(post, each, span) == expect_reports(zone, each, span)
    words = [
        (facts["what"], datetime.fromisoformat(facts["window"]["start"]).date().weekday())
        for facts in (notice["facts"] for notice in post.taken)
        if facts["kind"] == "alert"
    ]
    weeks = (span[1] - span[0]).days // 7
    assert words == [("fired", 0), ("again", 1), ("over", 2)] * weeks
    assert len(post.taken) == len({notice["key"] for notice in post.taken})


@pytest.mark.nightly
@pytest.mark.timeout(300)
def test_a_change_of_the_clocks_by_days_weeks_and_months(project: TestProject) -> None:
    live(project, "Europe/Berlin", SHORT, "day", "week", "month")


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize(
    "name", ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Santiago"]
)
def test_two_years_of_days_weeks_and_months(
    project: TestProject, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a report's questions the first, and of that what is of no visits: it is asked 1,500 times,
    # and nothing of the others is told here.
    monkeypatch.setattr(reports, "LISTS", ())
    monkeypatch.setattr(reports, "FIGURES", ("visitors",))
    live(project, name, YEARS, "day", "week", "month")
