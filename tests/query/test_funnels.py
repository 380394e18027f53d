"""POST /query/funnel, from the request to the answer, over events as the drain stores them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from reporting.web.behaviour.examples import FUNNELS
from tests.conftest import Api, TestProject
from tests.stored import ENRICHED, store_events

DAY = datetime(2026, 10, 5, tzinfo=UTC)
WINDOW = {"start": "2026-10-05", "end": "2026-10-12"}


def at(hours: float, path: str, user: str, **fields: Any) -> dict[str, Any]:
    moment = DAY + timedelta(hours=hours)
    return {"timestamp": moment, "path": path, "userId": user, **fields}


def step(path: str) -> dict[str, Any]:
    return {"field": "path", "op": "is", "values": [path]}


SIGNUP = {"field": "event", "op": "is", "values": ["signup"]}
STEPS = [step("/"), step("/pricing"), SIGNUP]


@pytest.fixture
def shop(project: TestProject) -> TestProject:
    store_events(project, [
        at(1, "/", "ada", **{ENRICHED: {"country": "DE"}}),
        at(1.25, "/docs", "ada"),
        at(1.5, "/pricing", "ada"),
        at(2, "/", "ben", properties={"plan": "pro"}, **{ENRICHED: {"country": "FR"}}),
        at(2.5, "/pricing", "ben"),
        at(3, "/x", "ben", event="signup"),
        at(1, "/", "cem", **{ENRICHED: {"country": "DE"}}),
        at(28, "/pricing", "cem"),
        at(4, "/pricing", "dua"),
        at(5, "/", "eve", **{ENRICHED: {"bot": "GPTBot"}}),
    ])  # fmt: skip
    return project


def ask(project: TestProject, **fields: Any) -> Any:
    answer = Api(project.read_key).post("/query/funnel", {"steps": STEPS, **WINDOW, **fields})
    assert answer.status_code == 200, answer.content
    return answer.json()


def people(steps: list[Any]) -> list[int]:
    return [step["people"] for step in steps]


def test_each_step_tells_how_many_came_and_how_long_it_took(shop: TestProject) -> None:
    assert ask(shop)["steps"] == [
        {"people": 3, "rate": 1, "stepRate": 1, "medianSeconds": None},
        {
            "people": 2,
            "rate": 0.666666666667,
            "stepRate": 0.666666666667,
            "medianSeconds": 1_800.0,
        },
        {"people": 1, "rate": 0.333333333333, "stepRate": 0.5, "medianSeconds": 1_800.0},
    ]


def test_longer_takes_more(shop: TestProject) -> None:
    found = ask(shop, within=27 * 3_600)["steps"]

    assert people(found) == [3, 3, 1]
    assert found[1]["medianSeconds"] == 1_800.0
    assert people(ask(shop, within=27 * 3_600 - 1)["steps"]) == [3, 2, 1]


def test_where_nobody_is_there_is_no_rate(shop: TestProject) -> None:
    found = ask(shop, filter=step("/nowhere"), dimension="path")

    nobody = {"people": 0, "rate": None, "stepRate": None, "medianSeconds": None}
    assert (found["steps"], found["groups"]) == ([nobody] * 3, [])


def test_strictly_nothing_comes_between(shop: TestProject) -> None:
    assert people(ask(shop, order="strict")["steps"]) == [3, 1, 1]
    not_docs = {"not": step("/docs")}
    assert people(ask(shop, order="strict", filter=not_docs)["steps"]) == [3, 2, 1]


def test_groups_are_of_what_the_first_event_had(shop: TestProject) -> None:
    groups = ask(shop, by="user", dimension="properties.plan")["groups"]

    assert [(group["dimension"], people(group["steps"])) for group in groups] == [
        (None, [2, 1, 0]),
        ("pro", [1, 1, 1]),
    ]
    assert groups[0]["steps"][1]["rate"] == 0.5
    countries = ask(shop, by="user", dimension="country", limit=1)["groups"]
    assert [group["dimension"] for group in countries] == ["DE"]


def test_by_visit_all_is_in_one_visit(shop: TestProject) -> None:
    answer = ask(shop, by="visit", within=1)

    assert people(answer["steps"]) == [3, 1, 0]  # after half an hour it is another visit
    assert answer["query"]["within"] is None
    store_events(shop, [at(1.7, "/", "fay"), at(2.1, "/pricing", "fay")])
    assert people(ask(shop, by="visit")["steps"]) == [4, 2, 0]


def test_did_is_about_the_person_of_the_funnel(shop: TestProject) -> None:
    did = {"did": SIGNUP}

    assert people(ask(shop, by="user", filter=did)["steps"]) == [1, 1, 1]
    assert people(ask(shop, by="user", steps=[STEPS[0], {"not": did}])["steps"]) == [3, 1]


def test_bots_are_there_where_they_are_asked_for(shop: TestProject) -> None:
    assert people(ask(shop, bots=True)["steps"]) == [4, 2, 1]
    assert people(ask(shop, bots="only")["steps"]) == [1, 0, 0]


def test_it_is_told_how_the_question_was_understood(shop: TestProject) -> None:
    answer = ask(shop, timezone="Europe/Berlin", dimension="country")

    assert answer["query"] == {
        "steps": STEPS,
        "within": 86_400,
        "by": "visitor",
        "order": "any_between",
        "start": "2026-10-05T00:00:00+02:00",
        "end": "2026-10-12T00:00:00+02:00",
        "timezone": "Europe/Berlin",
        "bots": False,
        "filter": None,
        "dimension": "country",
        "limit": 100,
    }
    assert answer["meta"]["source"] == "columns"
    assert answer["meta"]["uniques"]["method"] == "exact"
    assert "visitors" in answer["meta"]["uniques"]
    assert "groups" not in ask(shop)


def test_all_begins_with_the_first_event(shop: TestProject) -> None:
    body = {"steps": STEPS, "period": "all"}
    answer = Api(shop.read_key).post("/query/funnel", body).json()

    assert people(answer["steps"]) == [3, 2, 1]
    assert answer["query"]["start"] == "2026-10-05T00:00:00Z"


@pytest.mark.parametrize("name", FUNNELS)
def test_every_example_of_the_document_is_answered(shop: TestProject, name: str) -> None:
    answer = Api(shop.read_key).post("/query/funnel", FUNNELS[name])

    assert answer.status_code == 200, answer.content
    assert len(answer.json()["steps"]) == len(FUNNELS[name]["steps"])


def test_a_bad_pattern_is_told_with_its_place(shop: TestProject) -> None:
    bad = {"not": {"field": "path", "op": "matches", "values": ["("]}}
    answer = Api(shop.read_key).post("/query/funnel", {"steps": [STEPS[0], bad]})

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, "bad_pattern")
    assert error["field"] == "steps[1].not.values[0]"
