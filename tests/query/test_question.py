"""Reading the body of POST /query: what it means, and every mistake with its code and place."""

import json
import time
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import pytest

from analytics.web.problems import BadRequest
from reporting.questions.conditions import And, Compare, Did, Not, Or
from reporting.questions.fields import Field
from reporting.questions.language.json_body import MAX_NESTING
from reporting.questions.language.spans import begin_at
from reporting.questions.language.table import Asker, parse_table_query
from reporting.questions.table import Metric, Order, TableQuery, Unit
from reporting.questions.timestamps import parse_zone
from reporting.web.table_wire import render_condition

NOW = datetime(2026, 11, 26, 14, 30, 5, tzinfo=UTC)
BERLIN = Asker(b"project1", NOW, parse_zone("Europe/Berlin"))
PATH = {"field": "path", "op": "is", "values": ["/a"]}
END = "compare.end"


def ask(asker: Asker = BERLIN, **fields: Any) -> TableQuery:
    return parse_table_query(json.dumps({"metrics": ["views"]} | fields).encode(), asker)


def refuse(body: Any) -> list[tuple[str, str]]:
    """The code and place of each mistake."""
    if not isinstance(body, bytes):
        body = json.dumps({"metrics": ["views"]} | body).encode()
    with pytest.raises(BadRequest) as caught:
        parse_table_query(body, BERLIN)
    problem = caught.value
    found = [(error["code"], error["field"]) for error in problem.errors]
    assert problem.code == (found[0][0] if len(found) == 1 else "invalid_query")
    return found


def nest(levels: int, leaf: Any = PATH) -> Any:
    for _ in range(levels):
        leaf = {"not": leaf}
    return leaf


def test_a_question_that_says_nothing_is_of_28_days_in_the_zone_of_the_project() -> None:
    query = ask()

    assert (query.project, query.metrics, query.dimensions) == (
        b"project1",
        (Metric("views", "views"),),
        (),
    )
    assert query.span.window.start == datetime(2026, 10, 29, 23, tzinfo=UTC)
    assert query.span.window.end == datetime(2026, 11, 26, 23, tzinfo=UTC)
    assert (query.condition, query.goal, query.compare, query.bots) == (
        *(None, None, None),
        "included",
    )
    assert (query.order, query.limit, query.offset) == ((Order("metric", 0, True),), 100, 0)


def test_metrics_have_a_name_and_perhaps_a_property() -> None:
    query = ask(metrics=["visitors", "sum(properties.amount)", 'p95(properties["a:b)"])'])

    assert query.metrics == (
        Metric("visitors", "visitors"),
        Metric("sum(properties.amount)", "sum", Field("properties.amount", (("amount",),))),
        Metric('p95(properties["a:b)"])', "p95", Field('properties["a:b)"]', (("a:b)",),))),
    )


def test_a_filter_is_a_tree_and_its_values_are_how_they_are_spelled() -> None:
    body = b"""{"metrics": ["views"], "filter": {"and": [
        {"field": "properties.n", "op": "is", "values": ["a", 1.0, 10e2, -0, true, false, null]},
        {"or": [{"not": {"field": "title", "op": "exists"}},
                {"did": {"field": "event", "op": "contains", "values": ["X"],
                         "caseSensitive": false}}]}]}}"""
    condition = parse_table_query(body, BERLIN).condition

    number = Field("properties.n", (("n",),))
    assert condition == And(
        (
            Compare(number, "is", ("a", "1.0", "10e2", "-0", "true", "false", "null")),
            Or(
                (
                    Not(Compare(Field("title"), "exists")),
                    Did(Compare(Field("event"), "contains", ("X",), case_sensitive=False)),
                )
            ),
        )
    )
    again = ask(filter=render_condition(condition))
    assert again.condition == condition


@pytest.mark.parametrize(
    ("bots", "leaves_out", "expected"),
    [
        (None, False, "included"),
        (None, True, "excluded"),
        (True, True, "included"),
        (False, False, "excluded"),
        ("only", True, "only"),
    ],
)
def test_bots_are_counted_as_it_is_said_or_as_the_project_has_it(
    bots: Any, leaves_out: bool, expected: str
) -> None:
    asker = Asker(b"project1", NOW, UTC, leaves_out_bots=leaves_out)

    assert ask(asker, **({} if bots is None else {"bots": bots})).bots == expected


