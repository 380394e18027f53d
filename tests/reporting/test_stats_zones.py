"""One window in every report: dates are those of `timezone`, for rollups and raw events alike."""

import os
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.web.problems import BadRequest
from reporting import ask
from reporting.questions.query import (
    SeriesQuery,
    parse_breakdown_query,
    parse_series_query,
    parse_stats_query,
)
from reporting.raw.answer_source import RawAnswerSource
from reporting.rollups.answer_source import RollupAnswerSource
from tests.conftest import Api, TestProject, make_project
from tests.reporting.rollup_builder import store_events, store_rollups
from tests.reporting.test_stats_raw import get
from tests.reporting.test_stats_rollups import ask_stats, assert_same

pytestmark = [pytest.mark.usefixtures("store"), pytest.mark.slow]

TICK = timedelta(milliseconds=1)


@pytest.fixture(params=["raw", "rollup"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    if name == "raw":
        monkeypatch.setattr(ask, "choose_answer_source", lambda query: RawAnswerSource())
    return name


each_source = pytest.mark.usefixtures("source")


def store(project: TestProject, *moments: datetime) -> None:
    events = store_events(project.id, [{"timestamp": moment} for moment in moments])
    store_rollups(project.id, events, random.Random(1))


def count_views(api: Api, **window: str) -> tuple[int, int, int]:
    """The views of one window by each of the three reports."""
    stats = get(api, "/stats", **window)
    series = get(api, "/stats/timeseries", **window)
    rows = get(api, "/stats/breakdown", by="path", **window)
    for body in (stats, rows):
        assert (body["start"], body["end"]) == (series["start"], series["end"])
        assert body.get("timezone", "UTC") == series["timezone"]
    return (
        stats["totalViews"],
        sum(point["views"] for point in series["series"]),
        sum(row["views"] for row in rows["results"]),
    )


@each_source
def test_chart_and_list_of_the_same_dates_agree(project: TestProject, read: Api) -> None:
    store(
        project,
        datetime(2026, 11, 24, 23, 30, tzinfo=UTC),
        datetime(2026, 11, 25, 9, 0, tzinfo=UTC),
    )
    berlin = {"timezone": "Europe/Berlin"}

    assert count_views(read, start="2026-11-25", end="2026-11-26", **berlin) == (2, 2, 2)
    assert count_views(read, start="2026-11-25", end="2026-11-25", **berlin) == (2, 2, 2)
    assert count_views(read, start="2026-11-25", end="2026-11-26") == (1, 1, 1)
    assert count_views(read, start="2026-11-25", end="2026-11-25") == (1, 1, 1)
    assert count_views(read, start="2026-11-24", end="2026-11-24", **berlin) == (0, 0, 0)


@each_source
@pytest.mark.parametrize(
    ("zone", "day", "start", "end"),
    [
        ("UTC", "2026-11-25", "2026-11-25T00:00:00Z", "2026-11-26T00:00:00Z"),
        ("Europe/Berlin", "2026-03-29", "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z"),
        ("Europe/Berlin", "2026-10-25", "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z"),
        ("Australia/Lord_Howe", "2026-10-04", "2026-10-03T13:30:00Z", "2026-10-04T13:00:00Z"),
        ("Asia/Kathmandu", "2026-02-01", "2026-01-31T18:15:00Z", "2026-02-01T18:15:00Z"),
        ("Asia/Kolkata", "2026-02-01", "2026-01-31T18:30:00Z", "2026-02-01T18:30:00Z"),
        ("Pacific/Chatham", "2026-04-05", "2026-04-04T10:15:00Z", "2026-04-05T11:15:00Z"),
        ("America/St_Johns", "2026-07-01", "2026-07-01T02:30:00Z", "2026-07-02T02:30:00Z"),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00:00Z", "2026-09-07T03:00:00Z"),
        ("America/Santiago", "2026-04-04", "2026-04-04T03:00:00Z", "2026-04-05T04:00:00Z"),
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00:00Z", "2026-04-24T21:00:00Z"),
        ("Africa/Cairo", "2026-10-29", "2026-10-28T21:00:00Z", "2026-10-29T22:00:00Z"),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00:00Z", "2026-03-29T21:00:00Z"),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00:00Z", "2026-11-02T05:00:00Z"),
        ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z", "2011-12-30T10:00:00Z"),
        ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z", "2011-12-31T10:00:00Z"),
        ("Pacific/Kiritimati", "1995-01-02", "1995-01-01T10:00:00Z", "1995-01-02T10:00:00Z"),
    ],
)
def test_a_date_as_both_start_and_end_is_that_whole_local_day(
    project: TestProject, read: Api, zone: str, day: str, start: str, end: str
) -> None:
    first, last = datetime.fromisoformat(start), datetime.fromisoformat(end)
    store(project, first - TICK, first, last - TICK, last)

    assert count_views(read, start=day, end=day, timezone=zone) == (2, 2, 2)

    body = get(read, "/stats", start=day, end=day, timezone=zone)
    assert (body["start"], body["end"], body["timezone"]) == (start, end, zone)
    [point] = get(read, "/stats/timeseries", start=day, end=day, timezone=zone)["series"]
    assert point["views"] == 2


@pytest.mark.parametrize("path", ["/stats", "/stats/timeseries", "/stats/breakdown"])
def test_a_day_that_a_zone_skipped_is_refused_by_its_name(read: Api, path: str) -> None:
    by = {"by": "path"} if path == "/stats/breakdown" else {}
    day = {"start": "2011-12-30", "end": "2011-12-30", "timezone": "Pacific/Apia"}

    answer = read.get(path, **day, **by)

    assert (answer.status_code, answer.json()["code"]) == (400, "bad_window")
    assert "Pacific/Apia never had the day 2011-12-30" in answer.json()["detail"]


def test_the_time_zone_is_told_only_where_it_was_asked_for(read: Api) -> None:
    assert "timezone" not in get(read, "/stats")
    assert "timezone" not in get(read, "/stats/breakdown", by="path")
    assert get(read, "/stats", timezone="UTC")["timezone"] == "UTC"


_ODD_ZONES = [
    "UTC", "Europe/Berlin", "Asia/Kathmandu", "Asia/Kolkata", "Pacific/Chatham", "Africa/Cairo",
    "America/Santiago", "America/St_Johns", "Asia/Beirut", "Australia/Lord_Howe", "Asia/Gaza",
    "Pacific/Kiritimati", "America/Havana", "Asia/Tehran", "Africa/Casablanca", "Antarctica/Troll",
]  # fmt: skip


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32),
    zone=st.sampled_from(_ODD_ZONES) | st.timezone_keys(allow_prefix=False),
    start=st.dates(date(2026, 1, 1), date(2026, 12, 20)),
    days=st.integers(0, 40),
    clock=st.sampled_from(["", "", "", "T12:34:56.789", "T23:45:00+05:45", "t00:00:00z"]),
    by=st.sampled_from(["path", "country", "event"]),
)
def test_rollups_count_any_dates_of_any_zone_as_raw_events_do(
    seed: int, zone: str, start: date, days: int, clock: str, by: str
) -> None:
    chance, project = random.Random(seed), os.urandom(8)
    middle = datetime(start.year, start.month, start.day, tzinfo=UTC)
    events = [
        {
            "timestamp": middle + timedelta(minutes=15 * chance.randrange(-200, 4000)) + TICK * n,
            "path": f"/{chance.randrange(3)}",
            "visitor": chance.randrange(9),
            "event": chance.choice(["pageview", "pageview", "signup"]),
        }
        | ({"country": "DE"} if chance.random() < 0.5 else {})
        for n in (chance.choice([-1, 0, 1]) for _ in range(40))
    ]
    store_rollups(project, store_events(project, events), chance)
    window = QueryDict(mutable=True)
    window["start"], window["timezone"] = f"{start}{clock}", zone
    window["end"] = (start + timedelta(days=days)).isoformat()
    try:
        stats = parse_stats_query(project, window)
        series: SeriesQuery = parse_series_query(project, window)
    except BadRequest as problem:
        assert (days, problem.code) == (0, "bad_window")
        return
    window["by"] = by
    page = parse_breakdown_query(project, window)
    rollups, raw = RollupAnswerSource(), RawAnswerSource()

    assert stats.window == series.window == page.window
    assert_same(ask_stats(rollups, stats), ask_stats(raw, stats))
    assert_same(rollups.answer_breakdown(page), raw.answer_breakdown(page))
    assert_same(rollups.answer_series(series), raw.answer_series(series))
    in_window = sum(
        event["event"] == "pageview"
        for event in events
        if stats.window.start <= event["timestamp"] < stats.window.end  # type: ignore[operator]
    )
    assert raw.answer_stats(stats).totals.views == in_window
    assert sum(point.views for point in raw.answer_series(series).points) == in_window


