"""The answers of /stats, /stats/timeseries and /stats/breakdown, out of columns."""

from datetime import UTC, timedelta
from typing import Any

from reporting.answers import Counts, Reason
from reporting.columns.counting import answer_breakdown, answer_series, answer_stats
from reporting.questions.conditions import And, Condition, Not
from reporting.questions.query import BreakdownQuery, SeriesQuery, StatsQuery
from tests.reporting_dialect.asking import DAY, NOON, Files, at, compare, is_

PROJECT = b"project."


def stats(files: Files, **more: Any) -> Any:
    return answer_stats(files.engine, files.view, StatsQuery(project=PROJECT, window=DAY, **more))


def breakdown(files: Files, by: str, **more: Any) -> Any:
    query = BreakdownQuery(project=PROJECT, window=DAY, by=at(by), **more)
    return answer_breakdown(files.engine, files.view, query)


def test_totals_count_everything_and_paths_are_ranked_by_views(files: Files) -> None:
    files.store(
        {"path": "/b", "visitor": 1, "userId": "a"},
        {"path": "/b", "visitor": 1, "event": "$engagement"},
        {"path": "/a", "visitor": 2},
        {"path": "/c", "event": "buy"},
        {"path": "/d", "timestamp": 0},
    )

    answer = stats(files)
    assert answer.totals == Counts(views=2, events=4, users=1, visitors=2)
    assert answer.top_paths == [("/a", 1), ("/b", 1)]
    assert answer.groups is None
    assert (answer.provenance.source, answer.provenance.nothing) == ("columns", ())
    assert stats(files, limit=1).top_paths == [("/a", 1)]


def groups(files: Files, field: str, **more: Any) -> list[tuple[Any, int]]:
    found = stats(files, group_by=at(field), **more).groups
    return [(row.value, row.counts.ranking(at(field))) for row in found]


def test_groups_of_a_field_leave_out_what_is_absent_unless_none_is_asked_for(files: Files) -> None:
    files.store({"country": "DE"}, {}, {"country": "FR", "event": "buy"}, {"country": "DE"})

    assert groups(files, "country") == [("DE", 2)]
    assert groups(files, "country", none=True) == [("DE", 2), (None, 1)]


def test_groups_of_a_property_count_events_and_an_explicit_null_is_a_value(files: Files) -> None:
    values: list[Any] = ["x", "x", None, 5, 5.0, {"b": 1, "a": [2]}]
    files.store(*({"event": "e", "properties": {"v": value}} for value in values), {})

    assert groups(files, "properties.v") == [(5, 2), ("x", 2), ('{"b":1,"a":[2]}', 1), (None, 1)]
    assert groups(files, "properties.v", none=True)[0:3] == [(5, 2), ("x", 2), (None, 2)]


def test_a_breakdown_has_rows_without_views_too_and_the_whole_of_the_window(files: Files) -> None:
    files.store(
        {"country": "DE", "visitor": 1, "userId": "a"},
        {"country": "FR", "event": "buy", "visitor": 2},
        {},
    )

    answer = breakdown(files, "country")
    assert [(row.value, row.counts) for row in answer.rows] == [
        ("DE", Counts(1, 1, 1, 1)),
        ("FR", Counts(0, 1, 0, 1)),
    ]
    assert (answer.total, answer.whole) == (2, 2)
    assert (breakdown(files, "country", none=True).total, len(answer.rows)) == (3, 2)
    page = breakdown(files, "country", limit=1, offset=1)
    assert ([row.value for row in page.rows], page.total) == (["FR"], 2)


def test_a_series_has_a_point_for_each_unit(files: Files) -> None:
    boundaries = tuple(NOON + timedelta(hours=hour) for hour in range(4))
    files.store({"visitor": 1}, {"timestamp": boundaries[2], "event": "buy", "userId": "a"})
    query = SeriesQuery(
        project=PROJECT, window=DAY, timezone=UTC, interval="hour", boundaries=boundaries
    )

    answer = answer_series(files.engine, files.view, query)
    assert answer.points == [Counts(1, 1, 0, 1), Counts(), Counts(0, 1, 1, 0)]


def codes(files: Files, where: Condition | None) -> list[Any]:
    nothing = stats(files, condition=where, group_by=at("country")).provenance.nothing
    return [(reason.code, reason.field) for reason in nothing]


def test_nothing_has_its_reason(files: Files) -> None:
    assert codes(files, None) == [("no_events", None)]
    files.store({"path": "/a", "hostname": "x"}, {"path": "/b"})

    assert codes(files, is_("path", "/c")) == [("value_absent", "path")]
    assert codes(files, is_("properties.v", "c")) == [("field_absent", "properties.v")]
    assert codes(files, And((is_("path", "/b"), is_("hostname", "x")))) == [("no_overlap", None)]
    assert codes(files, And((is_("path", "/c"), is_("source", "x")))) == [
        ("value_absent", "path"),
        ("field_absent", "source"),
    ]
    assert codes(files, Not(compare("path", "exists"))) == [("value_absent", "path")]
    assert codes(files, is_("path", "/a")) == [("field_absent", "country")]
    reason = breakdown(files, "country").provenance.nothing
    assert [type(each) for each in reason] == [Reason]
