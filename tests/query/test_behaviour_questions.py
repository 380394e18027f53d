"""Reading the bodies below POST /query: what they mean, and each mistake with its place."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from analytics.web.problems import BadRequest
from reporting.questions.conditions import Compare, Did
from reporting.questions.fields import Field
from reporting.questions.funnel import FunnelQuery
from reporting.questions.journeys import JourneysQuery
from reporting.questions.language.funnel import parse_funnel_query
from reporting.questions.language.journeys import parse_journeys_query
from reporting.questions.language.retention import parse_retention_query
from reporting.questions.language.table import Asker
from reporting.questions.language.windowed import begin_windowed
from reporting.questions.retention import RetentionQuery
from reporting.questions.timestamps import parse_zone

NOW = datetime(2026, 11, 26, 14, 30, 5, tzinfo=UTC)
BERLIN = Asker(b"project1", NOW, parse_zone("Europe/Berlin"))
HOME, BUY = ({"field": "path", "op": "is", "values": [path]} for path in ("/", "/buy"))
STEPS = {"steps": [HOME, BUY]}
PATTERNS = {"field": "path", "op": "matches", "values": ["a"] * 6}
MORE = PATTERNS | {"values": ["a"] * 5}

Parser = Callable[[bytes, Asker], Any]


def ask_funnel(**fields: Any) -> FunnelQuery:
    return parse_funnel_query(json.dumps(STEPS | fields).encode(), BERLIN)


def ask_retention(**fields: Any) -> RetentionQuery:
    return parse_retention_query(json.dumps(fields).encode(), BERLIN)


def ask_journeys(**fields: Any) -> JourneysQuery:
    return parse_journeys_query(json.dumps(fields).encode(), BERLIN)


def refuse(parser: Parser, body: Any) -> list[tuple[str, str]]:
    """The code and place of each mistake."""
    with pytest.raises(BadRequest) as caught:
        parser(json.dumps(body).encode(), BERLIN)
    return [(error["code"], error["field"]) for error in caught.value.errors]


def test_a_funnel_is_of_visitors_within_a_day_unless_it_says_more() -> None:
    query = ask_funnel()

    home = Compare(Field("path"), "is", ("/",))
    assert (query.steps[0], len(query.steps), query.condition) == (home, 2, None)
    assert (query.within_seconds, query.by, query.order) == (86_400, "visitor", "any_between")
    assert (query.dimension, query.limit, query.bots) == (None, 100, "included")
    assert query.window.start == datetime(2026, 10, 29, 23, tzinfo=UTC)
    assert query.visit_zone == "Europe/Berlin"
    assert not query.needs_visits


def test_a_funnel_says_what_it_likes() -> None:
    country = {"field": "country", "op": "is", "values": ["DE"]}
    query = ask_funnel(
        within=7_776_000,
        by="user",
        order="strict",
        dimension="properties.plan",
        limit=10_000,
        bots="only",
        filter={"did": country},
        period="today",
        timezone="Asia/Tokyo",
    )

    assert (query.within_seconds, query.by, query.order) == (7_776_000, "user", "strict")
    assert query.dimension == Field("properties.plan", (("plan",),))
    assert (query.limit, query.bots, isinstance(query.condition, Did)) == (10_000, "only", True)
    assert query.window.start == datetime(2026, 11, 25, 15, tzinfo=UTC)
    assert query.needs_visits  # the country is of the visit


@pytest.mark.parametrize(
    "asked",
    [{"by": "visit"}, {"dimension": "channel"}, {"steps": [HOME, BUY | {"field": "entryPath"}]}],
)
def test_a_funnel_knows_whether_it_asks_of_visits(asked: dict[str, Any]) -> None:
    assert ask_funnel(**asked).needs_visits


def test_retention_is_of_users_by_the_week_unless_it_says_more() -> None:
    query = ask_retention(start="2026-10-07", end="2026-10-21")

    assert (query.interval, query.periods, query.by) == ("week", 8, "user")
    assert (query.cohort, query.returned) == (None, None)
    assert query.boundaries == (
        datetime(2026, 10, 4, 22, tzinfo=UTC),
        datetime(2026, 10, 11, 22, tzinfo=UTC),
        datetime(2026, 10, 18, 22, tzinfo=UTC),
        datetime(2026, 10, 25, 23, tzinfo=UTC),  # clocks go back
    )


def test_journeys_are_four_paths_unless_they_say_more() -> None:
    query = ask_journeys(**{"from": HOME})

    assert (query.steps, query.field, query.limit) == (4, "path", 100)
    assert (query.origin, query.condition) == (Compare(Field("path"), "is", ("/",)), None)
    assert query.needs_visits


def test_all_begins_with_the_day_of_the_first_event() -> None:
    first = datetime(2026, 11, 24, 23, 30, tzinfo=UTC)

    query = begin_windowed(ask_retention(period="all", interval="day"), first)

    assert query.window.start == datetime(2026, 11, 24, 23, tzinfo=UTC)
    assert query.boundaries[:2] == (query.window.start, datetime(2026, 11, 25, 23, tzinfo=UTC))
    assert begin_windowed(ask_funnel(period="today"), first) == ask_funnel(period="today")


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ({}, "missing_field", "steps"),
        ({"steps": HOME}, "wrong_type", "steps"),
        ({"steps": [HOME]}, "bad_steps", "steps"),
        ({"steps": [HOME] * 9}, "bad_steps", "steps"),
        ({"steps": [HOME, {"and": [BUY | {"op": "like"}]}]}, "bad_op", "steps[1].and[0].op"),
        ({"steps": [HOME, BUY | {"field": "x"}]}, "unknown_field", "steps[1].field"),
        ({"steps": [PATTERNS, MORE]}, "filter_too_large", "steps[1].values[4]"),
        (STEPS | {"filter": {"or": [HOME] * 99}}, "filter_too_large", "steps[1]"),
        (STEPS | {"within": 0}, "bad_within", "within"),
        (STEPS | {"within": 7_776_001}, "bad_within", "within"),
        (STEPS | {"within": 1.5}, "bad_within", "within"),
        (STEPS | {"by": "person"}, "bad_by", "by"),
        (STEPS | {"by": 1}, "wrong_type", "by"),
        (STEPS | {"order": "any"}, "bad_order", "order"),
        (STEPS | {"dimension": "time:day"}, "unknown_field", "dimension"),
        (STEPS | {"dimension": ["path"]}, "wrong_type", "dimension"),
        (STEPS | {"limit": 0}, "bad_limit", "limit"),
        (STEPS | {"offset": 0}, "unknown_field", "offset"),
        (STEPS | {"goal": HOME}, "unknown_field", "goal"),
        (STEPS | {"bots": "no"}, "bad_bots", "bots"),
        (STEPS | {"start": "2026-11-01"}, "bad_window", "end"),
        (STEPS | {"period": "week"}, "bad_period", "period"),
        (STEPS | {"timezone": "Mars"}, "bad_timezone", "timezone"),
    ],
)
def test_a_funnel_is_refused(body: Any, code: str, place: str) -> None:
    assert refuse(parse_funnel_query, body) == [(code, place)]


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ({"interval": "hour"}, "bad_interval", "interval"),
        ({"periods": 32}, "bad_periods", "periods"),
        ({"periods": 0}, "bad_periods", "periods"),
        ({"by": "visit"}, "bad_by", "by"),
        ({"cohort": {"or": []}}, "bad_filter", "cohort.or"),
        ({"return": HOME | {"op": 1}}, "wrong_type", "return.op"),
        ({"cohort": PATTERNS, "return": MORE}, "filter_too_large", "return.values[4]"),
        ({"filter": HOME}, "unknown_field", "filter"),
        ({"limit": 1}, "unknown_field", "limit"),
        (
            {"interval": "day", "start": "2000-01-01", "end": "2020-01-01"},
            "too_many_points",
            "interval",
        ),
    ],
)
def test_retention_is_refused(body: Any, code: str, place: str) -> None:
    assert refuse(parse_retention_query, body) == [(code, place)]


@pytest.mark.parametrize(
    ("body", "code", "place"),
    [
        ({"steps": 1}, "bad_steps", "steps"),
        ({"steps": 9}, "bad_steps", "steps"),
        ({"steps": [HOME]}, "bad_steps", "steps"),
        ({"field": "title"}, "unknown_field", "field"),
        ({"from": [HOME]}, "wrong_type", "from"),
        ({"filter": PATTERNS, "from": MORE}, "filter_too_large", "from.values[4]"),
        ({"limit": 10_001}, "bad_limit", "limit"),
        ({"by": "visitor"}, "unknown_field", "by"),
    ],
)
def test_journeys_are_refused(body: Any, code: str, place: str) -> None:
    assert refuse(parse_journeys_query, body) == [(code, place)]


def test_all_mistakes_are_told_at_once() -> None:
    body = {"steps": [HOME], "by": "x", "within": 0, "y": 1}

    assert set(refuse(parse_funnel_query, body)) == {
        ("bad_steps", "steps"),
        ("bad_by", "by"),
        ("bad_within", "within"),
        ("unknown_field", "y"),
    }
