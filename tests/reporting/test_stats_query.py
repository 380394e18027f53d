"""Reading a report's parameters: every refusal by its code, every unit of every odd calendar."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from django.http import QueryDict

from analytics.events.moments import parse_moment
from analytics.web.problems import BadRequest
from reporting import questions
from reporting.columns.dialect.numbers import read_number
from reporting.questions.conditions import Compare, Condition, Not
from reporting.questions.fields import Field
from reporting.questions.filters import parse_filter
from reporting.questions.query import (
    parse_breakdown_query,
    parse_realtime_query,
    parse_series_query,
    parse_stats_query,
)
from reporting.questions.timestamps import format_timestamp, parse_zone
from reporting.questions.units import MAX_POINTS, Interval, TooManyPoints, list_boundaries

PROJECT = b"project1"
DAY = "start=2026-01-01&end=2026-01-02"


def refuse(parser: Any, query: str) -> BadRequest:
    with pytest.raises(BadRequest) as caught:
        parser(PROJECT, QueryDict(query))
    return caught.value


def parse_realtime(project: bytes, given: QueryDict) -> Any:
    return parse_realtime_query(project, given, datetime.now(UTC))


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("foo=bar", "unknown_parameter", "foo"),
        ("groupBy[%24ne]=1", "unknown_parameter", "groupBy[$ne]"),
        ("format=api", "unknown_parameter", "format"),
        ("limit=5&limit=7", "repeated_parameter", "limit"),
        ("exact=true&exact=true", "repeated_parameter", "exact"),
        ("limit=", "bad_limit", "limit"),
        ("limit=0", "bad_limit", "limit"),
        ("limit=1001", "bad_limit", "limit"),
        ("limit=-1", "bad_limit", "limit"),
        ("limit=1.5", "bad_limit", "limit"),
        ("limit=1_0", "bad_limit", "limit"),
        ("limit=%D9%A1%D9%A0", "bad_limit", "limit"),
        ("limit=%2010", "bad_limit", "limit"),
        ("limit=10%0A", "bad_limit", "limit"),
        ("limit=" + "9" * 5000, "bad_limit", "limit"),
        ("start=abc", "bad_timestamp", "start"),
        ("end=", "bad_timestamp", "end"),
        ("start=0000-00-00", "bad_timestamp", "start"),
        ("start=2026-02-30", "bad_timestamp", "start"),
        ("start=2026-01-01T24:00:00", "bad_timestamp", "start"),
        ("start=2026-01-01T00:00:60Z", "bad_timestamp", "start"),
        ("start=2026-01-01T00:00:00%2B24:00", "bad_timestamp", "start"),
        ("start=0001-01-01T00:00:00%2B01:00", "bad_timestamp", "start"),
        ("start=20260101", "bad_timestamp", "start"),
        ("start=1767225600", "bad_timestamp", "start"),
        ("start=2026-01-02&end=2026-01-01", "bad_window", "end"),
        ("start=2026-01-01&end=2026-01-01T00:00", "bad_window", "end"),
        ("start=2026-01-01T00:00Z&end=2026-01-01T00:00Z", "bad_window", "end"),
        ("start=2011-12-30&end=2011-12-30&timezone=Pacific/Apia", "bad_window", "end"),
        ("start=2011-12-30&end=2011-12-31&timezone=Pacific/Apia", "bad_window", "end"),
        ("start=9999-12-31&end=9999-12-31", "bad_window", "end"),
        ("start=0001-01-01&timezone=Asia/Tokyo", "bad_timestamp", "start"),
        ("timezone=Mars/Olympus", "bad_timezone", "timezone"),
        ("timezone=", "bad_timezone", "timezone"),
        ("timezone=UTC&timezone=UTC", "repeated_parameter", "timezone"),
        ("groupBy=password", "bad_group_by", "groupBy"),
        ("groupBy=", "bad_group_by", "groupBy"),
        ("groupBy=%24path", "bad_group_by", "groupBy"),
        ("groupBy=path%00", "bad_group_by", "groupBy"),
        ("groupBy=properties", "bad_group_by", "groupBy"),
        ("groupBy=properties.", "bad_group_by", "groupBy"),
        ("groupBy=properties..x", "bad_group_by", "groupBy"),
        ("groupBy=properties.a.", "bad_group_by", "groupBy"),
        ("groupBy=properties[]", "bad_group_by", "groupBy"),
        ("groupBy=properties[a]", "bad_group_by", "groupBy"),
        ("groupBy=properties[%22a", "bad_group_by", "groupBy"),
        ("groupBy=properties[%22a%22", "bad_group_by", "groupBy"),
        ("groupBy=properties[%22a%22]b", "bad_group_by", "groupBy"),
        ("groupBy=properties[%22a%22].", "bad_group_by", "groupBy"),
        ("groupBy=properties.[%22a%22]", "bad_group_by", "groupBy"),
        ("groupBy=properties[%22%5Cx%22]", "bad_group_by", "groupBy"),
        ("groupBy=properties[%22%5Cu0000%22]", "bad_group_by", "groupBy"),
        ("groupBy=properties[%22%5Cud800%22]", "bad_group_by", "groupBy"),
        ("groupBy=properties[%22%5Cud83d%22][%22%5Cude00%22]", "bad_group_by", "groupBy"),
        ("groupBy=%24where", "bad_group_by", "groupBy"),
        ("groupBy=__proto__", "bad_group_by", "groupBy"),
        ("groupBy=properties.a%00", "bad_group_by", "groupBy"),
        ("groupBy=properties." + "a" * 4097, "bad_group_by", "groupBy"),
        ("groupBy=properties." + ".".join("a" * 33), "bad_group_by", "groupBy"),
        ("exact=1", "bad_exact", "exact"),
        ("none=null", "bad_none", "none"),
        ("filter=", "bad_filter", "filter"),
        ("filter=path", "bad_filter", "filter"),
        ("filter=path:is", "bad_filter", "filter"),
        ("filter=path:exists:x", "bad_filter", "filter"),
        ("filter=path:not_exists:is:x", "bad_filter", "filter"),
        ("filter=path:exist", "bad_filter", "filter"),
        ("filter=:is:x", "bad_filter", "filter"),
        ("filter=properties[%22a:is:x", "bad_filter", "filter"),
        ("filter=properties[%22%5Cud800%22]:is:x", "bad_filter", "filter"),
        ("filter=path:like:a", "bad_filter", "filter"),
        ("filter=password:is:a", "bad_filter", "filter"),
        ("filter=path:is:a%00", "bad_filter", "filter"),
        ("filter=path:is:" + "a" * 2049, "bad_filter", "filter"),
        ("&".join(["filter=path:is:a"] * 11), "bad_filter", "filter"),
    ],
)
def test_stats_refuses(query: str, code: str, field: str) -> None:
    problem = refuse(parse_stats_query, query)

    assert (problem.status, problem.code) == (400, code)
    [error] = problem.errors
    assert (error["field"], error["code"]) == (field, code)
    assert error["detail"] == problem.detail


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("start=2026-01-01", "missing_parameter"),
        ("end=2026-01-01", "missing_parameter"),
        (f"{DAY}&limit=5", "unknown_parameter"),
        (f"{DAY}&interval=", "bad_interval"),
        (f"{DAY}&interval=minute", "bad_interval"),
        (f"{DAY}&timezone=", "bad_timezone"),
        (f"{DAY}&timezone=Mars/Olympus", "bad_timezone"),
        (f"{DAY}&timezone=../../etc/passwd", "bad_timezone"),
        (f"{DAY}&timezone=Europe", "bad_timezone"),
        (f"{DAY}&timezone=%2B02:00", "bad_timezone"),
        ("start=2020-01-01&end=2026-01-01&interval=hour", "too_many_points"),
        ("start=0001-01-01&end=9999-12-31&interval=hour", "too_many_points"),
        ("start=0001-01-01T00:00Z&end=0001-01-02&timezone=America/New_York", "bad_window"),
        ("start=9999-12-01&end=9999-12-31T01:00&interval=month", "bad_window"),
    ],
)
def test_timeseries_refuses(query: str, code: str) -> None:
    assert refuse(parse_series_query, query).code == code


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("", "missing_parameter"),
        ("by=", "bad_group_by"),
        ("by=sessionId", "bad_group_by"),
        ("by=properties.a", "bad_group_by"),
        ("by=path&by=os", "repeated_parameter"),
        ("by=path&offset=-1", "bad_offset"),
        ("by=path&offset=100001", "bad_offset"),
        ("by=path&groupBy=path", "unknown_parameter"),
        ("by=path&limit=0", "bad_limit"),
        ("by=path&timezone=%2B02:00", "bad_timezone"),
        ("by=path&start=1993-08-21&end=1993-08-21&timezone=Pacific/Kwajalein", "bad_window"),
    ],
)
def test_breakdown_refuses(query: str, code: str) -> None:
    assert refuse(parse_breakdown_query, query).code == code


def test_realtime_knows_filters_only() -> None:
    assert refuse(parse_realtime, "start=2026-01-01").code == "unknown_parameter"
    assert refuse(parse_realtime, "filter=x").code == "bad_filter"


def test_several_mistakes_are_told_at_once() -> None:
    problem = refuse(parse_stats_query, "limit=0&start=x&foo=1&filter=a&filter=b")

    assert problem.code == "invalid_query"
    assert [(error["field"], error["code"]) for error in problem.errors] == [
        ("foo", "unknown_parameter"),
        ("start", "bad_timestamp"),
        ("filter", "bad_filter"),
        ("filter", "bad_filter"),
        ("limit", "bad_limit"),
    ]


def test_a_thousand_mistakes_make_a_short_answer() -> None:
    problem = refuse(parse_stats_query, "&".join(f"a{'x' * 999}{n}=1" for n in range(999)))

    assert len(problem.errors) == 20
    assert all(len(error["field"]) <= 64 for error in problem.errors)


def test_nothing_given_means_the_defaults() -> None:
    query = parse_stats_query(PROJECT, QueryDict(""))

    assert (query.project, query.limit, query.group_by) == (PROJECT, 10, None)
    assert (query.window.start, query.window.end) == (None, None)
    assert (query.condition, query.exact) == (None, False)


def test_an_offset_needs_no_escape() -> None:
    query = parse_stats_query(PROJECT, QueryDict("start=2026-01-01T00:00:00+02:00"))

    assert query.window.start == datetime(2025, 12, 31, 22, tzinfo=UTC)


def test_a_date_alone_is_midnight_of_the_time_zone() -> None:
    given = "start=2026-07-01&end=2026-07-02T00:00&timezone=Europe/Berlin"
    query = parse_series_query(PROJECT, QueryDict(given))

    assert query.window.start == datetime(2026, 6, 30, 22, tzinfo=UTC)
    assert query.window.end == datetime(2026, 7, 2, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("path:is:/a", Compare(Field("path"), "is", ("/a",))),
        ("path:contains:a:b::", Compare(Field("path"), "contains", ("a:b::",))),
        ("userId:is_not: ", Not(Compare(Field("userId"), "is", (" ",)))),
        ("properties.a.b:is:1", Compare(Field("properties.a.b", (("a", "b"),)), "is", ("1",))),
        ("properties.a:b:is:z", Compare(Field("properties.a:b", (("a:b",),)), "is", ("z",))),
        ("properties.a:is:b:is:z", Compare(Field("properties.a", (("a",),)), "is", ("b:is:z",))),
        (
            'properties["a:is:b"]:is:z',
            Compare(Field('properties["a:is:b"]', (("a:is:b",),)), "is", ("z",)),
        ),
        (
            'properties["\\"]:is:"].b["c"].d:is_not:["x"]',
            Not(
                Compare(
                    Field('properties["\\"]:is:"].b["c"].d', (('"]:is:',), ("b",), ("c",), ("d",))),
                    "is",
                    ('["x"]',),
                )
            ),
        ),
        (
            "properties.items[0]:is:1",
            Compare(Field("properties.items[0]", (("items[0]",),)), "is", ("1",)),
        ),
        ('properties[""]:is:', Compare(Field('properties[""]', (("",),)), "is", ("",))),
        ("path:is:", Compare(Field("path"), "is", ("",))),
        ("referrer:exists", Compare(Field("referrer"), "exists")),
        ("referrer:not_exists:", Not(Compare(Field("referrer"), "exists"))),
        ("path:is:exists", Compare(Field("path"), "is", ("exists",))),
    ],
)
def test_a_filter_is_understood(text: str, expected: Condition) -> None:
    assert parse_filter(text) == expected


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("abc", None),
        ("10", 10),
        ("-1.5", -1.5),
        ("1e3", 1000.0),
        ("1e999", None),
        ("010", None),
        ("9" * 18, 10**18 - 1),
        ("9" * 19, 1e19),
        ("9" * 2048, None),
        ("\N{SUPERSCRIPT TWO}", None),
        ("true", None),
    ],
)
def test_a_value_may_spell_a_number(text: str, number: float | None) -> None:
    found = read_number(text)

    assert (found, type(found)) == (number, type(number))


def test_questions_know_neither_mongodb_nor_its_operators() -> None:
    for module in Path(*questions.__path__).rglob("*.py"):
        nodes = list(ast.walk(ast.parse(module.read_text())))
        imported = {node.module for node in nodes if isinstance(node, ast.ImportFrom)}
        imported |= {
            name.name for node in nodes if isinstance(node, ast.Import) for name in node.names
        }
        texts = [node.value for node in nodes if isinstance(node, ast.Constant)]

        assert not [
            name
            for name in imported
            if name and name.startswith(("bson", "pymongo", "analytics.databases"))
        ], module.name
        assert not [text for text in texts if isinstance(text, str) and text.startswith("$")], (
            module.name
        )


def local_starts(interval: Interval, zone: str, start: str, end: str) -> list[str]:
    """The starts of the units, local, and after them the end of the last."""
    zone_info = parse_zone(zone)
    window = (parse_moment(start, zone_info), parse_moment(end, zone_info))
    boundaries = list_boundaries(*window, interval, zone_info)
    return [format_timestamp(boundary.astimezone(zone_info)) for boundary in boundaries]


def test_days_have_23_and_25_hours_where_clocks_change() -> None:
    assert local_starts("day", "Europe/Berlin", "2026-03-28", "2026-03-31") == [
        "2026-03-28T00:00:00+01:00",
        "2026-03-29T00:00:00+01:00",
        "2026-03-30T00:00:00+02:00",
        "2026-03-31T00:00:00+02:00",
    ]
    assert local_starts("day", "Europe/Berlin", "2026-10-25", "2026-10-26") == [
        "2026-10-25T00:00:00+02:00",
        "2026-10-26T00:00:00+01:00",
    ]


def test_the_hour_that_clocks_skip_is_not_there_and_the_repeated_one_is_twice() -> None:
    spring = local_starts("hour", "Europe/Berlin", "2026-03-29", "2026-03-30")
    autumn = local_starts("hour", "Europe/Berlin", "2026-10-25", "2026-10-26")

    assert (len(spring) - 1, len(autumn) - 1) == (23, 25)
    assert spring[1:3] == ["2026-03-29T01:00:00+01:00", "2026-03-29T03:00:00+02:00"]
    assert autumn[2:4] == ["2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00"]


def test_a_change_by_half_an_hour_starts_a_point_of_its_own() -> None:
    spring = local_starts("hour", "Australia/Lord_Howe", "2026-10-04", "2026-10-05")
    autumn = local_starts("hour", "Australia/Lord_Howe", "2026-04-05", "2026-04-06")

    assert spring[1:4] == [
        "2026-10-04T01:00:00+10:30",
        "2026-10-04T02:30:00+11:00",
        "2026-10-04T03:00:00+11:00",
    ]
    assert autumn[1:4] == [
        "2026-04-05T01:00:00+11:00",
        "2026-04-05T01:30:00+10:30",
        "2026-04-05T02:00:00+10:30",
    ]
    assert (spring[0], spring[-1]) == ("2026-10-04T00:00:00+10:30", "2026-10-05T00:00:00+11:00")
    assert local_starts("day", "Australia/Lord_Howe", "2026-10-04", "2026-10-05") == [
        spring[0],
        spring[-1],
    ]


def test_a_window_may_begin_within_a_half_hour_of_change() -> None:
    given = ("2026-04-04T15:10:00Z", "2026-04-04T15:20:00Z")

    assert local_starts("hour", "Australia/Lord_Howe", *given) == [
        "2026-04-05T01:30:00+10:30",
        "2026-04-05T02:00:00+10:30",
    ]


def test_hours_of_kathmandu_begin_at_its_own_full_hour() -> None:
    given = ("2026-01-01T00:10:00Z", "2026-01-01T01:16:00Z")

    assert local_starts("hour", "Asia/Kathmandu", *given) == [
        "2026-01-01T05:00:00+05:45",
        "2026-01-01T06:00:00+05:45",
        "2026-01-01T07:00:00+05:45",
        "2026-01-01T08:00:00+05:45",
    ]


def test_a_day_whose_midnight_is_skipped_begins_when_it_is_skipped() -> None:
    assert local_starts("day", "America/Sao_Paulo", "2018-11-03", "2018-11-05") == [
        "2018-11-03T00:00:00-03:00",
        "2018-11-04T01:00:00-02:00",
        "2018-11-05T00:00:00-02:00",
    ]


def test_a_day_that_never_was_has_no_point() -> None:
    days = local_starts("day", "Pacific/Apia", "2011-12-29", "2012-01-01")

    assert [day[:10] for day in days] == ["2011-12-29", "2011-12-31", "2012-01-01"]


def test_weeks_begin_on_monday_and_months_on_the_first() -> None:
    weeks = local_starts("week", "UTC", "2025-12-31", "2026-01-13")
    months = local_starts("month", "Europe/Berlin", "2026-02-10", "2026-04-02")

    assert [week[:10] for week in weeks] == ["2025-12-29", "2026-01-05", "2026-01-12", "2026-01-19"]
    assert months == [
        "2026-02-01T00:00:00+01:00",
        "2026-03-01T00:00:00+01:00",
        "2026-04-01T00:00:00+02:00",
        "2026-05-01T00:00:00+02:00",
    ]


def test_the_most_points_are_answered_and_one_more_refused() -> None:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    end = start + timedelta(hours=MAX_POINTS)

    assert len(list_boundaries(start, end, "hour", UTC)) == MAX_POINTS + 1
    with pytest.raises(TooManyPoints):
        list_boundaries(start, end + timedelta(milliseconds=1), "hour", UTC)
