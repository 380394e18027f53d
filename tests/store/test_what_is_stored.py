"""What the drain stores with an event: who, what of the browser, which page, and whether a bot."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.events.ids import event_key, public_event_key
from analytics.rollups import read_summaries
from tests.conftest import TestProject, make_project
from tests.stored import store_events

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FOLLOWED = {"visitor", "anonymous", "userId", "sessionId", "ip", "userAgent", "browserVersion"}


def stored(project: TestProject) -> list[Document]:
    return list(collection(mongo.EVENTS).find({"project": project.id}).sort("place", 1))


def store_one(project: TestProject, event: dict[str, Any], **part: Any) -> Document:
    store_events(project, [event], **part)
    return stored(project)[-1]


@pytest.fixture
def project(store: None) -> TestProject:
    return make_project(hostnames=["example.com"], time_zone="Europe/Berlin")


WHOLE = {"path": "/a", "userId": "alice", "sessionId": "s", "userAgent": FIREFOX}


def test_an_event_that_must_not_be_followed_names_nobody(project: TestProject) -> None:
    event = store_one(project, WHOLE, do_not_track=True, public=True, from_page=True)

    assert FOLLOWED.isdisjoint(event)
    store_events(project, [WHOLE], do_not_track=True)
    assert FOLLOWED.isdisjoint(stored(project)[-1])
    [summary] = collection(mongo.SUMMARIES).find({"project": project.id}).limit(1)
    [(_, tables)] = read_summaries([summary])
    assert "wm" not in tables["total"]  # no visitor


def test_of_a_browser_that_must_not_be_followed_family_and_class_are_kept(
    project: TestProject,
) -> None:
    event = store_one(project, WHOLE, do_not_track=True)

    assert (event["browser"], event["os"], event["device"]) == ("Firefox", "Linux", "desktop")


def test_a_project_that_does_not_honour_do_not_track_stores_who_it_was(store: None) -> None:
    project = make_project(honours_do_not_track=False)

    event = store_one(project, WHOLE, do_not_track=True)

    assert (event["userId"], event["userAgent"], event["browserVersion"]) == (
        "alice", FIREFOX, "140",
    )  # fmt: skip


def test_an_event_by_a_public_key_has_an_anonymous_id_beside_its_user(project: TestProject) -> None:
    signed_in = store_one(project, {"path": "/a", "userId": "alice"}, public=True)
    before = store_one(project, {"path": "/b"}, public=True)
    by_server = store_one(project, {"path": "/c", "userId": "alice"})

    assert signed_in["anonymous"] == before["anonymous"] == before["visitor"]
    assert signed_in["visitor"] == by_server["visitor"] != before["visitor"]
    assert "anonymous" not in by_server


def test_what_an_event_by_a_public_key_says_of_its_sender_is_not_believed(
    project: TestProject,
) -> None:
    sent = {"path": "/a", "ip": "198.51.100.9", "userAgent": "curl/8"}

    event = store_one(
        project, sent, public=True, from_page=True, client_user_agent=FIREFOX, ip="203.0.113.7"
    )

    assert (event["ip"], event["userAgent"]) == ("203.0.113.0", FIREFOX)
    assert "bot" not in event


def test_ids_by_both_kinds_of_key_are_of_two_events(project: TestProject) -> None:
    sent = {"path": "/a", "eventId": "0198c0de-1234-7abc-9def-123456789abc"}

    store_events(project, [sent], public=True)
    store_events(project, [sent])

    event_id = sent["eventId"]
    assert [event["_id"] for event in stored(project)] == [
        public_event_key(project.id, event_id), event_key(project.id, event_id),
    ]  # fmt: skip
    assert stored(project)[0]["eventId"] == event_id


@pytest.mark.parametrize(
    ("event", "part", "bot"),
    [
        ({}, {"client_user_agent": "python-requests/2.32"}, None),
        ({}, {"client_user_agent": "python-requests/2.32", "from_page": True}, "library"),
        ({"userAgent": "Mozilla/5.0 (compatible; GPTBot/1.2)"}, {}, "GPTBot"),
        ({}, {"client_user_agent": None, "from_page": True}, "empty user agent"),
        ({}, {"client_user_agent": None}, None),
        ({"userAgent": ""}, {"client_user_agent": "curl/8.7"}, "empty user agent"),
        (
            {"userAgent": ""},
            {"client_user_agent": FIREFOX, "public": True, "from_page": True},
            None,
        ),
        ({"userAgent": FIREFOX}, {}, None),
        ({"userAgent": FIREFOX, "automation": True}, {}, "automation"),
        ({"userAgent": FIREFOX, "automation": False}, {}, None),
        ({"userAgent": FIREFOX, "hostname": "elsewhere.example"}, {}, "other hostname"),
        ({"userAgent": FIREFOX, "url": "https://WWW.example.com:443/a"}, {}, None),
    ],
)
def test_a_bot_is_told_by_its_own_user_agent_by_what_it_says_and_by_its_page(
    project: TestProject, event: dict[str, Any], part: dict[str, Any], bot: str | None
) -> None:
    assert store_one(project, {"path": "/a", **event}, **part).get("bot") == bot


def test_an_empty_user_agent_is_the_events_own_and_is_not_kept(project: TestProject) -> None:
    event = store_one(project, {"path": "/a", "userAgent": ""}, client_user_agent="curl/8.7")

    assert {"userAgent", "browser", "os", "device"}.isdisjoint(event)


def test_a_program_that_sends_for_people_names_no_browser(project: TestProject) -> None:
    event = store_one(project, {"path": "/a"}, client_user_agent="curl/8.7")

    assert event["userAgent"] == "curl/8.7"
    assert {"browser", "os", "device", "bot"}.isdisjoint(event)


def test_the_address_of_a_page_is_tidied_after_its_campaign_was_read(project: TestProject) -> None:
    url = "https://Example.com/caf%c3%a9?utm_source=Google&utm_term=x&gclid=1#top"

    event = store_one(project, {"url": url, "title": "Café", "language": "fr", "screen": "1x1"})

    assert (event["path"], event["hostname"], event["title"]) == ("/café", "example.com", "Café")
    assert (event["utmSource"], event["utmTerm"], event["clickId"]) == ("google", "x", "gclid")
    assert event["channel"] == "Paid Search"
    assert (event["language"], event["screen"], event["v"]) == ("fr", "1x1", 2)


def test_a_project_that_does_not_tidy_keeps_the_path_as_it_was_sent(store: None) -> None:
    project = make_project(tidies_addresses=False)

    assert store_one(project, {"path": "/a?fbclid=1#top"})["path"] == "/a?fbclid=1#top"


def test_a_referrer_of_the_project_itself_is_none(project: TestProject) -> None:
    inside = store_one(project, {"path": "/a", "referrer": "https://www.example.com/b"})
    outside = store_one(project, {"path": "/a", "referrer": "https://www.google.com/search?q=x"})

    assert "referrer" not in inside
    assert (inside["referrerUrl"], inside["channel"]) == ("https://www.example.com/b", "Direct")
    assert (outside["referrer"], outside["source"], outside["channel"]) == (
        "google.com", "Google", "Organic Search",
    )  # fmt: skip


def test_a_clock_that_is_slow_moves_what_has_a_timestamp_and_nothing_else(
    project: TestProject,
) -> None:
    noon = datetime(2026, 3, 3, 12, tzinfo=UTC)

    dated = store_one(project, {"path": "/a", "timestamp": noon.isoformat()}, skew_ms=90_000)
    undated = store_one(project, {"path": "/a"}, skew_ms=90_000)

    assert dated["timestamp"] == noon + timedelta(seconds=90)
    assert undated["timestamp"] == undated["ingestedAt"]
    assert dated["skewMs"] == 90_000
