"""POST /query/journeys, from the request to the answer, over events as the drain stores them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reporting.web.behaviour.examples import JOURNEYS
from tests.conftest import Api, TestProject
from tests.stored import store_events

NOON = datetime(2026, 10, 5, 12, tzinfo=UTC)
WINDOW = {"start": "2026-10-05", "end": "2026-10-06"}
WENT = {
    "ada": "/ / /pricing signup $engagement /pricing /app /docs",
    "ben": "/ /pricing",
    "cem": "/ /pricing",
    "dua": "/blog",
    "eve": "load /blog load",
}


@pytest.fixture
def shop(project: TestProject) -> TestProject:
    store_events(project, [
        {"timestamp": NOON + timedelta(minutes=minute), "userId": user}
        | ({"path": each} if each.startswith("/") else {"path": "/x", "event": each})
        for user, ways in WENT.items() for minute, each in enumerate(ways.split())
    ])  # fmt: skip
    return project


def ask(project: TestProject, **fields: Any) -> Any:
    answer = Api(project.read_key).post("/query/journeys", {**WINDOW, **fields})
    assert answer.status_code == 200, answer.content
    return answer.json()


def ways_of(answer: Any) -> list[tuple[str, int]]:
    return [(" ".join(each["values"]), each["visits"]) for each in answer["journeys"]]


def test_the_first_pages_of_visits_one_after_the_other(shop: TestProject) -> None:
    answer = ask(shop)

    assert ways_of(answer) == [
        ("/ /pricing", 2),
        ("/blog", 2),
        ("/ /pricing /app /docs", 1),
    ]
    assert answer["visits"] == 5
    assert ways_of(ask(shop, steps=2)) == [("/ /pricing", 3), ("/blog", 2)]


def test_journeys_of_events_have_pageviews_as_their_paths(shop: TestProject) -> None:
    assert ways_of(ask(shop, field="event", steps=3)) == [
        ("/ /pricing", 2),
        ("/ /pricing signup", 1),
        ("/blog", 1),
        ("load /blog load", 1),
    ]


def test_a_journey_may_begin_with_what_is_said(shop: TestProject) -> None:
    pricing = {"field": "path", "op": "is", "values": ["/pricing"]}
    signup = {"field": "event", "op": "is", "values": ["signup"]}
    engaged = {"field": "event", "op": "is", "values": ["$engagement"]}

    assert ways_of(ask(shop, **{"from": pricing})) == [("/pricing", 2), ("/pricing /app /docs", 1)]
    assert ways_of(ask(shop, **{"from": signup})) == [("/pricing /app /docs", 1)]
    assert ways_of(ask(shop, field="event", **{"from": engaged})) == [("/pricing /app /docs", 1)]
    assert ask(shop, **{"from": signup})["visits"] == 1
    assert ask(shop, **{"from": pricing | {"values": ["/nowhere"]}})["journeys"] == []


def test_a_filter_is_of_whole_visits(shop: TestProject) -> None:
    signup = {"field": "event", "op": "is", "values": ["signup"]}
    answer = ask(shop, filter=signup)

    assert ways_of(answer) == [("/ /pricing /app /docs", 1)]
    assert answer["visits"] == 1
    assert ask(shop, filter={"not": {"did": signup}})["visits"] == 4


def test_visits_count_where_they_begin_and_go_on_after_the_end(shop: TestProject) -> None:
    cut = {"start": "2026-10-05T12:00:00Z", "end": "2026-10-05T12:01:00Z"}
    late = {"start": "2026-10-05T12:01:00Z", "end": "2026-10-06T00:00:00Z"}

    assert ways_of(ask(shop, **cut))[2] == ("/ /pricing /app /docs", 1)
    assert ask(shop, **late)["visits"] == 0


def test_a_page_has_so_many_and_the_number_of_visits_is_of_all(shop: TestProject) -> None:
    answer = ask(shop, limit=1)

    assert (ways_of(answer), answer["visits"]) == ([("/ /pricing", 2)], 5)


def test_it_is_told_how_the_question_was_understood(shop: TestProject) -> None:
    begin = {"field": "path", "op": "is", "values": ["/"]}
    answer = ask(shop, **{"from": begin}, bots=True)

    assert answer["query"] == {
        "steps": 4,
        "field": "path",
        "from": begin,
        "start": "2026-10-05T00:00:00Z",
        "end": "2026-10-06T00:00:00Z",
        "timezone": "UTC",
        "bots": True,
        "filter": None,
        "limit": 100,
    }
    assert answer["meta"]["source"] == "columns"


@pytest.mark.parametrize("name", JOURNEYS)
def test_every_example_of_the_document_is_answered(shop: TestProject, name: str) -> None:
    answer = Api(shop.read_key).post("/query/journeys", JOURNEYS[name])

    assert answer.status_code == 200, answer.content
    assert answer.json()["query"]["steps"] == JOURNEYS[name]["steps"]
