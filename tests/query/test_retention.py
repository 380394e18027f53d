"""POST /query/retention, from the request to the answer, over events as the drain stores them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.events.moments import cut_to_ms
from reporting.web.behaviour.examples import RETENTIONS
from tests.conftest import Api, TestProject
from tests.stored import store_events

MONDAY = datetime(2026, 10, 5, 12, tzinfo=UTC)
WINDOW = {"start": "2026-10-05", "end": "2026-10-26"}
SIGNUP, BUY = ({"field": "event", "op": "is", "values": [name]} for name in ("signup", "buy"))
CAME = {
    "ada": [(0, "pageview"), (1, "signup"), (8, "buy"), (15, "pageview")],
    "ben": [(6, "signup"), (7, "pageview")],
    "cem": [(7, "pageview"), (20, "signup")],
    "dua": [(-1, "signup"), (21, "buy")],
}


@pytest.fixture
def shop(project: TestProject) -> TestProject:
    store_events(project, [
        {"timestamp": MONDAY + timedelta(days=day), "path": "/", "event": name, "userId": user}
        for user, events in CAME.items() for day, name in events
    ])  # fmt: skip
    return project


def ask(project: TestProject, **fields: Any) -> Any:
    answer = Api(project.read_key).post("/query/retention", {"periods": 3, **WINDOW, **fields})
    assert answer.status_code == 200, answer.content
    return answer.json()


def rows_of(answer: Any) -> list[Any]:
    return [[each["people"], each["returned"], each["partial"]] for each in answer["cohorts"]]


def test_each_week_tells_who_came_first_in_it_and_came_back(shop: TestProject) -> None:
    answer = ask(shop)

    assert rows_of(answer) == [
        [2, [2, 2, 1], []],
        [1, [1, 1, None], []],
        [0, [0, None, None], []],
    ]
    assert answer["cohorts"][1]["start"] == "2026-10-12T00:00:00Z"


def test_a_cohort_and_a_return_are_what_is_said(shop: TestProject) -> None:
    assert rows_of(ask(shop, cohort=SIGNUP)) == [
        [2, [2, 2, 1], []],
        [0, [0, 0, None], []],
        [1, [1, None, None], []],
    ]
    assert rows_of(ask(shop, cohort=SIGNUP, **{"return": BUY}))[0] == [2, [0, 1, 0], []]


def test_what_counts_as_coming_back_may_be_before_what_begins(shop: TestProject) -> None:
    """In the same unit: it is the unit that counts."""
    store_events(shop, [
        {"timestamp": MONDAY + timedelta(hours=hour), "path": "/", "event": name, "userId": "eve"}
        for hour, name in ((1, "buy"), (2, "signup"))
    ])  # fmt: skip

    assert rows_of(ask(shop, cohort=SIGNUP, **{"return": BUY}))[0] == [3, [1, 1, 0], []]


def test_units_are_of_the_zone_and_cut_ones_are_partial(shop: TestProject) -> None:
    answer = ask(shop, interval="day", start="2026-10-11T12:00:00Z", end="2026-10-12T12:00:00Z",
                 timezone="America/New_York")  # fmt: skip

    assert [cohort["start"] for cohort in answer["cohorts"]] == [
        "2026-10-11T00:00:00-04:00",
        "2026-10-12T00:00:00-04:00",
    ]
    assert rows_of(answer) == [[1, [1, 0, None], [1]], [0, [0, None, None], [0]]]


def test_what_has_not_begun_is_null(project: TestProject) -> None:
    now = cut_to_ms(datetime.now(UTC))
    store_events(project, [{"timestamp": now, "path": "/", "userId": "ada"}])
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    start, end = today - timedelta(days=1), today + timedelta(days=2)

    answer = ask(project, interval="day", start=start.isoformat(), end=end.isoformat())

    assert rows_of(answer) == [
        [0, [0, 0, None], [1]],
        [1, [1, None, None], [0]],
        [None, [None, None, None], []],
    ]


def test_by_visitor_it_is_told_that_they_are_others_each_day(shop: TestProject) -> None:
    assert "visitors" in ask(shop, by="visitor")["meta"]["uniques"]
    assert "visitors" not in ask(shop)["meta"]["uniques"]


def test_did_is_about_the_person(shop: TestProject) -> None:
    bought = {"did": BUY}

    assert rows_of(ask(shop, cohort=bought))[0] == [1, [1, 1, 1], []]


def test_it_is_told_how_the_question_was_understood(shop: TestProject) -> None:
    answer = ask(shop, cohort=SIGNUP, by="visitor")

    assert answer["query"] == {
        "interval": "week",
        "periods": 3,
        "cohort": SIGNUP,
        "return": None,
        "by": "visitor",
        "start": "2026-10-05T00:00:00Z",
        "end": "2026-10-26T00:00:00Z",
        "timezone": "UTC",
        "bots": False,
    }
    assert answer["meta"]["source"] == "columns"


def test_all_begins_with_the_first_event(shop: TestProject) -> None:
    body = {"period": "all", "interval": "month", "periods": 2}
    answer = Api(shop.read_key).post("/query/retention", body).json()

    assert answer["query"]["start"] == "2026-10-04T00:00:00Z"
    assert answer["cohorts"][0]["people"] == 4


@pytest.mark.parametrize("name", RETENTIONS)
def test_every_example_of_the_document_is_answered(shop: TestProject, name: str) -> None:
    answer = Api(shop.read_key).post("/query/retention", RETENTIONS[name])

    assert answer.status_code == 200, answer.content
    periods = RETENTIONS[name]["periods"]
    assert all(len(cohort["returned"]) == periods for cohort in answer.json()["cohorts"])
