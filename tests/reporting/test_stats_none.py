"""Who came without a referrer, a country or whatever: the row "none", and filters that name it."""

import os
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.rollups import BOT, DIMENSIONS
from reporting.answers import Counts
from reporting.ask import answer
from reporting.questions.fields import Field
from reporting.questions.query import BreakdownQuery, StatsQuery
from reporting.raw.answer_source import RawAnswerSource
from tests import stored
from tests.conftest import Api, TestProject
from tests.reporting.rollup_builder import store_events as store_built
from tests.reporting.rollup_builder import store_rollups
from tests.reporting.test_stats_raw import DAY, get, store_events
from tests.reporting.test_stats_rollups import assert_same, make_events

pytestmark = [pytest.mark.usefixtures("store"), pytest.mark.slow]


def test_visitors_without_a_referrer_can_be_counted(project: TestProject, read: Api) -> None:
    stored.store_events(
        project,
        [
            {"path": "/d", "userId": "a"},
            {"path": "/d", "userId": "b", "properties": {"referrer": "https://example.org/"}},
        ],
    )

    def rows(**query: Any) -> list[tuple[Any, int, int, float]]:
        body = get(read, "/stats/breakdown", by="referrer", **query)
        assert body["total"] == len(body["results"])
        return [(r["value"], r["views"], r["users"], r["share"]) for r in body["results"]]

    def groups(**query: Any) -> list[tuple[Any, int, int]]:
        found = get(read, "/stats", groupBy="referrer", **query)["groups"]
        return [(g["value"], g["count"], g["uniqueUsers"]) for g in found]

    assert rows() == [("example.org", 1, 1, 0.5)]
    assert rows(none="false") == rows()
    assert rows(none="true") == [("example.org", 1, 1, 0.5), (None, 1, 1, 0.5)]
    assert rows(none="true", filter="referrer:not_exists") == [(None, 1, 1, 1.0)]
    assert rows(none="true", filter="referrer:exists") == [("example.org", 1, 1, 1.0)]
    assert groups() == [("example.org", 1, 1)]
    assert groups(none="true") == [("example.org", 1, 1), (None, 1, 1)]
    assert get(read, "/stats", filter="referrer:not_exists")["uniqueUsers"] == 1
    assert get(read, "/stats", filter="referrer:exists")["uniqueUsers"] == 1


def test_the_row_none_is_ranked_paged_and_counted_as_any_other(
    project: TestProject, read: Api
) -> None:
    store_events(
        project,
        *({"userId": f"u{n % 2}"} for n in range(3)),
        *({"country": "DE", "visitor": n} for n in range(3)),
        {"country": "FR"},
        *({"country": "", "event": "signup"} for n in range(2)),
        {"event": "signup", "userId": "u9"},
    )

    def page(**query: Any) -> list[Any]:
        body = get(read, "/stats/breakdown", by="country", none="true", **DAY, **query)
        assert (body["total"], body["meta"]["source"]) == (4, "columns")
        return [tuple(row.values()) for row in body["results"]]

    whole = [
        ("DE", 3, 3, 0, 3, 0.428571),
        (None, 3, 4, 3, 3, 0.428571),  # after its equals
        ("FR", 1, 1, 0, 1, 0.142857),
        ("", 0, 2, 0, 1, 0.0),
    ]
    assert page() == whole
    assert [page(limit=1, offset=n) for n in range(5)] == [[row] for row in whole] + [[]]


@pytest.mark.parametrize("field", ["userId", "sessionId", "properties.plan", "properties.$a.b:c"])
def test_none_is_missing_or_null_of_any_field(project: TestProject, read: Api, field: str) -> None:
    if field.startswith("properties."):
        key = field.removeprefix("properties.")
        with_values: list[dict[str, Any]] = [{"properties": {key: v}} for v in ("x", "", 0, None)]
        expected = {"x": 1, "": 1, 0: 1, None: 3}
    else:
        with_values = [{field: "x"}, {field: "y"}]
        expected = {"x": 1, "y": 1, None: 2}
    store_events(project, *with_values, {}, {"properties": {"other": 1}})

    groups = get(read, "/stats", groupBy=field, none="true", **DAY)["groups"]

    assert {group["value"]: group["count"] for group in groups} == expected
    assert groups[0]["value"] is None
    alone = get(read, "/stats", filter=f"{field}:not_exists", **DAY)
    assert alone["visitors"] == 1
    assert alone["totalViews"] == expected[None]


def test_what_every_event_has_needs_no_raw_events_for_its_row_none(read: Api) -> None:
    for name in ("path", "event"):
        body = get(read, "/stats/breakdown", by=name, none="true")
        assert body["meta"]["source"] == "rollup"


@settings(max_examples=15)
@given(
    seed=st.integers(0, 2**32), count=st.integers(1, 60), name=st.sampled_from((*DIMENSIONS, BOT))
)
def test_the_row_none_is_what_its_filter_counts_and_the_rows_add_up(
    seed: int, count: int, name: str
) -> None:
    chance, project = random.Random(seed), os.urandom(8)
    events = store_built(project, make_events(chance, count))
    store_rollups(project, events, chance)
    field = Field(name)
    query = BreakdownQuery(project=project, by=field, none=True, limit=1000)

    asked = answer(query)

    none = [row for row in asked.rows if row.value is None]
    alone = [event for event in events if event.get(name) is None]
    counted = Counts(
        views=sum(event["event"] == "pageview" for event in alone),
        events=len(alone),
        users=len({event["userId"] for event in alone if "userId" in event}),
        visitors=len({event["visitor"] for event in alone if "visitor" in event}),
    )
    assert [row.counts for row in none] == ([counted] if alone else [])
    total = StatsQuery(project=project)
    assert sum(row.counts.events for row in asked.rows) == len(events)
    assert sum(row.counts.views for row in asked.rows) == answer(total).totals.views
    # Without it, the rows are those that rollups have.
    known = BreakdownQuery(project=project, by=field, limit=1000)
    rows = [row for row in asked.rows if row.value is not None]
    assert rows == list(answer(known).rows)
    assert_same(RawAnswerSource().answer_breakdown(known), answer(known))


def test_old_answers_have_no_row_none(project: TestProject, read: Api) -> None:
    store_events(project, {"properties": {"a": None}}, {})

    assert get(read, "/stats/breakdown", by="country")["results"] == []
    assert get(read, "/stats", groupBy="country")["groups"] == []
    assert get(read, "/stats", groupBy="properties.a")["groups"] == [
        {"value": None, "count": 1, "uniqueUsers": 0}
    ]
