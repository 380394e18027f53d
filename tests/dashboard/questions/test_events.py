"""The page of events: names, properties and when they were seen, as the API answers."""

import html
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.dashboard.questions.reading import show, told_wrong
from tests.dashboard.test_page import rows
from tests.dashboard.traffic import make_visits, store

Json = dict[str, Any]
DE = {"field": "country", "op": "is", "values": ["DE"]}
NOT_OURS = {"not": {"field": "event", "op": "startsWith", "values": ["$"]}}


@pytest.fixture
def filled(project: TestProject) -> Iterator[TestProject]:
    store(project, make_visits(12, 25, until=datetime.now(UTC)))
    Api(project.ingest_key).post("/event", {"event": "$engagement", "path": "/", "userId": "a"})
    drain(0, force=True)
    yield project


def rows_of(page: str, field: str) -> list[list[Any]]:
    return [row[1:] for row in rows(page) if row[0] == field]


@pytest.mark.parametrize(
    ("query", "conditions"),
    [
        ({}, []),
        ({"f": "is:country:DE"}, [DE]),
        ({"q": "SIGN"}, [{"field": "event", "op": "is", "values": ["signup"]}]),
    ],
)
def test_names_and_properties_are_the_apis(
    signed_in: Client, filled: TestProject, read: Api, query: Json, conditions: list[Json]
) -> None:
    page = show(signed_in, filled, "events/result", period="28d", **query)

    body = {"metrics": ["events", "visitors"], "dimensions": ["event"], "period": "28d"}
    condition = {"and": [NOT_OURS, *conditions]}
    found = read.post("/query", {**body, "filter": condition}).json()
    expected = [[row["dimensions"][0], row["metrics"][0]] for row in found["results"]]
    assert rows_of(page, "event") == expected
    assert "$engagement" not in page
    visitors = [
        int(each) for each in re.findall(r'<td title="\d+">\d+</td><td title="(\d+)">', page)
    ]
    assert visitors == [row["metrics"][1] for row in found["results"]]
    properties = read.get("/properties", period="28d").json()["properties"]
    assert rows_of(page, "properties") == [[each["name"], each["events"]] for each in properties]


def test_what_the_service_itself_has_its_tracker_send_is_no_property_of_the_project(
    signed_in: Client, project: TestProject
) -> None:
    events: list[Json] = [
        {"event": "signup", "path": "/", "properties": {"plan": "pro"}},
        {
            "event": "$engagement",
            "path": "/",
            "properties": {"view": "1", "seconds": 3, "plan": "x"},
        },
    ]
    Api(project.ingest_key).post("/events", events)
    drain(0, force=True)

    def names(part: str, **query: str) -> list[list[Any]]:
        return rows_of(show(signed_in, project, part, period="28d", **query), "properties")

    assert names("events/result") == [["plan", 1]]
    assert names("panel/events", events="properties") == [["plan", 1]]
    assert [name for name, _ in names("events/result", event="$engagement")] == [
        *("plan", "seconds", "view")
    ]


def test_it_says_when_each_was_seen_last(signed_in: Client, project: TestProject) -> None:
    now = datetime.now(UTC)
    seen = {"a": now - timedelta(days=2), "b": now - timedelta(days=3, hours=2)}
    events = [
        {"event": name, "path": "/", "timestamp": (moment - timedelta(hours=age)).isoformat()}
        for name, moment in seen.items()
        for age in (0, 5, 30)
    ]
    Api(project.ingest_key).post("/events", events)
    drain(0, force=True)

    def last_seen(**query: str) -> dict[str, str]:
        page = show(signed_in, project, "events/result", **query)
        found = re.findall(r'data-field="event" data-key="(.)".*?<td>([^<]*)</td></tr>', page)
        return dict(found)

    assert last_seen(period="7d") == {
        name: f"{moment.day} {moment:%b %Y, %H}:00" for name, moment in seen.items()
    }
    days = {name: f"{moment.day} {moment:%b %Y}" for name, moment in seen.items()}
    assert last_seen(period="28d") == last_seen(period="all") == days


def test_an_event_leads_to_its_properties_and_they_to_their_values(
    signed_in: Client, filled: TestProject, read: Api
) -> None:
    names = html.unescape(show(signed_in, filled, "events/result", period="7d"))
    assert 'href="?period=7d&event=signup" data-sets="event"' in names

    page = show(signed_in, filled, "events/result", period="7d", event="signup")

    found = read.get("/properties", period="7d", event="signup").json()["properties"]
    assert rows_of(page, "properties") == [[each["name"], each["events"]] for each in found]
    [link] = re.findall(r'href="([^"]*/list/properties.plan[^"]*)"', page)
    assert html.unescape(link).endswith("?period=7d&f=is:event:signup")
    answer = signed_in.get(html.unescape(link) + "&full=1").content.decode()
    assert 'data-key="pro"' in answer


HOSTILE = '"><script>alert(1)</script>'


def test_hostile_names_stay_text(signed_in: Client, project: TestProject) -> None:
    event = {"event": HOSTILE, "path": "/", "properties": {HOSTILE: HOSTILE}}
    assert Api(project.ingest_key).post("/event", event).status_code == 202
    drain(0, force=True)

    page = show(signed_in, project, "events", full=1, period="today", event=HOSTILE, q=HOSTILE[:9])

    assert "<script>alert" not in page
    assert rows_of(page, "event") == [[HOSTILE, 1]]
    assert rows_of(page, "properties") == [[HOSTILE, 1]]


def test_what_is_no_name_is_named_and_left_out(signed_in: Client, project: TestProject) -> None:
    for name in ("a\x00b", "x" * 3_000):
        [wrong] = told_wrong(show(signed_in, project, "events", event=name))
        assert wrong.startswith("event=")
        show(signed_in, project, "events/result", event=name, q="\x00" * 900)
    assert "No event in this window" in show(signed_in, project, "events/result")