def test_local_days_add_up_to_their_window(project: TestProject, read: Api) -> None:
    moments = [datetime(2026, 3, 20, tzinfo=UTC) + timedelta(minutes=97 * n) for n in range(400)]
    store(project, *moments)
    window: dict[str, Any] = {"start": "2026-03-22", "end": "2026-04-01"}

    for zone in ("Europe/Berlin", "Asia/Gaza", "Pacific/Chatham", "Africa/Casablanca"):
        total, series, listed = count_views(read, **window, timezone=zone)
        days = [date(2026, 3, 22) + timedelta(days=n) for n in range(10)]
        each = [
            get(read, "/stats", start=str(day), end=str(day), timezone=zone)["totalViews"]
            for day in days
        ]
        assert total == series == listed == sum(each)


@pytest.mark.parametrize(
    ("zone", "days_of", "is_said"),
    [
        ("Europe/Berlin", "Europe/Berlin", False),
        ("Europe/Berlin", "UTC", True),
        ("UTC", "UTC", False),
        ("UTC", "Europe/Berlin", True),
    ],
)
def test_a_window_of_two_days_of_the_project_says_how_anonymous_people_count(
    zone: str, days_of: str, is_said: bool
) -> None:
    read = Api(make_project(time_zone=zone).read_key)
    day = {"start": "2026-11-25", "end": "2026-11-25", "timezone": days_of}

    for path, more in (
        ("/stats", {}),
        ("/stats/timeseries", {}),
        ("/stats/breakdown", {"by": "path"}),
    ):
        uniques = get(read, path, **day, **more)["meta"]["uniques"]
        assert ("visitors" in uniques) is is_said, path


@pytest.mark.parametrize("year", ["0001", "9999"])
def test_a_day_at_an_edge_of_the_calendar_is_answered(read: Api, year: str) -> None:
    for start, end in ((f"{year}-01-01", f"{year}-01-02"), (f"{year}-12-30", f"{year}-12-31")):
        assert get(read, "/stats", start=start, end=end)["totalViews"] == 0
