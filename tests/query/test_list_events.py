"""GET /events and GET /properties: stored events as they are, and what they have."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from tests.conftest import Api, TestProject
from tests.query.asking import get
from tests.stored import store_events

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
DAY = {"start": "2026-03-10", "end": "2026-03-10"}
FIRST = {"path": "/0", "eventId": "first", "timestamp": NOON}


def paths_of(body: Any) -> list[str]:
    return [event["path"] for event in body["events"]]


def test_events_are_told_as_they_are_stored(project: TestProject, read: Api) -> None:
    sent = {
        "eventId": "my own", "path": "/a", "userId": "ann", "sessionId": "s", "title": "A",
        "timestamp": NOON, "properties": {"a": [1, 2.0, None, {"$ref": "x", "$id": 1}], "b": "é"},
    }  # fmt: skip
    store_events(project, [sent])

    body = get(read, "/events", **DAY)

    [event] = body["events"]
    assert {name: event[name] for name in sent} == sent | {"timestamp": "2026-03-10T12:00:00.000Z"}
    assert event["event"] == "pageview"
    assert not event.keys() & {"_id", "id", "ip", "visitor", "anonymous", "place", "project", "v"}
    assert body["after"] is None
    assert body["query"]["start"] == "2026-03-10T00:00:00Z"
    assert body["meta"]["source"] == "columns"


def test_the_address_is_shown_to_administrators_alone(project: TestProject, read: Api) -> None:
    store_events(project, [FIRST], ip="203.0.113.7")

    [seen] = get(Api(project.admin_key), "/events", **DAY)["events"]

    assert seen["ip"].startswith("203.0.113.")
    assert "ip" not in get(read, "/events", **DAY)["events"][0]


def test_pages_show_every_event_once_whatever_comes_meanwhile(
    project: TestProject, read: Api
) -> None:
    moments = [NOON + timedelta(seconds=n // 3) for n in range(10)]  # three at a time
    store_events(
        project, [{"path": f"/{n}", "timestamp": moment} for n, moment in enumerate(moments)]
    )
    seen: list[str] = []
    after: dict[str, str] = {}
    while True:
        page = get(read, "/events", **DAY, **after, limit=3)
        seen += paths_of(page)
        store_events(project, [{"path": "/late", "timestamp": NOON + timedelta(hours=1)}])
        if page["after"] is None:
            break
        after = {"after": page["after"]}

    assert sorted(seen) == [f"/{n}" for n in range(10)]
    assert seen[0] == "/9"


def test_events_are_found_by_a_filter(project: TestProject, read: Api) -> None:
    store_events(project, [{"path": f"/{n}", "timestamp": NOON} for n in range(3)])
    one = '{"not": {"field": "path", "op": "is", "values": ["/0", "/2"]}}'

    assert paths_of(get(read, "/events", **DAY, filter=one)) == ["/1"]


def test_an_erased_event_is_not_shown(project: TestProject, read: Api) -> None:
    store_events(project, [FIRST])
    collection(mongo.EVENTS).update_many({}, {"$unset": {"project": 1}})

    assert get(read, "/events", **DAY)["events"] == []


def test_a_cursor_is_of_one_question_of_one_project(
    project: TestProject, other_project: TestProject, read: Api
) -> None:
    for each in (project, other_project):
        store_events(each, [FIRST, FIRST | {"eventId": "second"}])
    after = get(read, "/events", **DAY, limit=1)["after"]
    whole = '{"field": "path", "op": "exists"}'

    answers = [
        Api(other_project.read_key).get("/events", **DAY, after=after),
        read.get("/events", start="2026-03-10", end="2026-03-11", after=after),
        read.get("/events", **DAY, after=after, filter=whole),
        read.get("/events", **DAY, after=after[:-1] + ("A" if after[-1] != "A" else "B")),
        read.get("/events", **DAY, after=""),
        read.get("/events", **DAY, after="é"),
        read.get("/events", **DAY, after="A" * 5000),
    ]

    assert {(answer.status_code, answer.json()["code"]) for answer in answers} == {
        (400, "bad_cursor")
    }
    assert len(get(read, "/events", **DAY, after=after, limit=1000)["events"]) == 1


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ({"limit": 1001}, "bad_limit", "limit"),
        ({"limit": 0}, "bad_limit", "limit"),
        ({"start": "2026-01-01"}, "bad_window", "end"),
        ({"period": "8d"}, "bad_period", "period"),
        ({"timezone": "x"}, "bad_timezone", "timezone"),
        ({"bots": "true"}, "unknown_parameter", "bots"),
        ({"filter": ""}, "bad_filter", "filter"),
        ({"filter": "path:is:/"}, "bad_filter", "filter"),
        ({"filter": "[" * 10_000}, "bad_filter", "filter"),
        ({"filter": "7"}, "wrong_type", "filter"),
        ({"filter": '{"did": {"field": "path", "op": "exists"}}'}, "bad_filter", "filter.did"),
        ({"filter": '{"field": "exitPath", "op": "exists"}'}, "unknown_field", "filter.field"),
    ],
)
def test_a_list_of_events_is_refused(
    project: TestProject, read: Api, query: Any, code: str, field: str
) -> None:
    answer = read.get("/events", **query)

    [error] = answer.json()["errors"]
    assert (answer.status_code, error["code"], error["field"]) == (400, code, field)


def test_only_who_may_read_sees_events(project: TestProject) -> None:
    api = Api(project.ingest_key)

    for path in ("/events", "/properties"):
        assert api.get(path).json()["code"] == "missing_scope"


def test_events_are_still_sent_at_the_same_path(project: TestProject, ingest: Api) -> None:
    for path in ("/events", "/events/"):
        assert ingest.post(path, [{"path": "/a"}]).status_code == 202


def test_properties_are_counted_with_their_types(project: TestProject, read: Api) -> None:
    properties: list[dict[str, Any]] = [
        {"plan": "pro", "n": 1, "a.b": None},
        {"plan": 7.5, "$deep": {"x": [1]}},
        {"plan": True, "$deep": []},
        {},
    ]
    store_events(
        project,
        [
            {"path": "/", "timestamp": NOON + timedelta(minutes=n), "properties": given}
            for n, given in enumerate(properties)
        ],
    )

    body = get(read, "/properties", **DAY)

    assert body["properties"] == [
        {
            "name": "plan",
            "types": ["boolean", "number", "string"],
            "events": 3,
            "share": 0.75,
            "lastSeen": "2026-03-10T12:02:00.000Z",
        },
        {
            "name": "$deep",
            "types": ["array", "object"],
            "events": 2,
            "share": 0.5,
            "lastSeen": "2026-03-10T12:02:00.000Z",
        },
        {
            "name": "a.b",
            "types": ["null"],
            "events": 1,
            "share": 0.25,
            "lastSeen": "2026-03-10T12:00:00.000Z",
        },
        {
            "name": "n",
            "types": ["number"],
            "events": 1,
            "share": 0.25,
            "lastSeen": "2026-03-10T12:00:00.000Z",
        },
    ]


def test_properties_are_those_of_one_event(project: TestProject, read: Api) -> None:
    store_events(
        project,
        [
            {"path": "/", "timestamp": NOON, "event": "buy", "properties": {"amount": 1}},
            {"path": "/", "timestamp": NOON, "properties": {"theme": "dark"}},
        ],
    )

    bought = get(read, "/properties", **DAY, event="buy")["properties"]

    assert [(row["name"], row["share"]) for row in bought] == [("amount", 1)]
    assert get(read, "/properties", **DAY, event="none")["properties"] == []
    assert read.get("/properties", event="").json()["code"] == "bad_event"
