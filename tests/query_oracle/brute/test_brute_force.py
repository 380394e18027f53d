"""The count by hand itself, against what the contract says in its own words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.query_oracle.brute.brute_force import Body, Project, answer
from tests.query_oracle.brute.values import look_up, read_keys, value_at
from tests.query_oracle.brute.windows import Window, compared_window, list_units, read_window

NOW = datetime(2026, 11, 26, 12, 34, 56, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")


def event(at: str = "2026-11-20T12:00:00+00:00", **fields: Any) -> dict[str, Any]:
    return {"timestamp": datetime.fromisoformat(at), "event": "pageview", "path": "/"} | fields


def ask(documents: list[dict[str, Any]], **body: Any) -> Body:
    asked = {"metrics": ["views"], "start": "2026-11-01", "end": "2026-12-01", **body}
    return answer(documents, asked, Project(ZoneInfo("UTC"), False), NOW)


def values(documents: list[dict[str, Any]], *metrics: str, **body: Any) -> list[Any]:
    found = ask(documents, metrics=list(metrics), **body)["totals"]
    assert isinstance(found, list)
    return found


def rows(documents: list[dict[str, Any]], **body: Any) -> list[tuple[Any, ...]]:
    found = ask(documents, **body)["results"]
    return [(*row["dimensions"], *row["metrics"]) for row in found]


def of(*found: Any) -> list[dict[str, Any]]:
    return [event(properties={"v": value}) for value in found]


def test_views_are_pageviews_and_events_are_without_reserved_names() -> None:
    stored = [event(), event(event="signup"), event(event="$engagement")]
    assert values(stored, "views", "events") == [1, 2]


def test_a_row_exists_where_any_of_its_metrics_is_neither_0_nor_null() -> None:
    stored = [event(path="/a"), event(path="/b", event="signup")]
    assert rows(stored, dimensions=["path"]) == [("/a", 1)]
    assert rows([]) == [(0,)]


def test_a_value_that_an_event_does_not_have_is_null_and_has_its_row() -> None:
    stored = [event(country="DE"), event(), event()]
    assert rows(stored, dimensions=["country"]) == [(None, 2), ("DE", 1)]
    order = [["country", "desc"]]
    assert rows(stored, dimensions=["country"], order=order) == [("DE", 1), (None, 2)]


def test_equal_numbers_are_one_row_and_null_and_absent_are_one() -> None:
    stored = [*of(5, 5.0, "5", None, {"b": 1, "a": []}), event()]
    assert rows(stored, dimensions=["properties.v"]) == [
        (5, 2), (None, 2), ("5", 1), ('{"a":[],"b":1}', 1),
    ]  # fmt: skip


def test_texts_are_in_the_order_of_their_utf8_bytes() -> None:
    stored = [event(path=path) for path in ("/\U0001f600", "/\uffee", "/a", "/Z")]
    found = rows(stored, dimensions=["path"])
    assert [path for path, _ in found] == ["/Z", "/a", "/\uffee", "/\U0001f600"]


def test_percentiles_are_the_smallest_value_that_enough_do_not_exceed() -> None:
    asked = [f"{name}(properties.v)" for name in ("p50", "p75", "p90", "p99", "min", "max")]
    assert values(of(1, 2, 3, 4), *asked) == [2, 3, 4, 4, 1, 4]
    assert values(of(True, "9", None), *asked) == [None] * 6


def test_sums_of_integers_are_exact_and_of_nothing_0() -> None:
    asked = (
        "sum(properties.v)",
        "avg(properties.v)",
        "count(properties.v)",
        "unique(properties.v)",
    )
    assert values(of(2**62, 2**62, 1), *asked) == [2**63 + 1, 3.07445734562e18, 3, 2]
    assert values(of(None), *asked) == [0, None, 0, 0]
    assert values(of(1.7e308, 1.7e308), *asked)[0] is None


def test_a_text_finds_itself_the_number_and_the_constant_it_spells() -> None:
    found = of("5", 5, 5.0, 2**53 + 1, float(2**53), True, "true", None, [5])

    def count(*texts: Any, op: str = "is") -> Any:
        given = {"field": "properties.v", "op": op, "values": list(texts)}
        return values(found, "views", filter=given)[0]

    assert count(5) == count("5") == count("5.0") + 1 == 3
    assert count(2**53 + 1) == count(2**53) == 1
    assert (count(True), count("True"), count(None)) == (2, 0, 1)
    assert count(5, op="gt") == 2 and count(5, op="gte") == 4


def test_exists_does_not_hold_of_null_and_not_holds_of_what_is_not_there() -> None:
    stored = [*of(None, 0, [1]), event()]
    there = {"field": "properties.v", "op": "exists"}
    zero = {"field": "properties.v", "op": "is", "values": ["0"]}
    assert values(stored, "views", filter=there) == [2]
    assert values(stored, "views", filter={"not": zero}) == [3]


def test_text_compares_by_case_unless_asked_not_to() -> None:
    stored = [event(path="/Über"), event(path="/über"), event(path="/x.y"), event(path="/xzy")]

    def count(op: str, text: str, **more: Any) -> Any:
        given = {"field": "path", "op": op, "values": [text], **more}
        return values(stored, "views", filter=given)[0]

    assert count("startsWith", "/Ü") == 1
    assert count("startsWith", "/Ü", caseSensitive=False) == 2
    assert count("contains", "x.y") == 1 and count("matches", "x.y") == 2
    assert count("endsWith", "ber") == 2


def test_did_holds_for_all_events_of_a_visitor_with_one_that_matches() -> None:
    stored = [
        event(visitor=1), event(visitor=1, event="signup"), event(visitor=2), event(),
        event("2026-10-31T23:59:59+00:00", visitor=2, event="signup"), event(event="signup"),
    ]  # fmt: skip
    signup = {"field": "event", "op": "is", "values": ["signup"]}
    assert values(stored, "views", "events", filter={"did": signup}) == [1, 2]
    only = {"and": [{"did": signup}, {"field": "event", "op": "is", "values": ["pageview"]}]}
    assert values(stored, "visitors", filter=only) == [1]


def test_conversions_are_visitors_of_the_row_who_did_what_the_goal_says() -> None:
    stored = [
        event(visitor=1, path="/a"), event(visitor=2, path="/a"), event(visitor=3, path="/b"),
        event(visitor=1, path="/end", event="signup"), event(path="/a", event="signup"),
    ]  # fmt: skip
    goal = {"field": "event", "op": "is", "values": ["signup"]}
    asked = ["conversions", "conversionRate"]
    assert values(stored, *asked, goal=goal) == [1, 0.333333333333]
    assert rows(stored, metrics=asked, goal=goal, dimensions=["path"]) == [
        ("/a", 1, 0.5), ("/end", 1, 1.0),
    ]  # fmt: skip


def test_engagement_is_the_largest_of_each_view_then_the_mean_over_views() -> None:
    def engaged(view: Any, **found: Any) -> dict[str, Any]:
        return event(event="$engagement", properties={"view": view, **found})

    stored = [
        engaged("a", seconds=5, scroll=20), engaged("a", seconds=9, scroll=10),
        engaged("b", seconds=9_000), engaged(None, seconds=1), event(properties={"seconds": 7}),
    ]  # fmt: skip
    asked = ("engagedSeconds", "scrollDepth", "views")
    assert values(stored, *asked) == [1804.5, 20, 1]
    signup = {"field": "event", "op": "is", "values": ["signup"]}
    assert values(stored, *asked, filter=signup) == [1804.5, 20, 0]


@pytest.mark.parametrize(("bots", "views"), [(True, 2), (False, 1), ("only", 1), (None, 1)])
def test_bots_are_counted_as_asked_or_as_the_project_has_it(bots: Any, views: int) -> None:
    body = {"metrics": ["views"], "start": "2026-11-20", "end": "2026-11-20"}
    asked = body if bots is None else body | {"bots": bots}
    found = answer([event(), event(bot="GPTBot")], asked, Project(BERLIN, True), NOW)
    assert found["totals"] == [views]


def test_a_key_with_dots_is_found_before_keys_within_keys() -> None:
    nested = {"a": {"b": 1, "b.c": 2}, "a.b": 3, "x:y": {"z": 4}}
    assert value_at({"properties": nested}, "properties.a.b") == 3
    assert value_at({"properties": nested}, "properties.a.b.c") == 2
    assert value_at({"properties": nested}, 'properties["a"]["b"]') == 1
    assert value_at({"properties": nested}, 'properties["x:y"].z') == 4
    assert read_keys('.a.b["c.d"]') == [["a", "b"], ["c.d"]]
    assert look_up({"a": {"b": {"c": 5}}}, ["a", "b", "c"]) == 5


def test_an_hour_that_clocks_repeat_is_two_and_a_day_has_25() -> None:
    window = read_window({"start": "2026-10-25", "end": "2026-10-25"}, BERLIN, NOW, None)
    assert len(list_units(window, "hour", BERLIN)) == 25
    assert len(list_units(window, "day", BERLIN)) == 1
    lord_howe = ZoneInfo("Australia/Lord_Howe")
    window = read_window({"start": "2026-10-04", "end": "2026-10-04"}, lord_howe, NOW, None)
    assert window.end - window.start == timedelta(hours=23.5)
    assert len(list_units(window, "hour", lord_howe)) == 24


def test_a_series_has_every_unit_and_nulls_of_what_has_not_begun() -> None:
    asked = {"start": "2026-11-25", "end": "2026-11-28", "dimensions": ["time:day"]}
    found = ask([event("2026-11-25T08:00:00+00:00")], **asked, timezone="Europe/Berlin")
    assert [(row["dimensions"][0], row["metrics"]) for row in found["results"]] == [
        ("2026-11-25T00:00:00+01:00", [1]), ("2026-11-26T00:00:00+01:00", [0]),
        ("2026-11-27T00:00:00+01:00", [None]),
    ]  # fmt: skip
    assert found["partial"] == ["2026-11-26T00:00:00+01:00", "2026-11-27T00:00:00+01:00"]


def test_rows_are_compared_with_the_window_before_by_their_dimensions() -> None:
    stored = [event(path="/a"), event(path="/a"), event("2026-10-20T00:00:00+00:00", path="/a"),
              event("2026-10-20T00:00:00+00:00", path="/b")]  # fmt: skip
    whole = {"compare": {"start": "2026-10-01", "end": "2026-11-01"}, "dimensions": ["path"]}
    [row] = ask(stored, **whole)["results"]
    assert row["compare"] == {"metrics": [1], "change": [1.0], "difference": [1]}


def test_a_window_that_is_not_over_is_compared_with_the_same_part() -> None:
    asked = {"period": "today", "compare": "previous"}
    window = read_window(asked, BERLIN, NOW, None)
    before = compared_window(asked, window, BERLIN, NOW)
    assert before == Window(
        datetime(2026, 11, 24, 23, tzinfo=UTC), datetime(2026, 11, 25, 12, 34, 56, tzinfo=UTC)
    )
    asked = {"period": "28d", "compare": "year"}
    before = compared_window(asked, read_window(asked, BERLIN, NOW, None), BERLIN, NOW)
    assert before.start == datetime(2025, 10, 30, 23, tzinfo=UTC)
    asked = {"period": "month", "compare": "previous"}
    before = compared_window(asked, read_window(asked, BERLIN, NOW, None), BERLIN, NOW)
    assert before.start == datetime(2026, 9, 30, 22, tzinfo=UTC)
    assert before.end == datetime(2026, 10, 26, 12, 34, 56, tzinfo=UTC)


def test_the_zone_without_a_day_goes_on_with_the_next() -> None:
    apia = ZoneInfo("Pacific/Apia")
    window = read_window({"start": "2011-12-29", "end": "2012-01-01"}, apia, NOW, None)
    assert len(list_units(window, "day", apia)) == 2
