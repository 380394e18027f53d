"""Reports over HTTP on a real MongoDB: what every source answers, and what only raw events can."""

import json
import os
import random
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from bson import Int64
from django.test import Client
from pymongo.errors import ExecutionTimeout, OperationFailure, ServerSelectionTimeoutError
from pytest_django import Settings

from analytics.databases.mongo import EVENTS, SUMMARIES, collection
from analytics.rollups import summarize
from reporting import ask, snapshot
from reporting.answers import AnswerSource
from reporting.choose import choose_answer_source
from reporting.questions.query import Query
from reporting.raw.answer_source import RawAnswerSource
from tests.conftest import Api, TestProject
from tests.stored import leave_fresh

pytestmark = pytest.mark.slow

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
REPORTS = ("/stats", "/stats/timeseries", "/stats/breakdown", "/stats/realtime")
DAY = {"start": "2026-03-10", "end": "2026-03-11"}


def store_events(project: TestProject, *events: dict[str, Any]) -> None:
    """Store events and their summaries as a drain would.

    Who they are of follows from `userId`, else `visitor`.
    """
    documents = []
    for given in events:
        event = {"path": "/", "event": "pageview", "timestamp": NOON} | given
        person = event.get("userId", event.get("visitor", 0))
        event["visitor"] = Int64(sum(str(person).encode()) * 7919 + len(str(person)))
        event["place"] = os.urandom(14)
        event["ingestedAt"] = event["timestamp"]
        documents.append({"_id": project.id + os.urandom(16), "project": project.id} | event)
    collection(EVENTS).insert_many(documents)
    leave_fresh(project.id, documents)
    collection(SUMMARIES).insert_many(
        [
            {"project": project.id, "bucket": bucket, "tables": tables}
            for bucket, tables in summarize(project.id, documents).items()
        ]
    )


