"""Visits as they are counted by hand, against what the contract says in its own words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.query_oracle.brute.brute_force import Body, Project, answer
from tests.query_oracle.brute.journeys import answer_journeys

NOW = datetime(2026, 11, 26, 12, 34, 56, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
NUMBERS = ("visits", "bounceRate", "visitDuration", "viewsPerVisit")


def at(minutes: float, event: str = "pageview", **fields: Any) -> dict[str, Any]:
    moment = NOON + timedelta(minutes=minutes)
    return {"timestamp": moment, "event": event, "path": "/", "visitor": 1} | fields


def is_(field: str, *values: Any) -> Body:
    return {"field": field, "op": "is", "values": list(values)}


def ask(documents: list[dict[str, Any]], zone: str = "UTC", **body: Any) -> Body:
    asked = {"metrics": ["visits"], "start": "2026-11-01", "end": "2026-12-01", **body}
    return answer(documents, asked, Project(ZoneInfo(zone), False), NOW)


def numbers(documents: list[dict[str, Any]], zone: str = "UTC", **body: Any) -> list[Any]:
    found = ask(documents, zone, metrics=list(NUMBERS), **body)["totals"]
    assert isinstance(found, list)
    return found


def count(documents: list[dict[str, Any]], zone: str = "UTC", **body: Any) -> int:
    return int(numbers(documents, zone, **body)[0])


def rows(documents: list[dict[str, Any]], **body: Any) -> list[tuple[Any, ...]]:
    found = ask(documents, **body)["results"]
    return [(*row["dimensions"], *row["metrics"]) for row in found]


def journeys(documents: list[dict[str, Any]], **body: Any) -> dict[tuple[str, ...], int]:
    asked = {"start": "2026-11-01", "end": "2026-12-01", **body}
    found = answer_journeys(documents, asked, Project(ZoneInfo("UTC"), False), NOW)
    return {tuple(row["values"]): row["visits"] for row in found["journeys"]}


def test_signing_in_does_not_cut_a_visit_in_two() -> None:
    stored = [
        at(0, visitor=7, anonymous=7), at(1, visitor=3, anonymous=7, userId="ann"),
        at(2, visitor=7),  # the server's, of the same device
    ]  # fmt: skip
    assert numbers(stored) == [1, 0.0, 120.0, 3.0]
    assert ask(stored, metrics=["visitors", "users"])["totals"] == [2, 1]
    assert count([at(0, visitor=3, anonymous=7), at(1, visitor=3)]) == 2


def test_a_visit_goes_on_for_less_than_30_minutes() -> None:
    pause = 30 - 1 / 60_000
    assert count([at(0), at(pause)]) == 1
    assert count([at(0), at(30)]) == 2
    assert numbers([at(0), at(pause, event="signup")]) == [1, 0.0, 1799.999, 1.0]


def test_a_visit_ends_with_the_day_of_the_projects_zone() -> None:
    late = [at(11 * 60 + 50), at(12 * 60 + 5)]
    assert count(late) == 2
    assert count(late, "America/New_York") == 1
    assert count(late, timezone="America/New_York") == 2
    assert count([at(10 * 60 + 59), at(11 * 60)], "Europe/Berlin") == 2


def test_what_has_no_pageview_is_no_visit() -> None:
    stored = [at(0, event="signup", country="DE"), at(5, event="buy")]
    assert numbers(stored) == [0, None, None, None]
    assert count([*stored, at(10)]) == 1
    assert rows(stored, metrics=["events"], dimensions=["country"]) == [("DE", 1), (None, 1)]


def test_bots_and_who_has_no_visitor_are_in_no_visit() -> None:
    nobody = {"timestamp": NOON, "event": "pageview", "path": "/"}
    assert count([nobody, at(0, bot="GPTBot")]) == 0
    stored = [at(0), at(20, bot="GPTBot"), at(35)]
    assert count(stored) == 2
    assert count(stored, bots="only") == 0


def test_reserved_events_extend_the_end_and_nothing_else() -> None:
    assert numbers([at(0), at(29, event="$engagement")]) == [1, 1.0, 1740.0, 1.0]
    assert count([at(0), at(29, event="$engagement"), at(58)]) == 1
    begins_none = [at(0, event="$engagement", country="DE"), at(5, country="FR")]
    assert numbers(begins_none) == [1, 1.0, 0.0, 1.0]
    asked: Body = {"filter": is_("event", "$engagement"), "dimensions": ["country"]}
    assert rows(begins_none, metrics=["users", "count(properties.v)"], **asked) == []
    assert count(begins_none, filter=is_("event", "$engagement")) == 0
    assert count([at(0), at(1, event="$engagement")], filter=is_("event", "$engagement")) == 1
    after_a_visit = [at(0), at(40, event="$engagement"), at(65)]
    assert numbers(after_a_visit) == [2, 1.0, 0.0, 1.0]


def test_a_visit_bounced_if_it_has_one_pageview_and_no_other_event() -> None:
    assert numbers([at(0)])[1] == 1
    assert numbers([at(0), at(1)])[1] == 0
    assert numbers([at(0), at(1, event="signup")])[1] == 0


def test_a_visit_counts_in_the_window_in_which_it_begins_whole() -> None:
    stored = [at(0), at(20, path="/end"), at(40, event="signup")]
    inside = {"start": "2026-11-20T12:00:00Z", "end": "2026-11-20T12:10:00Z"}
    after = {"start": "2026-11-20T12:10:00Z", "end": "2026-11-20T13:00:00Z"}
    assert numbers(stored, **inside) == [1, 0.0, 2400.0, 2.0]
    assert numbers(stored, **after) == [0, None, None, None]
    assert ask(stored, metrics=["views", "events", "visits"], **after)["totals"] == [1, 2, 0]
    assert count(stored, filter=is_("path", "/end"), **inside) == 1
    by_path = rows(stored, metrics=["views", "visits"], dimensions=["path"], **inside)
    assert by_path == [("/", 1, 1), ("/end", 0, 1)]


def test_visits_of_units_are_visits_of_the_window() -> None:
    stored = [at(0), at(50), at(70), at(100, visitor=2)]
    hours = ask(
        stored, dimensions=["time:hour"], start="2026-11-20T12:00:00Z", end="2026-11-20T14:00:00Z"
    )
    assert [row["metrics"] for row in hours["results"]] == [[2], [1]]
    assert hours["totals"] == [3]


def test_fields_of_a_visit_are_those_of_its_first_pageview() -> None:
    stored = [
        at(0, event="signup", source="App", country="FR"), at(1, source="Google", path="/a"),
        at(2, source="Bing", country="DE", path="/b"), at(3, event="buy", source="Bing"),
    ]  # fmt: skip
    asked: Body = {"metrics": ["views", "events", "visits"]}
    assert rows(stored, dimensions=["source"], **asked) == [("Google", 2, 4, 1)]
    assert rows(stored, dimensions=["country"], **asked) == [(None, 2, 4, 1)]
    ends = rows(stored, dimensions=["entryPath", "exitPath"], **asked)
    assert ends == [("/a", "/b", 2, 4, 1)]
    assert count(stored, filter=is_("source", "Bing")) == 0
    assert count(stored, filter={"field": "country", "op": "exists"}) == 0
    assert rows([at(0, event="signup")], metrics=["events"], dimensions=["entryPath"]) == [
        (None, 1)
    ]


def test_a_visit_is_in_each_row_that_one_of_its_matching_events_falls_into() -> None:
    stored = [at(0, path="/a"), at(1, path="/b"), at(2, path="/c"), at(3, "signup", path="/c")]
    assert rows(stored, dimensions=["path"]) == [("/a", 1), ("/b", 1), ("/c", 1)]
    only = {"or": [is_("path", "/a"), is_("event", "signup")]}
    assert rows(stored, dimensions=["path"], filter=only) == [("/a", 1), ("/c", 1)]
    assert ask(stored, filter=only)["totals"] == [1]


@pytest.mark.parametrize("names", [("pageview", "signup"), ("signup", "pageview")])
def test_of_one_moment_pageviews_are_before_others_then_ids_decide(names: tuple[str, str]) -> None:
    moment = [
        at(0, name, source=name, path=f"/{number}", _id=b"project!" + bytes([number]))
        for number, name in enumerate(names)
    ]
    assert rows(moment, metrics=["events"], dimensions=["source"]) == [("pageview", 2)]
    pages = [at(0, path="/b", _id=b"project!b"), at(0, path="/a", _id=b"project!a")]
    assert rows(pages, dimensions=["entryPath", "exitPath"]) == [("/a", "/b", 1)]


def test_who_did_something_in_the_window_did_it_also_for_what_comes_after() -> None:
    stored = [at(0, event="signup"), at(5, path="/a"), at(20, path="/b")]
    window = {"start": "2026-11-20T12:00:00Z", "end": "2026-11-20T12:10:00Z"}
    both = {"and": [{"did": is_("event", "signup")}, is_("path", "/b")]}
    assert count(stored, filter=both, **window) == 1
    late = {"did": is_("path", "/b")}
    assert count(stored, filter=late, **window) == 0


def test_journeys_are_the_first_successive_values_of_a_visit() -> None:
    stored = [
        at(0, path="/"), at(1, path="/"), at(2, "signup", path="/x"), at(3, path="/a"),
        at(4, "$engagement", path="/y"), at(5, path="/"), at(6, path="/b"), at(7, path="/c"),
    ]  # fmt: skip
    assert journeys(stored) == {("/", "/a", "/", "/b"): 1}
    assert journeys(stored, field="event", steps=3) == {("/", "signup", "/a"): 1}
    assert journeys(stored, **{"from": is_("path", "/b")}) == {("/b", "/c"): 1}
    assert journeys(stored, **{"from": is_("event", "signup")}) == {("/a", "/", "/b", "/c"): 1}
    assert journeys(stored, **{"from": is_("path", "/z")}) == {}


def test_journeys_are_of_visits_that_begin_in_the_window_and_hold_a_match() -> None:
    stored = [at(0), at(20, path="/a"), at(0, visitor=2, path="/z"), at(60, visitor=2)]
    window = {"start": "2026-11-20T12:00:00Z", "end": "2026-11-20T12:10:00Z"}
    assert journeys(stored, **window) == {("/", "/a"): 1, ("/z",): 1}
    assert journeys(stored, filter=is_("path", "/a"), **window) == {("/", "/a"): 1}
    equal = [at(0, path=path, visitor=number) for number, path in enumerate(["/é", "/b", "/a"])]
    assert list(journeys(equal)) == [("/a",), ("/b",), ("/é",)]
    assert list(journeys(equal, limit=1)) == [("/a",)]