def test_order_names_metrics_and_dimensions_that_are_asked_for() -> None:
    query = ask(
        metrics=["views", "users"],
        dimensions=["path", "time:day"],
        order=[["time:day", "asc"], ["users", "desc"], ["path", "desc"]],
    )

    assert query.order == (
        Order("dimension", 1, False),
        Order("metric", 1, True),
        Order("dimension", 0, True),
    )
    assert query.dimensions == (Field("path"), Unit("day"))


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ({"metrics": []}, "bad_metrics", "metrics"),
        ({"metrics": ["views"] * 2}, "bad_metrics", "metrics[1]"),
        ({"metrics": [f"sum(properties.{n})" for n in range(11)]}, "bad_metrics", "metrics"),
        ({"metrics": "views"}, "wrong_type", "metrics"),
        ({"metrics": [7]}, "wrong_type", "metrics[0]"),
        ({"metrics": ["visit"]}, "unknown_metric", "metrics[0]"),
        ({"metrics": ["views", "bounces"]}, "unknown_metric", "metrics[1]"),
        ({"metrics": ["sum"]}, "unknown_metric", "metrics[0]"),
        ({"metrics": ["p94(properties.a)"]}, "unknown_metric", "metrics[0]"),
        ({"metrics": ["sum(path)"]}, "unknown_field", "metrics[0]"),
        ({"metrics": ["sum(properties.)"]}, "unknown_field", "metrics[0]"),
        ({"metrics": ["sum(nothing)"]}, "unknown_field", "metrics[0]"),
        ({"metrics": ["conversions"]}, "missing_field", "goal"),
        ({"dimensions": ["visitStart"]}, "unknown_field", "dimensions[0]"),
        ({"dimensions": ["path", "$where"]}, "unknown_field", "dimensions[1]"),
        ({"dimensions": ["path", "path"]}, "bad_dimensions", "dimensions[1]"),
        ({"dimensions": ["time:day", "time:hour"]}, "bad_dimensions", "dimensions[1]"),
        ({"dimensions": ["path", "os", "country"]}, "bad_dimensions", "dimensions"),
        ({"dimensions": ["time:second"]}, "unknown_field", "dimensions[0]"),
        ({"dimensions": ["time:minute"], "period": "7d"}, "too_many_points", "dimensions[0]"),
        (
            {"dimensions": ["path", "time:hour"], "period": "year"},
            "too_many_points",
            "dimensions[1]",
        ),
        ({"start": "2026-11-01"}, "bad_window", "end"),
        ({"end": "2026-11-01"}, "bad_window", "start"),
        ({"start": "2026-11-02", "end": "2026-11-01"}, "bad_window", "end"),
        ({"start": "2026-11-01", "end": "2026-11-02", "period": "7d"}, "bad_window", "period"),
        ({"start": "yesterday", "end": "2026-11-02"}, "bad_timestamp", "start"),
        ({"start": 20261101, "end": "2026-11-02"}, "wrong_type", "start"),
        ({"start": "9999-12-31", "end": "9999-12-31"}, "bad_window", "end"),
        ({"period": "8d"}, "bad_period", "period"),
        ({"period": ""}, "bad_period", "period"),
        ({"timezone": "Mars/Olympus"}, "bad_timezone", "timezone"),
        ({"timezone": None}, "wrong_type", "timezone"),
        ({"bots": "true"}, "bad_bots", "bots"),
        ({"bots": 1}, "bad_bots", "bots"),
        ({"compare": "next"}, "bad_compare", "compare"),
        ({"compare": None}, "bad_compare", "compare"),
        ({"compare": "previous", "period": "all"}, "bad_compare", "compare"),
        ({"compare": {"start": "2026-11-01"}}, "bad_window", "compare.end"),
        ({"compare": {"start": "2026-11-01", "end": "x"}}, "bad_timestamp", "compare.end"),
        ({"order": [["users", "desc"]]}, "bad_order", "order[0][0]"),
        ({"order": [["views", "down"]]}, "bad_order", "order[0][1]"),
        ({"order": [["views", "asc"]] * 2}, "bad_order", "order[1][0]"),
        ({"order": ["views"]}, "wrong_type", "order[0]"),
        ({"order": [["views"]]}, "bad_order", "order[0]"),
        ({"limit": 0}, "bad_limit", "limit"),
        ({"limit": 10_001}, "bad_limit", "limit"),
        ({"limit": 1.0}, "bad_limit", "limit"),
        ({"limit": True}, "bad_limit", "limit"),
        ({"limit": "5"}, "bad_limit", "limit"),
        ({"offset": -1}, "bad_offset", "offset"),
        ({"offset": 1_000_001}, "bad_offset", "offset"),
        ({"dimensions": ["time:day"], "limit": 5}, "bad_limit", "limit"),
        ({"dimensions": ["time:day"], "offset": 0}, "bad_offset", "offset"),
        ({"dimensions": ["time:day"], "order": []}, "bad_order", "order"),
        ({"metric": ["views"]}, "unknown_field", "metric"),
        ({"": 1}, "unknown_field", "body"),
        ({"__proto__": {}}, "unknown_field", "__proto__"),
    ],
)
def test_a_question_is_refused(body: Any, code: str, place: str) -> None:
    assert refuse(body) == [(code, place)]