@pytest.fixture(params=["raw", "rollup"])
def source(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Answer from raw events where there is no condition, then as reports do without being told."""
    name: str = request.param
    if name == "raw":

        def choose(query: Query) -> AnswerSource:
            return choose_answer_source(query) if query.condition else RawAnswerSource()

        monkeypatch.setattr(ask, "choose_answer_source", choose)
    return name


each_source = pytest.mark.usefixtures("source")


def get(api: Api, path: str, **query: Any) -> Any:
    answer = api.get(path, **query)
    assert answer.status_code == 200, answer.content
    return answer.json()


def test_stats_counts_views_users_visitors_and_paths(
    project: TestProject, read: Api, source: str
) -> None:
    store_events(
        project,
        {"path": "/b", "userId": "ann"},
        {"path": "/b", "userId": "ann"},
        {"path": "/a", "userId": "bob"},
        {"path": "/a", "visitor": "someone"},
        {"path": "/c"},
        {"path": "/d", "event": "signup", "userId": "cleo"},
    )

    body = get(read, "/stats", **DAY)

    meta = body.pop("meta")
    assert body == {
        "totalViews": 5,
        "uniqueUsers": 3,
        "visitors": 5,
        "topPaths": [
            {"path": "/a", "count": 2},
            {"path": "/b", "count": 2},
            {"path": "/c", "count": 1},
        ],
        "start": "2026-03-10T00:00:00Z",
        "end": "2026-03-11T00:00:00Z",
    }
    assert meta["source"] == source
    assert meta["uniques"] == {"method": "exact", "error": 0}
    assert isinstance(meta["tookMs"], int)
    age = datetime.now(UTC) - datetime.fromisoformat(meta["freshAsOf"])
    assert timedelta() <= age < timedelta(minutes=1)


@each_source
def test_stats_of_nothing_is_zero(read: Api) -> None:
    body = get(read, "/stats", groupBy="path")

    meta = body.pop("meta")
    assert body == {
        "totalViews": 0,
        "uniqueUsers": 0,
        "visitors": 0,
        "topPaths": [],
        "groups": [],
        "start": None,
        "end": None,
    }
    assert meta["uniques"]["visitors"] == (
        "anonymous people count once per day of acceptance, in the project's time zone"
    )


@each_source
def test_the_window_is_half_open(project: TestProject, read: Api) -> None:
    tick = timedelta(milliseconds=1)
    start, end = datetime(2026, 3, 10, tzinfo=UTC), datetime(2026, 3, 11, tzinfo=UTC)
    moments = [start - tick, start, end - tick, end]
    store_events(project, *({"path": f"/{n}", "timestamp": t} for n, t in enumerate(moments)))

    def paths(**query: str) -> list[str]:
        return [row["path"] for row in get(read, "/stats", **query)["topPaths"]]

    assert paths(**DAY) == ["/1", "/2"]
    assert paths(start="2026-03-10") == ["/1", "/2", "/3"]
    assert paths(end="2026-03-11") == ["/0", "/1", "/2"]
    assert len(get(read, "/stats/timeseries", **DAY)["series"]) == 1
    assert get(read, "/stats/breakdown", by="path", **DAY)["total"] == 2


@each_source
def test_two_projects_never_see_each_other(
    project: TestProject, other_project: TestProject, read: Api
) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    store_events(project, {"path": "/mine", "userId": "ann", "timestamp": now})
    theirs = {"path": "/theirs", "userId": "bob", "timestamp": now, "properties": {"a": 1}}
    store_events(other_project, theirs, theirs)
    window = {"start": (now - timedelta(hours=1)).date().isoformat(), "end": "2100-01-01"}

    stats = get(read, "/stats", groupBy="userId")
    series = get(read, "/stats/timeseries", interval="month", **window)["series"]
    breakdown = get(read, "/stats/breakdown", by="path")
    realtime = get(read, "/stats/realtime")

    assert (stats["totalViews"], stats["visitors"]) == (1, 1)
    assert [group["value"] for group in stats["groups"]] == ["ann"]
    assert sum(point["views"] for point in series) == 1
    assert [row["value"] for row in breakdown["results"]] == ["/mine"]
    assert (realtime["visitors"], sum(m["views"] for m in realtime["views"])) == (1, 1)
    assert get(read, "/stats", filter="path:is:/theirs")["totalViews"] == 0
    assert get(read, "/stats", filter="path:is_not:/mine")["totalViews"] == 0
    assert get(read, "/stats", groupBy="properties.a")["groups"] == []
    assert get(Api(other_project.read_key), "/stats")["totalViews"] == 2


@each_source
def test_limit_cuts_paths_and_groups(project: TestProject, read: Api) -> None:
    store_events(project, *({"path": f"/{n}"} for n in range(12)))

    assert len(get(read, "/stats")["topPaths"]) == 10
    body = get(read, "/stats", limit=3, groupBy="path")
    assert [row["path"] for row in body["topPaths"]] == ["/0", "/1", "/10"]
    assert [row["value"] for row in body["groups"]] == ["/0", "/1", "/10"]


@each_source
@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        ("country", [("DE", 2, 1), ("FR", 1, 1)]),
        ("event", [("pageview", 4, 3), ("signup", 3, 2)]),
        ("userId", [("ann", 2, 1), ("bob", 1, 1), ("cleo", 1, 1)]),
        ("sessionId", [("s1", 1, 1)]),
        ("properties.plan", [("pro", 2, 1)]),
        ("utmSource", []),
    ],
)
def test_groups_count_views_and_for_event_names_and_properties_events(
    project: TestProject, read: Api, group_by: str, expected: list[Any]
) -> None:
    store_events(
        project,
        {"country": "DE", "userId": "ann"},
        {"country": "DE", "userId": "ann", "sessionId": "s1"},
        {"country": "FR", "userId": "bob"},
        {"userId": "cleo"},
        {"event": "signup", "userId": "dan", "country": "IT", "properties": {"plan": "pro"}},
        {"event": "signup", "userId": "dan", "properties": {"plan": "pro"}},
        {"event": "signup", "userId": "eve", "country": "FR"},
    )
    if group_by == "country":
        expected = [("DE", 2, 1), ("FR", 1, 2)]

    groups = get(read, "/stats", groupBy=group_by)["groups"]

    assert [(g["value"], g["count"], g["uniqueUsers"]) for g in groups] == expected


def test_property_groups_hold_any_json(project: TestProject, read: Api) -> None:
    values = [
        "text", 1, 1.0, Int64(1), 2.5, True, False, None, [1, {"a": "ü"}], {"$x": 1}, {"a.b": 2},
        "1", "true", "", [2, 3], [2, 1],
    ]  # fmt: skip
    store_events(project, *({"properties": {"deep": {"key": value}}} for value in values))
    store_events(
        project,
        {"properties": {"deep": "no object"}},
        {"properties": {"deep": None}},
        {"properties": {"deep": [{"key": "in a list"}]}},
        {"properties": {}},
        {},
    )

    groups = get(read, "/stats", groupBy="properties.deep.key", limit=1000)["groups"]

    assert [(type(group["value"]), group["value"], group["count"]) for group in groups] == [
        (int, 1, 3),
        (float, 2.5, 1),
        (bool, False, 1),
        (bool, True, 1),
        (str, "", 1),
        (str, "1", 1),
        (str, '[1,{"a":"ü"}]', 1),
        (str, "[2,1]", 1),
        (str, "[2,3]", 1),
        (str, "text", 1),
        (str, "true", 1),
        (str, '{"$x":1}', 1),
        (str, '{"a.b":2}', 1),
        (type(None), None, 1),
    ]


def test_a_property_that_looks_like_a_reference_of_the_driver_is_a_value(
    project: TestProject, read: Api
) -> None:
    reference = {"$ref": "users", "$id": {"$ref": "more", "$id": 1}, "x": 2}
    store_events(project, *({"properties": {"v": value}} for value in (reference, [reference])))

    groups = get(read, "/stats", groupBy="properties.v")["groups"]

    values = [json.loads(group["value"]) for group in groups]
    assert values in ([reference, [reference]], [[reference], reference])


def test_a_property_may_lie_as_deep_as_properties_go(project: TestProject, read: Api) -> None:
    properties: Any = "found"
    for _ in range(32):
        properties = {"a": properties}
    store_events(project, {"properties": properties})
    key = "properties." + ".".join("a" * 32)

    body = get(read, "/stats", groupBy=key, filter=[f"{key}:is:found", f"{key}:contains:oun"])

    assert body["groups"] == [{"value": "found", "count": 1, "uniqueUsers": 0}]


@pytest.mark.parametrize(
    ("filters", "expected", "recent"),
    [
        (["path:is:/a.b"], ["/a.b"], 1),
        (["path:is:/A.B"], [], 0),
        (["path:is_not:/a.b"], ["/axb", "/t:x", "/z$"], 0),
        (["path:contains:a.b"], ["/a.b"], 1),
        (["path:starts_with:/a"], ["/a.b", "/axb"], 1),
        (["path:starts_with:a"], [], 0),
        (["path:contains:$"], ["/z$"], 0),
        (["path:contains:.*"], [], 0),
        (["path:is:/t:x"], ["/t:x"], 0),
        (["country:is:DE"], ["/a.b"], 1),
        (["country:is_not:DE"], ["/axb", "/t:x", "/z$"], 0),
        (["userId:is:ann", "path:contains:x"], ["/axb"], 0),
        (["userId:is:$ne"], [], 0),
        (["properties.n:is:10"], ["/a.b", "/axb", "/t:x"], 0),
        (["properties.n:is_not:10"], ["/z$"], 1),
        (["properties.n:is:true"], ["/z$"], 0),
        (["properties.n:contains:1"], ["/axb"], 0),
        (["properties.n:starts_with:10"], ["/axb"], 0),
        (["properties.n:starts_with:0"], [], 0),
        (["properties.x.y:is:null"], ["/z$"], 0),
        (["properties.x.y:is_not:null"], ["/a.b", "/axb", "/t:x"], 1),
        (["properties.n:contains:$n"], [], 0),
    ],
)
def test_filters_narrow_every_report(
    project: TestProject, read: Api, filters: list[str], expected: list[str], recent: int
) -> None:
    now = datetime.now(UTC) - timedelta(seconds=1)
    store_events(
        project,
        {"path": "/a.b", "country": "DE", "userId": "ann", "properties": {"n": 10}},
        {"path": "/axb", "userId": "ann", "properties": {"n": "10"}},
        {"path": "/t:x", "properties": {"n": 10.0}},
        {"path": "/z$", "properties": {"n": True, "x": {"y": None}}},
    )
    store_events(project, {"path": "/a.b", "timestamp": now, "country": "DE"})

    stats = get(read, "/stats", filter=filters, **DAY)
    series = get(read, "/stats/timeseries", filter=filters, **DAY)["series"]
    breakdown = get(read, "/stats/breakdown", filter=filters, by="path", **DAY)
    realtime = get(read, "/stats/realtime", filter=filters)

    assert [row["path"] for row in stats["topPaths"]] == expected
    assert stats["totalViews"] == len(expected)
    assert [point["views"] for point in series] == [len(expected)]
    assert [row["value"] for row in breakdown["results"]] == expected
    assert sum(minute["views"] for minute in realtime["views"]) == recent


@each_source
def test_timeseries_fills_empty_days_and_cuts_the_ends(project: TestProject, read: Api) -> None:
    store_events(
        project,
        {"timestamp": datetime(2026, 3, 27, 23, 30, tzinfo=UTC), "userId": "ann"},  # 28th, local
        {"timestamp": datetime(2026, 3, 29, 21, 59, tzinfo=UTC), "userId": "ann"},
        {"timestamp": datetime(2026, 3, 29, 22, 0, tzinfo=UTC), "event": "signup"},
        {"timestamp": datetime(2026, 3, 30, 11, 59, tzinfo=UTC), "userId": "ann"},
        {"timestamp": datetime(2026, 3, 30, 12, 0, tzinfo=UTC)},  # the end: not counted
    )

    body = get(
        read,
        "/stats/timeseries",
        start="2026-03-27T12:00:00Z",
        end="2026-03-30T12:00:00Z",
        timezone="Europe/Berlin",
    )

    def point(start: str, views: int, events: int, users: int, visitors: int) -> dict[str, Any]:
        counts = {"views": views, "events": events, "users": users, "visitors": visitors}
        return {"start": start} | counts

    assert body["series"] == [
        point("2026-03-27T00:00:00+01:00", 0, 0, 0, 0),
        point("2026-03-28T00:00:00+01:00", 1, 1, 1, 1),
        point("2026-03-29T00:00:00+01:00", 1, 1, 1, 1),
        point("2026-03-30T00:00:00+02:00", 1, 2, 1, 2),
    ]
    assert (body["interval"], body["timezone"]) == ("day", "Europe/Berlin")
    assert (body["start"], body["end"]) == ("2026-03-27T12:00:00Z", "2026-03-30T12:00:00Z")


@pytest.mark.parametrize("interval", ["hour", "day", "month"])
@pytest.mark.parametrize(
    ("zone", "start", "end"),
    [
        ("Europe/Berlin", "2026-03-20", "2026-04-05"),
        ("Europe/Berlin", "2026-10-20", "2026-11-05"),
        ("Australia/Lord_Howe", "2026-03-30", "2026-04-10"),
        ("Australia/Lord_Howe", "2026-09-30", "2026-10-10"),
        ("Asia/Kathmandu", "2026-01-30", "2026-02-10"),
    ],
)
def test_timeseries_agrees_with_the_local_clock(
    project: TestProject, read: Api, interval: str, zone: str, start: str, end: str
) -> None:
    clock = ZoneInfo(zone)
    first = datetime.fromisoformat(start).replace(tzinfo=clock).astimezone(UTC)
    last = datetime.fromisoformat(end).replace(tzinfo=clock).astimezone(UTC)
    chance = random.Random(f"{zone}{start}")
    seconds = int((last - first).total_seconds())
    moments = [first + timedelta(seconds=chance.randrange(seconds)) for _ in range(1500)]
    store_events(project, *({"timestamp": moment} for moment in moments))

    query = {"start": start, "end": end, "timezone": zone, "interval": interval}
    series = get(read, "/stats/timeseries", **query)["series"]

    def unit_of(local: datetime) -> str:
        offset = str(local.utcoffset()) if interval == "hour" else ""
        return local.isoformat()[: {"hour": 13, "day": 10, "month": 7}[interval]] + offset

    counted: Counter[str] = Counter()
    for point in series:
        start_of_point = datetime.fromisoformat(point["start"])
        counted[unit_of(start_of_point.astimezone(clock))] += point["views"]
    expected = Counter(unit_of(moment.astimezone(clock)) for moment in moments)
    assert +counted == expected
    assert len(counted) == len(series)


@each_source
def test_breakdown_orders_pages_and_shares(project: TestProject, read: Api) -> None:
    store_events(
        project,
        *[{"browser": "Firefox", "userId": "ann"}] * 2,
        *[{"browser": "Chrome", "visitor": n} for n in range(2)],
        {"browser": "Safari", "event": "signup"},
        *[{}] * 4,
    )

    body = get(read, "/stats/breakdown", by="browser", **DAY)

    def row(value: str, *counts: float) -> dict[str, Any]:
        names = ("views", "events", "users", "visitors", "share")
        return {"value": value} | dict(zip(names, counts, strict=True))

    rows = [
        row("Chrome", 2, 2, 0, 2, 0.25),
        row("Firefox", 2, 2, 1, 1, 0.25),
        row("Safari", 0, 1, 0, 1, 0.0),
    ]
    assert (body["results"], body["total"]) == (rows, 3)
    page = get(read, "/stats/breakdown", by="browser", limit=1, offset=1, **DAY)
    assert (page["results"], page["total"]) == (rows[1:2], 3)
    past = get(read, "/stats/breakdown", by="browser", offset=100_000)
    assert (past["results"], past["total"]) == ([], 3)


@each_source
def test_breakdown_by_event_ranks_events(project: TestProject, read: Api) -> None:
    store_events(project, {}, *[{"event": "signup"}] * 3)

    rows = get(read, "/stats/breakdown", by="event")["results"]

    assert [(r["value"], r["views"], r["events"], r["share"]) for r in rows] == [
        ("signup", 0, 3, 0.75),
        ("pageview", 1, 1, 0.25),
    ]


def test_breakdown_by_user(project: TestProject, read: Api) -> None:
    store_events(project, {"userId": "ann"}, {"userId": "ann"}, {"userId": "$bob"}, {})

    body = get(read, "/stats/breakdown", by="userId")

    assert [(row["value"], row["views"]) for row in body["results"]] == [("ann", 2), ("$bob", 1)]
    assert body["total"] == 2


def test_realtime_counts_the_last_minutes(project: TestProject, read: Api) -> None:
    now = datetime.now(UTC)

    def ago(**since: float) -> datetime:
        return now - timedelta(**since)

    store_events(
        project,
        {"timestamp": ago(seconds=1), "userId": "ann"},
        {"timestamp": ago(minutes=4), "userId": "ann"},
        {"timestamp": ago(minutes=4), "userId": "bob", "event": "signup"},
        {"timestamp": ago(minutes=6), "userId": "cleo"},
        {"timestamp": ago(minutes=40), "userId": "dan"},
        {"timestamp": now + timedelta(minutes=2), "userId": "eve"},
    )

    body = get(read, "/stats/realtime")

    assert body["visitors"] == 2
    assert len(body["views"]) == 30
    assert sum(minute["views"] for minute in body["views"]) == 3
    minutes = [datetime.fromisoformat(minute["minute"]) for minute in body["views"]]
    assert {b - a for a, b in pairwise(minutes)} == {timedelta(minutes=1)}
    assert timedelta() <= datetime.now(UTC) - minutes[-1] < timedelta(seconds=70)


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("start=abc", 400),
        ("end=", 400),
        ("start=0000-00-00", 400),
        ("start=1926-01-01T00:00:00Z&end=2026-01-01T00:00:00Z", 200),
        ("limit=0", 400),
        ("limit=1000000", 400),
        ("limit=1.5", 400),
        ("limit=%D9%A1%D9%A0", 400),
        ("limit=5&limit=7", 400),
        ("limit=1_0", 400),
        ("groupBy=password", 400),
        ("groupBy=%24path", 400),
        ("groupBy=properties..x", 400),
        ("groupBy=path%00", 400),
        ("groupBy[%24ne]=1", 400),
        ("start[%24gt]=", 400),
        ("start=%7B%22%24gt%22%3A%22%22%7D", 400),
        ("foo=bar", 400),
        ("%24where=sleep(5000)", 400),
        ("format=api", 400),
        ("format=json", 400),
        ("&".join(f"a{n}=1" for n in range(450)), 400),
        ("&".join(f"a{n}=1" for n in range(1500)), 400),
        ("%ff=%ff", 400),
        ("filter=path:is:%ff%ed%a0%80", 200),
        ("filter=path:contains:" + "%5C(" * 1024, 200),
    ],
)
def test_hostile_queries_get_an_answer(read: Api, query: str, status: int) -> None:
    answer = read.get(f"/stats?{query}")

    assert answer.status_code == status
    if status == 400:
        assert answer["Content-Type"] == "application/problem+json"
        assert answer.json()["code"]


@pytest.mark.parametrize("path", REPORTS)
def test_a_report_needs_a_key_with_the_scope_read(project: TestProject, path: str) -> None:
    nobody = Client().get(path)
    writer = Api(project.ingest_key).get(path)

    assert (nobody.status_code, nobody.json()["code"]) == (401, "missing_key")
    assert "WWW-Authenticate" in nobody
    assert (writer.status_code, writer.json()["code"]) == (403, "missing_scope")
    assert Api(project.admin_key).get(path).status_code != 403


@pytest.mark.parametrize("slash", ["", "/"])
@pytest.mark.parametrize("path", REPORTS)
def test_methods_and_headers(project: TestProject, path: str, slash: str) -> None:
    query = {"/stats/timeseries": DAY, "/stats/breakdown": {"by": "path"}}.get(path, {})
    headers = {"authorization": f"Bearer {project.read_key}", "accept": "text/html"}
    client = Client(headers=headers)
    path += slash

    answer = client.get(path, query)
    head = client.head(path, query)
    post = client.post(path, {}, content_type="application/json")
    options = Client().options(path)

    assert (answer.status_code, answer["Content-Type"]) == (200, "application/json")
    assert (head.status_code, head.content) == (200, b"")
    assert (post.status_code, post.json()["code"]) == (405, "method_not_allowed")
    assert (options.status_code, options["Allow"]) == (204, "GET, HEAD, OPTIONS")
    for each in (answer, head, post):
        assert each["Cache-Control"] == "private, no-store"
        assert "Authorization" in each["Vary"]


def test_a_body_on_get_is_ignored(read: Api, project: TestProject) -> None:
    client = Client(headers={"authorization": f"Bearer {project.read_key}"})

    answer = client.generic("GET", "/stats", b"{", content_type="application/json")

    assert answer.status_code == 200


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (ServerSelectionTimeoutError("gone"), 503, "store_unavailable"),
        (OperationFailure("snapshot too old", 239), 503, "store_unavailable"),
        (ExecutionTimeout("time limit"), 400, "query_timeout"),
    ],
)
@pytest.mark.parametrize("path", ["/stats", "/stats/realtime"])
def test_a_store_in_trouble_is_told(
    read: Api, monkeypatch: pytest.MonkeyPatch, path: str, error: Exception, status: int, code: str
) -> None:
    def fail(name: str) -> None:
        raise error

    monkeypatch.setattr(snapshot, "collection", fail)

    answer = read.get(path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert ("Retry-After" in answer) == (status == 503)


def test_a_query_that_takes_too_long_is_stopped(
    project: TestProject, read: Api, settings: Settings
) -> None:
    store_events(project, *({"path": f"/{n}", "visitor": n} for n in range(5000)))
    settings.QUERY_TIMEOUT_SECONDS = 0.005

    answer = read.get("/stats", groupBy="path", exact="true")

    assert (answer.status_code, answer.json()["code"]) == (400, "query_timeout")


@each_source
def test_all_reads_of_an_answer_see_one_moment(
    project: TestProject, read: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_events(project, {"path": "/before"})
    find_collection = collection
    reads = 0

    def store_between_reads(name: str) -> Any:
        nonlocal reads
        reads += 1
        if reads > 1:
            store_events(project, {"path": "/between"})
        return find_collection(name)

    monkeypatch.setattr(snapshot, "collection", store_between_reads)

    body = get(read, "/stats", groupBy="path")

    assert reads > 1
    assert body["totalViews"] == 1
    assert body["topPaths"] == [{"path": "/before", "count": 1}]
    assert [group["value"] for group in body["groups"]] == ["/before"]
