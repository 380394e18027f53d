"""POST /query, from the request to the answer, over events as the drain stores them."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings

from reporting.web.query_examples import QUESTIONS
from tests.conftest import Api, TestProject, make_project
from tests.query.asking import ask, rows_of
from tests.stored import ENRICHED, store_events

TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
NOON = TODAY - timedelta(hours=12)
DAY = {"start": (TODAY - timedelta(days=1)).isoformat(), "end": TODAY.isoformat()}
STORY: list[dict[str, Any]] = [
    {"path": "/", "userId": "ann", ENRICHED: {"country": "DE", "browser": "Firefox"}},
    {"path": "/buy", "userId": "ann", "properties": {"amount": 5}, "event": "purchase"},
    {"path": "/", "userId": "bob", ENRICHED: {"country": "FR"}},
    {
        "path": "/",
        "userId": "bob",
        "properties": {"amount": 7.5, "plan": "pro"},
        "timestamp": NOON + timedelta(minutes=1),
    },
    {"path": "/x", "userId": "eve", ENRICHED: {"bot": "GPTBot"}},
]


@pytest.fixture
def story(store: None) -> TestProject:
    """In a project that counts bots, too."""
    project = make_project(leaves_out_bots=False)
    store_events(project, [{"timestamp": NOON, **event} for event in STORY])
    return project


def test_one_row_without_dimensions(story: TestProject) -> None:
    answer = ask(story, metrics=["views", "events", "users"], **DAY)

    assert rows_of(answer) == [[4, 5, 3]]
    assert (answer["totals"], answer["total"]) == ([4, 5, 3], 1)
    assert "compare" not in answer["results"][0]


def test_it_is_told_how_the_question_was_understood(story: TestProject) -> None:
    filter = {"or": [{"field": "path", "op": "is", "values": [1]}, {"not": {
        "field": "title", "op": "exists"}}]}  # fmt: skip
    answer = ask(
        story,
        start="2026-03-29",
        end="2026-03-29",
        timezone="Europe/Berlin",
        dimensions=["path"],
        filter=filter,
        compare="previous",
    )

    filter["or"][0]["values"] = ["1"]  # type: ignore[index]
    assert answer["query"] == {
        "metrics": ["views"],
        "dimensions": ["path"],
        "start": "2026-03-29T00:00:00+01:00",
        "end": "2026-03-30T00:00:00+02:00",
        "timezone": "Europe/Berlin",
        "filter": filter,
        "goal": None,
        "bots": True,
        "compare": {"start": "2026-03-28T00:00:00+01:00", "end": "2026-03-29T00:00:00+01:00"},
        "order": [["views", "desc"]],
        "limit": 100,
        "offset": 0,
    }


def test_it_is_told_what_was_read(story: TestProject) -> None:
    meta = ask(story, **DAY)["meta"]

    assert meta["source"] == "columns"
    assert meta["uniques"]["method"] == "exact"
    assert meta["rowsRead"] == 5
    assert datetime.now(UTC) - datetime.fromisoformat(meta["freshAsOf"]) < timedelta(seconds=20)
    assert isinstance(meta["tookMs"], int)
    assert "partial" not in meta


def test_the_zone_and_the_bots_are_as_the_project_has_them(store: None) -> None:
    project = make_project(time_zone="Asia/Tokyo", leaves_out_bots=True)
    store_events(project, [{"timestamp": NOON, **event} for event in STORY])

    answer = ask(project, **DAY)

    assert (answer["query"]["timezone"], answer["query"]["bots"]) == ("Asia/Tokyo", False)
    assert answer["totals"] == [3]
    assert ask(project, **DAY, bots="only")["totals"] == [1]


def test_filters_goals_and_properties_are_counted(story: TestProject) -> None:
    metrics = ["visitors", "conversions", "conversionRate", "sum(properties.amount)"]
    answer = ask(
        story,
        **DAY,
        metrics=metrics,
        filter={"field": "userId", "op": "is", "values": ["ann", "bob"]},
        goal={"field": "event", "op": "is", "values": ["purchase"]},
    )

    assert answer["totals"] == [2, 1, 0.5, 12.5]


def test_rows_are_by_two_dimensions_and_absence_is_null(story: TestProject) -> None:
    answer = ask(story, **DAY, dimensions=["country", "path"], order=[["country", "asc"]])

    assert rows_of(answer) == [["DE", "/", 1], ["FR", "/", 2], [None, "/x", 1]]


def test_pages_never_overlap(story: TestProject) -> None:
    pages = [ask(story, **DAY, dimensions=["path", "userId"], limit=1, offset=n) for n in range(4)]

    assert [row for page in pages for row in rows_of(page)] == [
        ["/", "bob", 2],
        ["/", "ann", 1],
        ["/x", "eve", 1],
    ]
    assert {page["total"] for page in pages} == {3}


def test_rows_are_compared_with_their_equals(story: TestProject) -> None:
    store_events(
        story,
        [{"path": "/", "timestamp": NOON - timedelta(days=1)}] * 2
        + [{"path": "/gone", "timestamp": NOON - timedelta(days=1)}],
    )

    answer = ask(story, **DAY, dimensions=["path"], compare="previous")

    assert [(row["dimensions"], row["metrics"], row["compare"]) for row in answer["results"]] == [
        (["/"], [3], {"metrics": [2], "change": [0.5], "difference": [1]}),
        (["/x"], [1], {"metrics": [0], "change": [None], "difference": [1]}),
    ]


def test_units_that_have_not_begun_are_null_and_told(story: TestProject) -> None:
    today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    window = {
        "start": (today - timedelta(hours=6)).isoformat(),
        "end": (today + timedelta(days=2)).isoformat(),
    }
    answer = ask(story, **window, dimensions=["time:day"], timezone="UTC")

    days = [today + timedelta(days=n) for n in (-1, 0, 1)]
    texts = [f"{day:%Y-%m-%dT%H:%M:%S}Z" for day in days]
    assert rows_of(answer) == [[texts[0], 0], [texts[1], 0], [texts[2], None]]
    assert answer["meta"]["partial"] == texts


@pytest.mark.parametrize("dimensions", [["time:day"], ["path", "time:day"]])
def test_a_window_that_has_not_begun_is_compared_with_nothing(
    story: TestProject, dimensions: list[str]
) -> None:
    window = {
        "start": (TODAY + timedelta(days=9)).isoformat(),
        "end": (TODAY + timedelta(days=10)).isoformat(),
    }
    answer = ask(story, **window, dimensions=dimensions, compare="previous")

    compared = answer["query"]["compare"]
    assert compared["start"] == compared["end"]
    assert answer["totals"] == [0]


def test_a_change_beyond_all_numbers_is_null_and_told(story: TestProject) -> None:
    store_events(
        story,
        [
            {"path": "/", "timestamp": NOON, "properties": {"n": 1e300, "m": 1.7e308}},
            {
                "path": "/",
                "timestamp": NOON - timedelta(days=1),
                "properties": {"n": 1e-300, "m": -1.7e308},
            },
        ],
    )
    answer = ask(
        story, **DAY, metrics=["max(properties.n)", "max(properties.m)"], compare="previous"
    )

    [row] = answer["results"]
    assert row["compare"]["difference"] == [1e300, None]
    assert row["compare"]["change"] == [None, None]
    assert answer["meta"]["notFinite"] == 3


def test_units_are_written_with_their_offset(story: TestProject) -> None:
    answer = ask(
        story,
        start="2026-10-25T00:00:00Z",
        end="2026-10-25T02:00:00Z",
        timezone="Europe/Berlin",
        dimensions=["time:hour"],
    )

    assert [row["dimensions"][0] for row in answer["results"]] == [
        "2026-10-25T02:00:00+02:00",
        "2026-10-25T02:00:00+01:00",
    ]


def test_all_begins_with_the_first_event(story: TestProject) -> None:
    answer = ask(story, period="all", timezone="UTC", metrics=["events"])

    assert answer["query"]["start"] == f"{TODAY - timedelta(days=1):%Y-%m-%dT00:00:00}Z"
    assert answer["totals"] == [5]


def test_what_is_not_finite_is_null_and_told(project: TestProject) -> None:
    many = [{"path": "/", "timestamp": NOON, "properties": {"n": 1.7e308}}] * 2
    store_events(project, many)

    answer = ask(project, **DAY, metrics=["sum(properties.n)"])

    assert (answer["totals"], answer["meta"]["notFinite"]) == ([None], 1)


def test_currencies_that_were_added_are_told(project: TestProject) -> None:
    sums = [{"amount": 1, "currency": "EUR"}, {"amount": 1, "currency": "USD"}]
    store_events(project, [{"path": "/", "timestamp": NOON, "properties": sold} for sold in sums])

    answer = ask(project, **DAY, metrics=["sum(properties.amount)", "views"])

    assert answer["meta"]["mixed"] == ["sum(properties.amount)"]


@pytest.mark.parametrize("name", QUESTIONS)
def test_every_example_of_the_document_is_answered(story: TestProject, name: str) -> None:
    answer = ask(story, **QUESTIONS[name])

    assert len(answer["totals"]) == len(QUESTIONS[name]["metrics"])


def test_a_bad_pattern_is_told_with_its_place(story: TestProject) -> None:
    bad = {"field": "path", "op": "matches", "values": ["/", "("]}
    answer = Api(story.read_key).post("/query", {"metrics": ["views"], "filter": {"not": bad}})

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"]) == (400, "bad_pattern")
    assert error["field"] == "filter.not.values[1]"


def test_a_body_is_json_of_256_kib_at_most(project: TestProject, read: Api) -> None:
    large = json.dumps({"metrics": ["views"], "x": "a" * 256 * 1024})

    answers = [
        read.post("/query", large),
        read.post("/query", "metrics=views", content_type="application/x-www-form-urlencoded"),
        read.post("/query?metrics=views", {"metrics": ["views"]}),
        read.get("/query"),
    ]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [
        (413, "body_too_large"),
        (415, "unsupported_media_type"),
        (400, "unknown_parameter"),
        (405, "method_not_allowed"),
    ]
    assert answers[-1]["Allow"] == "POST, OPTIONS"


def test_only_who_may_read_may_ask(project: TestProject) -> None:
    answer = Api(project.ingest_key).post("/query", {"metrics": ["views"]})

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_questions_count_as_other_reports_do(project: TestProject, read: Api) -> None:
    answer = read.post("/query", {"metrics": []})

    assert answer["RateLimit-Policy"].startswith('"reporting"') or "RateLimit" in answer
    assert answer["Cache-Control"].endswith("no-store")
    assert settings.REPORTING_RATE


def test_the_last_minutes_take_any_filter(story: TestProject) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    store_events(story, [{"path": "/Now", "timestamp": now, "userId": name} for name in "ab"])
    one = {"field": "path", "op": "matches", "values": ["^/n"], "caseSensitive": False}
    api = Api(story.read_key)

    found = api.get("/stats/realtime", filter=json.dumps(one)).json()
    nothing = api.get("/stats/realtime", filter=json.dumps(one | {"op": "endsWith"})).json()

    assert (found["visitors"], sum(minute["views"] for minute in found["views"])) == (2, 2)
    assert found["meta"]["source"] == "columns"
    assert (len(nothing["views"]), nothing["visitors"]) == (30, 0)
    assert [reason["code"] for reason in nothing["meta"]["nothing"]] == ["value_absent"]


def test_reports_take_filters_of_the_language(story: TestProject) -> None:
    filter = json.dumps({"not": {"field": "userId", "op": "endsWith", "values": ["b", "e"]}})

    stats = Api(story.read_key).get("/stats", filter=filter, **DAY, bots="true").json()

    assert (stats["totalViews"], stats["meta"]["source"]) == (1, "columns")
