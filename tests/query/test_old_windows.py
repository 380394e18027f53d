"""Windows that begin before the events that are kept: rollups know some of it, and say so."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import Api, TestProject, make_project
from tests.stored import store_events

DAY = timedelta(days=1)
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
OLD = TODAY - 20 * DAY
PATH_IS = {"field": "path", "op": "is", "values": ["/0"]}
WINDOW = {"start": OLD.isoformat(), "end": (TODAY - DAY).isoformat()}


@pytest.fixture
def short(store: None) -> TestProject:
    """It keeps its events for ten days."""
    project = make_project("Short", retention_days=10)
    moments = [OLD + DAY * n for n in (0, 0, 1, 15)]
    people = ["ann", "bob", "ann", "ann"]
    store_events(
        project,
        [
            {"path": f"/{n % 2}", "userId": user, "timestamp": moment + timedelta(hours=9)}
            for n, (moment, user) in enumerate(zip(moments, people, strict=True))
        ]
        + [{"path": "/0", "event": "signup", "userId": "bob", "timestamp": OLD}],
    )
    return project


def ask(project: TestProject, **fields: Any) -> Any:
    body = {"metrics": ["views", "users"], **WINDOW, **fields}
    answer = Api(project.read_key).post("/query", body)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_totals_are_those_of_rollups(short: TestProject) -> None:
    answer = ask(short)

    assert answer["totals"] == [4, 2]
    assert answer["results"] == [{"dimensions": [], "metrics": [4, 2]}]
    assert (answer["total"], answer["meta"]["source"]) == (1, "rollup")
    assert answer["meta"]["uniques"]["method"] == "exact"


def test_rows_are_in_the_order_that_was_asked_for(short: TestProject) -> None:
    by_views = ask(short, dimensions=["path"])
    by_path = ask(short, dimensions=["path"], order=[["path", "asc"]], offset=1, limit=1)
    by_event = ask(short, dimensions=["event"], metrics=["users", "visitors", "views"])

    assert [row["dimensions"] + row["metrics"] for row in by_views["results"]] == [
        ["/0", 2, 2],
        ["/1", 2, 2],
    ]
    assert [row["dimensions"] for row in by_path["results"]] == [["/1"]]
    assert (by_path["total"], by_path["totals"]) == (2, [4, 2])
    assert [row["dimensions"] + row["metrics"] for row in by_event["results"]] == [
        ["pageview", 2, 2, 4],
        ["signup", 1, 1, 0],
    ]


def test_a_row_of_nothing_is_none(short: TestProject) -> None:
    answer = ask(short, dimensions=["event"], metrics=["views"])

    assert [row["dimensions"] for row in answer["results"]] == [["pageview"]]
    assert answer["total"] == 1


def test_each_day_has_its_row(short: TestProject) -> None:
    answer = ask(short, dimensions=["time:day"])

    rows = [row["metrics"] for row in answer["results"]]
    assert (len(rows), answer["total"]) == (19, 19)
    assert rows[:3] == [[2, 2], [1, 1], [0, 0]]
    assert answer["results"][0]["dimensions"] == [OLD.strftime("%Y-%m-%dT00:00:00Z")]
    assert answer["meta"]["partial"] == []


def test_two_windows_are_compared(short: TestProject) -> None:
    window = {"start": (OLD + DAY).isoformat(), "end": (OLD + 2 * DAY).isoformat()}

    totals = ask(short, **window, compare="previous")["results"][0]
    days = ask(short, **window, compare="previous", dimensions=["time:day"])["results"]
    paths = ask(short, **window, compare="previous", dimensions=["path"])["results"]

    expected = {"metrics": [2, 2], "change": [-0.5, -0.5], "difference": [-1, -1]}
    assert (totals["metrics"], totals["compare"]) == ([1, 1], expected)
    assert [(row["metrics"], row["compare"]) for row in days] == [([1, 1], expected)]
    [path] = paths
    assert path["compare"] == {"metrics": [1, 2], "change": [0, -0.5], "difference": [0, -1]}


@pytest.mark.parametrize(
    "fields",
    [
        {"metrics": ["events"]},
        {"metrics": ["views", "sum(properties.n)"]},
        {"dimensions": ["country"]},
        {"dimensions": ["path", "time:day"]},
        {"dimensions": ["time:minute"], "end": (OLD + DAY).isoformat()},
        {"filter": {"field": "path", "op": "is", "values": ["/0"]}},
        {
            **{"start": (TODAY - DAY).isoformat(), "end": TODAY.isoformat()},
            **{"compare": WINDOW, "metrics": ["events"]},
        },
    ],
)
def test_what_rollups_do_not_know_is_refused(short: TestProject, fields: Any) -> None:
    body = {"metrics": ["views"], **WINDOW, **fields}
    answer = Api(short.read_key).post("/query", body)

    assert (answer.status_code, answer.json()["code"]) == (400, "raw_expired")
    [error] = answer.json()["errors"]
    assert error["field"] == ("compare" if "compare" in fields else "start")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/query/funnel", {"steps": [PATH_IS, PATH_IS]}),
        ("/query/retention", {}),
        ("/query/journeys", {}),
    ],
)
def test_what_people_did_in_a_time_that_is_partly_gone_is_refused(
    short: TestProject, path: str, body: Any
) -> None:
    api = Api(short.read_key)
    answer = api.post(path, body | WINDOW)

    assert (answer.status_code, answer.json()["code"]) == (400, "raw_expired")
    assert answer.json()["errors"][0]["field"] == "start"
    assert api.post(path, body | {"period": "all"}).status_code == 200


def test_properties_of_a_time_that_is_partly_gone_are_refused(short: TestProject) -> None:
    api = Api(short.read_key)
    answer = api.get("/properties", **WINDOW)

    assert (answer.status_code, answer.json()["code"]) == (400, "raw_expired")
    assert answer.json()["errors"][0]["field"] == "start"
    assert api.get("/properties", period="all").status_code == 200


def test_days_that_have_not_begun_are_null(short: TestProject) -> None:
    answer = ask(short, dimensions=["time:day"], end=(TODAY + 3 * DAY).isoformat())

    assert answer["meta"]["source"] == "rollup"
    assert answer["results"][-1]["metrics"] == [None, None]


def test_more_values_than_can_be_ranked_are_refused(
    short: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reporting.rollups.table_source._MOST_ROWS", 1)
    body = {"metrics": ["views"], "dimensions": ["path"], **WINDOW}
    answer = Api(short.read_key).post("/query", body)

    assert (answer.status_code, answer.json()["code"]) == (400, "query_too_large")
