"""The days of a project: each moment is in one, whatever its time zone was and becomes."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import pytest
from django.core.exceptions import ValidationError
from django.utils import timezone
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.databases.mongo import collection
from analytics.events.ids import datetime_of_ms, ms_of_datetime
from analytics.projects.models import Project
from analytics.projects.policy import find_policy
from analytics.projects.zones import (
    ALWAYS_UTC,
    NOTICE,
    LocalDay,
    Zones,
    begin_with,
    change_zone,
    find_day,
    first_instant,
    read_zones,
    validate_zone,
    write_zones,
)

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)
TICK = timedelta(milliseconds=1)
# The first and the last of all, those that skip or repeat midnights, and odd offsets.
NOTABLE = (
    "Etc/GMT+12", "Pacific/Kiritimati", "America/Sao_Paulo", "America/Havana", "Africa/Cairo",
    "Asia/Beirut", "Pacific/Apia", "America/St_Johns", "Asia/Kathmandu", "Australia/Lord_Howe",
    "Pacific/Chatham", "UTC",
)  # fmt: skip
ALL = sorted(available_timezones() - {"localtime", "Factory"})
# Nights in which the clocks of one of these were changed, Apia's missing day among them.
NIGHTS = tuple(
    datetime(year, month, day, tzinfo=UTC)
    for year, month, day in (
        (1994, 12, 31), (2006, 4, 2), (2011, 12, 30), (2014, 5, 16), (2017, 10, 15), (2018, 2, 18),
        (2018, 11, 4), (2023, 10, 27), (2024, 3, 10), (2024, 3, 31), (2024, 11, 3), (2025, 10, 26),
    )
)  # fmt: skip

zones = st.one_of(st.sampled_from(NOTABLE), st.sampled_from(ALL))
moments = st.one_of(
    st.builds(
        lambda night, offset: night + offset,
        st.sampled_from(NIGHTS),
        st.timedeltas(timedelta(days=-3), timedelta(days=2)),
    ),
    st.timedeltas(timedelta(0), timedelta(days=17_000)).map(NIGHTS[0].__add__),
)
# When a zone is changed: so long after the time before, or that near to the end of a day.
changes = st.one_of(
    st.tuples(
        st.one_of(
            st.timedeltas(timedelta(0), 2 * NOTICE),
            st.timedeltas(timedelta(0), timedelta(days=1)),
            st.timedeltas(timedelta(0), timedelta(days=4)),
        ),
        st.none(),
        zones,
    ),
    st.tuples(st.none(), st.timedeltas(-2 * NOTICE, 2 * NOTICE), zones),
)
stories = st.lists(changes, min_size=1, max_size=6)
Story = list[tuple[timedelta | None, timedelta | None, str]]
thorough = settings(max_examples=400)


def day_at(history: Zones, moment: datetime) -> LocalDay:
    return find_day(history, ms_of_datetime(moment))


def list_days(history: Zones, begin: datetime, end: datetime) -> list[LocalDay]:
    days = [day_at(history, begin)]
    while days[-1].end_ms < ms_of_datetime(end):
        days.append(find_day(history, days[-1].end_ms))
    return days


def tell(first: str, begin: datetime, story: Story) -> list[tuple[datetime, Zones]]:
    """What is known from which moment on."""
    history, now = begin_with(first), begin
    known = [(begin - timedelta(days=3), history)]
    for pause, beside_midnight, zone in story:
        if pause is not None:
            now += pause
        elif beside_midnight is not None:
            now = max(now, datetime_of_ms(day_at(history, now).end_ms) + beside_midnight)
        history = change_zone(history, zone, now)
        known.append((now, history))
    return known


def moment_of(year: int, month: int, day: int, zone: str) -> datetime:
    return datetime_of_ms(first_instant(year, month, day, zone))


def test_a_date_begins_with_its_first_instant_where_clocks_skip_or_repeat_midnight() -> None:
    changes = 0
    for zone in NOTABLE:
        info = ZoneInfo(zone)
        today, end = date(1970, 1, 2), date(2038, 1, 1)
        offset: timedelta | None = None
        while today < end:
            before, offset = offset, datetime(*today.timetuple()[:3], tzinfo=info).utcoffset()
            if before != offset:
                changes += 1
                for shown in (today - timedelta(days=1), today):
                    first = moment_of(shown.year, shown.month, shown.day, zone)
                    assert first.astimezone(info).date() >= shown
                    assert (first - TICK).astimezone(info).date() < shown
            today += timedelta(days=1)
    assert changes > 500


@pytest.mark.parametrize(
    ("zone", "begins", "hours"),
    [
        ("UTC", datetime(2026, 3, 29, 0, tzinfo=UTC), 24),
        ("Europe/Berlin", datetime(2026, 3, 28, 23, tzinfo=UTC), 23),
        ("America/Sao_Paulo", datetime(2018, 11, 4, 3, tzinfo=UTC), 23),  # begins at 01:00
        ("America/Sao_Paulo", datetime(2018, 2, 17, 2, tzinfo=UTC), 25),  # 23:00 comes twice
        ("America/Havana", datetime(2024, 11, 3, 4, tzinfo=UTC), 25),  # midnight comes twice
        ("America/St_Johns", datetime(2006, 10, 29, 2, 30, tzinfo=UTC), 25),  # 23:01 after 00:00
        ("Africa/Cairo", datetime(2023, 4, 27, 22, tzinfo=UTC), 23),
        ("Asia/Beirut", datetime(2024, 3, 30, 22, tzinfo=UTC), 23),
        ("Pacific/Apia", datetime(2011, 12, 29, 10, tzinfo=UTC), 24),
        ("Pacific/Apia", datetime(2011, 12, 30, 10, tzinfo=UTC), 24),  # the 31st, after the 29th
        ("Etc/GMT+12", datetime(2026, 3, 29, 12, tzinfo=UTC), 24),
        ("Pacific/Kiritimati", datetime(2026, 3, 28, 10, tzinfo=UTC), 24),
    ],
)
def test_a_day_is_as_long_as_its_clocks_make_it(zone: str, begins: datetime, hours: int) -> None:
    ends = begins + timedelta(hours=hours)
    expected = LocalDay(ms_of_datetime(begins), ms_of_datetime(ends))
    for moment in (begins, begins + HOUR / 2, begins + timedelta(hours=hours / 2), ends - TICK):
        assert day_at(begin_with(zone), moment) == expected
    assert day_at(begin_with(zone), begins - TICK).end_ms == expected.begin_ms
    assert day_at(begin_with(zone), ends).begin_ms == expected.end_ms


@pytest.mark.slow
@thorough
@given(st.data(), zones, moments, stories)
def test_days_partition_time_whatever_the_zones_were(
    data: st.DataObject, first: str, begin: datetime, story: Story
) -> None:
    now, history = tell(first, begin, story)[-1]

    days = list_days(history, begin - timedelta(days=2), now + timedelta(days=4))

    for day, following in pairwise(days):
        assert day.begin_ms < day.end_ms == following.begin_ms
        assert day.key < following.key
    for day in days:
        inside = data.draw(st.integers(day.begin_ms, day.end_ms - 1))
        assert [find_day(history, ms) for ms in (day.begin_ms, inside, day.end_ms - 1)] == [day] * 3


@pytest.mark.slow
@thorough
@given(st.data(), zones, moments, stories)
def test_the_day_of_a_moment_is_never_another_for_who_learns_of_a_change_later(
    data: st.DataObject, first: str, begin: datetime, story: Story
) -> None:
    """Salts are of days: else somebody would be counted twice in one."""
    known = tell(first, begin, story)
    now, history = known[-1]

    ends = [since for since, _ in known[1:]] + [now + timedelta(days=4)]
    for (since, what), end in zip(known, ends, strict=True):
        # Who has not heard of the next change goes by this one for up to NOTICE longer.
        last = ms_of_datetime(end + NOTICE) - 1
        drawn = data.draw(st.lists(st.integers(ms_of_datetime(since), last), max_size=5))
        for moment_ms in {ms_of_datetime(since), *drawn, last}:
            assert find_day(what, moment_ms).key == find_day(history, moment_ms).key


@thorough
@given(zones, zones, moments)
def test_a_change_takes_effect_at_the_next_midnight_of_the_new_zone(
    before: str, after: str, now: datetime
) -> None:
    history = change_zone(begin_with(before), after, now)
    by_then = now + NOTICE
    info = ZoneInfo(after)

    day = day_at(history, by_then)

    if before == after:
        assert day == day_at(begin_with(before), by_then)
        return
    assert day.begin_ms == day_at(begin_with(before), by_then).begin_ms
    in_effect = datetime_of_ms(day.end_ms)
    assert by_then < in_effect
    today = by_then.astimezone(info).date()
    dates = (today + timedelta(days=days) for days in range(4))
    midnights = [moment_of(shown.year, shown.month, shown.day, after) for shown in dates]
    assert in_effect == min(midnight for midnight in midnights if midnight > by_then)
    for later in (timedelta(0), HOUR, timedelta(days=40)):
        ever_after = day_at(begin_with(after), in_effect + later)
        assert day_at(history, in_effect + later) == ever_after
    for earlier in (SECOND, timedelta(days=40)):
        long_before = day_at(begin_with(before), datetime_of_ms(day.begin_ms) - earlier)
        assert day_at(history, datetime_of_ms(day.begin_ms) - earlier) == long_before


def test_the_day_of_a_change_holds_the_midnights_of_the_zone_before() -> None:
    """Noon in Kiritimati is 22:00 of the day before in UTC, whose midnight comes first."""
    noon = datetime(2026, 3, 28, 22, tzinfo=UTC)

    day = day_at(change_zone(ALWAYS_UTC, "Pacific/Kiritimati", noon), noon)

    begins, ends = datetime(2026, 3, 28, tzinfo=UTC), datetime(2026, 3, 29, 10, tzinfo=UTC)
    assert day == LocalDay(ms_of_datetime(begins), ms_of_datetime(ends))


def test_a_change_that_is_not_in_effect_yet_goes_for_another() -> None:
    now = datetime(2026, 3, 28, 12, tzinfo=UTC)
    pending = change_zone(ALWAYS_UTC, "Europe/Berlin", now)

    other = change_zone(pending, "America/Havana", now + HOUR)
    back = change_zone(pending, "UTC", now + HOUR)

    assert [change.zone for change in other] == ["UTC", "America/Havana"]
    assert datetime_of_ms(day_at(other, now).end_ms) == moment_of(2026, 3, 29, "America/Havana")
    assert day_at(back, now) == day_at(ALWAYS_UTC, now)
    settled = change_zone(pending, "America/Havana", now + timedelta(days=1))
    assert [change.zone for change in settled] == ["UTC", "Europe/Berlin", "America/Havana"]


@given(zones, moments, stories)
def test_a_history_reads_back_as_it_was_written(first: str, now: datetime, story: Story) -> None:
    history = tell(first, now, story)[-1][1]
    rows: Any = write_zones(history)
    assert read_zones(rows) == history
    assert read_zones([]) == read_zones(None) == ALWAYS_UTC


@pytest.mark.parametrize(
    "name", ["", "Berlin", "europe/berlin", "localtime", "Factory", "UTC+1", "../UTC", "UTC\n"]
)
def test_what_is_no_time_zone_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match="is not a time zone"):
        validate_zone(name)


def test_every_time_zone_there_is_is_taken() -> None:
    for name in ALL:
        validate_zone(name)
    assert len(ALL) > 400


def zones_of(project: Project) -> Zones:
    row = collection("projects").find_one({"_id": project.pk})
    assert row is not None
    return read_zones(row["zones"])


@pytest.fixture
def shop(store: None) -> Project:
    return Project.objects.create(name="Shop", time_zone="Europe/Berlin")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """What time it is, to be set."""
    now = [datetime(2026, 3, 28, 12, tzinfo=UTC)]
    monkeypatch.setattr(timezone, "now", lambda: now[0])
    return now


def change(project: Project, zone: str) -> None:
    row = Project.objects.get(pk=project.pk)
    row.time_zone = zone
    row.save()


def test_a_project_has_its_zone_from_ever_and_keeps_what_it_was(
    shop: Project, clock: list[datetime]
) -> None:
    assert zones_of(shop) == begin_with("Europe/Berlin")

    change(shop, "America/Havana")

    assert zones_of(shop) == change_zone(begin_with("Europe/Berlin"), "America/Havana", clock[0])
    assert find_policy(shop.id_bytes).zones == zones_of(shop)
    clock[0] += timedelta(days=7)
    change(shop, "Europe/Berlin")
    assert [zone for _, _, zone in zones_of(shop)] == [
        "Europe/Berlin", "America/Havana", "Europe/Berlin",
    ]  # fmt: skip


def test_a_save_of_something_else_leaves_the_history_alone(
    shop: Project, clock: list[datetime]
) -> None:
    change(shop, "America/Havana")
    before = zones_of(shop)
    clock[0] += timedelta(days=7)

    row = Project.objects.get(pk=shop.pk)
    row.retention_days = 30
    row.save()
    row.save(update_fields=["name"])

    assert zones_of(shop) == before


def test_an_older_copy_of_a_project_changes_its_zone_and_not_what_it_was(
    shop: Project, clock: list[datetime]
) -> None:
    opened_before = Project.objects.get(pk=shop.pk)
    change(shop, "America/Havana")
    before = zones_of(shop)
    clock[0] += timedelta(days=7)

    opened_before.zones = []
    opened_before.save()

    assert Project.objects.get(pk=shop.pk).time_zone == "Europe/Berlin"
    assert zones_of(shop) == change_zone(before, "Europe/Berlin", clock[0])


def test_a_project_of_before_there_were_zones_is_in_utc_until_it_changes(
    shop: Project, clock: list[datetime]
) -> None:
    for none in ("$unset", "$set"):
        collection("projects").update_one({"_id": shop.pk}, {"$set": {"time_zone": "UTC"}})
        collection("projects").update_one({"_id": shop.pk}, {none: {"zones": []}})

        change(shop, "Europe/Berlin")

        assert zones_of(shop) == change_zone(ALWAYS_UTC, "Europe/Berlin", clock[0])
