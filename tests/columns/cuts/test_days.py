"""Local days as numbers are the days of the calendar, however clocks change."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import duckdb
import pytest

from analytics.events.ids import MS_PER_DAY, ms_of_datetime
from columns.files.days import begin_of, day_of, digest, index_days, list_midnights

EPOCH = date(1970, 1, 1).toordinal()
HOUR = 3_600_000


def number_of(day: date) -> int:
    return day.toordinal() - EPOCH


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("UTC", date(2026, 3, 29), 24),
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("America/Havana", date(2026, 3, 8), 23),  # clocks skip its midnight
        ("America/Havana", date(2026, 11, 1), 25),  # its midnight comes twice
        ("Pacific/Apia", date(2011, 12, 30), 0),  # which it skipped
        ("America/St_Johns", date(2006, 10, 28), 24),
        ("America/St_Johns", date(2006, 10, 29), 25),  # a minute after midnight it is 23:01 again
    ],
)
def test_a_day_is_as_long_as_its_zone_has_it(zone: str, day: date, hours: int) -> None:
    number = number_of(day)
    begin, end = list_midnights(number, number, zone)

    assert (end - begin) / HOUR == hours
    if end > begin:
        assert day_of(begin, zone) == day_of(end - 1, zone) == number
    assert day_of(begin - 1, zone) < number
    assert day_of(end, zone) == number + 1


@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Pacific/Apia", "Africa/Monrovia"])
def test_every_moment_is_in_the_day_that_began_last(zone: str) -> None:
    first, last = number_of(date(1970, 1, 1)), number_of(date(2026, 12, 31))
    midnights = list_midnights(first, last, zone)
    assert midnights == sorted(midnights)
    moments = [
        ms for begin in midnights[1:-1:7] for ms in (begin - 1, begin, begin + 11 * HOUR)
    ] + midnights[1:-1]
    with duckdb.connect() as engine:
        engine.execute('CREATE TABLE moments ("timestamp" BIGINT)')
        engine.execute("INSERT INTO moments SELECT unnest(?::BIGINT[])", [moments])
        found = engine.execute(
            f'SELECT "timestamp", {index_days(midnights)} FROM moments'
        ).fetchall()

    for ms, index in found:
        assert first + index == day_of(ms, zone)
        assert midnights[index] <= ms < midnights[index + 1]


def test_days_are_those_of_the_clock() -> None:
    moment = datetime(2026, 3, 5, 23, 30, tzinfo=UTC)

    assert day_of(ms_of_datetime(moment), "UTC") == number_of(date(2026, 3, 5))
    for zone in ("Asia/Tokyo", "America/New_York", "Asia/Kathmandu"):
        local = (moment + timedelta(hours=1)).astimezone(ZoneInfo(zone)).date()
        assert day_of(ms_of_datetime(moment + timedelta(hours=1)), zone) == number_of(local)


def test_where_the_calendar_ends_days_go_on() -> None:
    last = number_of(date.max)

    for zone in ("Asia/Tokyo", "America/New_York"):
        midnights = list_midnights(last - 2, last + 2, zone)
        assert all(before < after for before, after in pairwise(midnights))
        assert begin_of(last + 1, zone) == (last + 1) * MS_PER_DAY
        assert day_of((last + 1) * MS_PER_DAY - 1, zone) == last


def test_a_digest_tells_midnights_apart() -> None:
    def digest_of(zone: str, first: int, last: int) -> bytes:
        return digest(list_midnights(first, last, zone))

    day = number_of(date(2026, 6, 1))
    assert digest_of("Europe/Berlin", day, day + 3) == digest_of("Europe/Paris", day, day + 3)
    others = [
        ("UTC", day, day + 3),
        ("Europe/Berlin", day, day + 2),
        ("Europe/Berlin", day + 1, day + 3),
    ]
    assert len({digest_of(*each) for each in [("Europe/Berlin", day, day + 3), *others]}) == 4
    assert len(digest_of("UTC", day, day)) == 8