@pytest.mark.parametrize(
    ("given", "code", "place"),
    [
        ([], "wrong_type", ""),
        (None, "wrong_type", ""),
        ({}, "missing_field", ".field .op"),
        ({"and": []}, "bad_filter", ".and"),
        ({"or": {}}, "wrong_type", ".or"),
        ({"and": [PATH], "or": [PATH]}, "unknown_field", ".or"),
        ({"not": [PATH]}, "wrong_type", ".not"),
        ({"did": {"and": [PATH, {"did": PATH}]}}, "bad_filter", ".did.and[1].did"),
        ({"and": [PATH, PATH | {"op": "like"}]}, "bad_op", ".and[1].op"),
        (PATH | {"op": "gt", "values": [1]}, "bad_op", ".op"),
        (PATH | {"field": "visits"}, "unknown_field", ".field"),
        (PATH | {"field": "properties"}, "unknown_field", ".field"),
        (PATH | {"field": 'properties["\\u0000"]'}, "unknown_field", ".field"),
        (PATH | {"values": []}, "bad_value", ".values"),
        (PATH | {"values": "/a"}, "wrong_type", ".values"),
        (PATH | {"values": ["/a", ["/b"]]}, "wrong_type", ".values[1]"),
        (PATH | {"values": ["a\x00b"]}, "bad_value", ".values[0]"),
        (PATH | {"values": ["a" * 2049]}, "bad_value", ".values[0]"),
        (PATH | {"values": ["a"] * 1001}, "bad_value", ".values"),
        (PATH | {"op": "exists"}, "bad_value", ".values"),
        ({"field": "path", "op": "is"}, "missing_field", ".values"),
        (PATH | {"caseSensitive": "no"}, "wrong_type", ".caseSensitive"),
        (PATH | {"value": "/a"}, "unknown_field", ".value"),
        ({"field": "properties.n", "op": "gt", "values": ["x"]}, "bad_value", ".values[0]"),
        ({"field": "properties.n", "op": "lte", "values": ["1e999"]}, "bad_value", ".values[0]"),
        ({"field": "properties.n", "op": "lt", "values": [1, 2]}, "bad_value", ".values"),
        (PATH | {"op": "matches", "values": ["a" * 501]}, "filter_too_large", ".values[0]"),
        (PATH | {"op": "matches", "values": ["(.{0,50}x){2}"]}, "bad_pattern", ".values[0]"),
        (PATH | {"op": "matches", "values": ["a"] * 11}, "filter_too_large", ".values[10]"),
        ({"or": [PATH] * 101}, "bad_filter", ".or"),
        ({"or": [{"and": [PATH] * 51}] * 2}, "filter_too_large", ".or[1].and[49]"),
        (nest(8), "filter_too_large", ".not" * 8),
    ],
)
@pytest.mark.parametrize("name", ["filter", "goal"])
def test_a_filter_is_refused(name: str, given: Any, code: str, place: str) -> None:
    places = [f"{name}{part}" for part in place.split(" ")]

    assert refuse({name: given}) == [(code, place) for place in places]


def test_a_filter_may_be_as_large_as_is_said() -> None:
    assert ask(filter=nest(7)).condition
    assert ask(filter={"or": [PATH] * 100}).condition
    assert ask(filter=PATH | {"values": ["a" * 2048] * 10}).condition
    assert ask(filter=PATH | {"values": [str(n) for n in range(1000)]}).condition
    assert ask(filter=PATH | {"op": "matches", "values": ["a" * 500] * 10}).condition


def test_all_mistakes_are_told_at_once() -> None:
    body = {"metrics": ["x"], "limit": 0, "filter": {"and": [PATH | {"op": 1}]}, "y": 1}

    assert set(refuse(body)) == {
        ("unknown_metric", "metrics[0]"),
        ("bad_limit", "limit"),
        ("wrong_type", "filter.and[0].op"),
        ("unknown_field", "y"),
    }


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff",
        b"\x00{}",
        b'{"metrics": ["views"]} {}',
        b'{"metrics": ["views"], "metrics": ["users"]}',
        b'{"metrics": ["views"], "filter": {"op": "is", "op": "is"}}',
        b'{"limit": NaN}',
        b'{"limit": -Infinity}',
        b'{"metrics": ["\\ud800"]}',
        b'{"\\udfff": 1}',
        b"[" * 100_000,
        b'{"filter":' * 20_000,
        b'{"filter": ' + b"[" * MAX_NESTING + b"]" * MAX_NESTING + b"}",
        '{"metrics": ["views"]}'.encode("utf-16"),
    ],
    ids=lambda body: body[:20].decode("latin-1"),
)
def test_what_is_no_json_is_refused_as_such(body: bytes) -> None:
    assert refuse(body) == [("invalid_json", "body")]


@pytest.mark.parametrize("body", [b"[]", b"null", b"1e999", b'"x"', b"true"])
def test_a_body_is_an_object(body: bytes) -> None:
    assert refuse(body) == [("wrong_type", "body")]


def test_brackets_in_texts_are_no_nesting() -> None:
    assert ask(filter=PATH | {"values": ["[" * 1000 + '"' + "{" * 100]}).condition


def test_units_are_those_of_both_windows() -> None:
    query = ask(dimensions=["time:day"], start="2026-10-24", end="2026-10-27", compare="previous")

    assert query.compare is not None
    assert len(query.span.boundaries) == len(query.compare.boundaries) == 4
    hours = [end - start for start, end in pairwise(query.span.boundaries)]
    assert [hour.total_seconds() / 3600 for hour in hours] == [24, 25, 24]
    assert query.order == ()


def test_minutes_are_for_two_days() -> None:
    query = ask(dimensions=["time:minute"], start="2026-11-01", end="2026-11-03")

    assert len(query.span.boundaries) == 2 * 24 * 60 + 1


def test_all_begins_with_the_day_of_the_first_event() -> None:
    query = ask(period="all", dimensions=["time:month"])
    assert (query.span.window.start, query.span.boundaries) == (None, ())

    begun = begin_at(query, datetime(2026, 9, 15, 23, 30, tzinfo=UTC))

    assert begun.span.window.start == datetime(2026, 9, 15, 22, tzinfo=UTC)
    assert begun.span.boundaries[0] == datetime(2026, 8, 31, 22, tzinfo=UTC)
    assert begin_at(query, None).span.window.start == datetime(2026, 11, 25, 23, tzinfo=UTC)
    assert begin_at(ask(), NOW) == ask()


def test_all_of_too_long_a_time_is_refused_once_that_is_known() -> None:
    with pytest.raises(BadRequest) as caught:
        begin_at(ask(period="all", dimensions=["time:hour"]), datetime(2020, 1, 1, tzinfo=UTC))

    assert caught.value.code == "too_many_points"


@pytest.mark.parametrize(
    ("start", "end", "compare", "place"),
    [
        ("0001-01-01T00:00:00Z", "2026-11-26", None, "end"),
        ("2026-11-25", "2026-11-26", {"start": "0001-01-01T00:00:00Z", "end": "0002-01-01"}, END),
        ("0001-01-01T06:00:00Z", "0001-01-01T08:00:00Z", "previous", "compare"),
        ("0001-01-02", "9999-12-30", {"start": "9999-12-01", "end": "9999-12-02"}, "compare"),
    ],
)
def test_a_window_has_its_ends_in_the_local_calendar(
    start: str, end: str, compare: Any, place: str
) -> None:
    body = {"start": start, "end": end, "timezone": "America/New_York"}
    compared = {} if compare is None else {"compare": compare}

    assert refuse(body | compared) == [("bad_window", place)]


def test_a_key_that_is_there_twice_among_many_is_found_at_once() -> None:
    keys = ",".join(f'"{number}":0' for number in range(25_000))
    begun = time.process_time()

    assert refuse(f'{{{keys},"24999":0}}'.encode()) == [("invalid_json", "body")]
    assert time.process_time() - begun < 5
