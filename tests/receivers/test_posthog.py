"""PostHog's clients: what their calls become, and what they are answered."""

import base64
import gzip
import json
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.conf import LazySettings
from django.test import Client

from analytics.projects.models import ApiKey
from tests.conftest import TestProject
from tests.pages import make_public_key, set_rules
from tests.receivers.vendor import count_refusals, post, read_stored

PATHS = ["/batch", "/e", "/capture", "/i/v0/e"]
V1 = "/i/v1/analytics/events"
UUID = "01a21b00-dd33-7aa4-88ec-c4e5fd5250d3"
OTHER = "01a21b00-dd22-76b7-87f2-698b1e793b78"
NOW = datetime.now(UTC)


@pytest.fixture
def key(project: TestProject) -> ApiKey:
    return make_public_key(project)


def of_browser(name: str, uuid: str = UUID, **properties: Any) -> dict[str, Any]:
    """An event of posthog-js, with some of what it says of each."""
    return {
        "uuid": uuid,
        "event": name,
        "timestamp": NOW.isoformat(),
        "properties": {
            "$browser": "Firefox", "$os": "Linux", "$raw_user_agent": "Mozilla/5.0",
            "$current_url": "https://shop.example/product/42?utm_source=mail",
            "$host": "shop.example", "$pathname": "/product/42", "$browser_language": "pt-BR",
            "$screen_width": 1920, "$screen_height": 1080, "$lib": "web", "$insert_id": "x",
            "utm_source": "mail", "gclid": None, "$session_id": "session-1",
            "$referrer": "https://www.google.com/", "token": "phc", "distinct_id": "user-1",
            "$session_entry_url": "https://shop.example/", "$sdk_debug_retry_queue_size": 0,
            "$config_defaults": "unset", "$process_person_profile": True, **properties,
        },
    }  # fmt: skip


def of_server(name: str = "paid", **event: Any) -> dict[str, Any]:
    return {"event": name, "distinct_id": "user-1", "properties": {"price": 12.5}, **event}


@pytest.mark.parametrize("path", [*PATHS, *(f"{path}/" for path in PATHS)])
def test_a_page_view_of_posthog_js_is_stored_in_our_words(
    project: TestProject, key: ApiKey, path: str
) -> None:
    view = of_browser("$pageview", title="Product 42", plan="pro")

    answer = post(path, {"api_key": key.text, "batch": [view]}, packed=True)

    assert (answer.status_code, answer.json()) == (200, {"status": 1})
    [event] = read_stored(project)
    assert event["event"] == "pageview"
    assert (event["path"], event["hostname"]) == ("/product/42", "shop.example")
    assert (event["userId"], event["sessionId"]) == ("user-1", "session-1")
    assert (event["title"], event["language"], event["screen"]) == (
        "Product 42", "pt-BR", "1920x1080",
    )  # fmt: skip
    assert (event["utmSource"], event["referrer"]) == ("mail", "google.com")
    assert event["properties"] == {"plan": "pro"}
    assert "ignored_field" not in count_refusals(project)


def test_an_id_of_the_client_counts_once(project: TestProject, key: ApiKey) -> None:
    for _ in range(3):
        post("/batch/", {"api_key": key.text, "batch": [of_browser("a"), of_browser("b", OTHER)]})

    assert len(read_stored(project)) == 2


def test_an_id_is_the_old_one_where_there_is_no_uuid(project: TestProject, key: ApiKey) -> None:
    for _ in range(2):
        post("/batch", {"api_key": key.text, "batch": [of_browser("a", uuid="")]})

    assert [event["eventId"] for event in read_stored(project)] == ["x"]


@pytest.mark.parametrize(
    "form", ["one", "list", "data", "gzipped data", "base64", "json in a form", "gzip-js"]
)
def test_old_and_new_forms_of_a_body_are_read(project: TestProject, key: ApiKey, form: str) -> None:
    event = {**of_server(), "api_key": key.text}
    text = json.dumps(event).encode()
    path, body = "/e/", text
    if form == "list":
        body = json.dumps([of_server(properties={"token": key.text})]).encode()
    if form == "data":
        body = urlencode({"data": base64.b64encode(text).decode(), "ver": "1"}).encode()
    if form == "gzipped data":
        data = base64.b64encode(gzip.compress(text)).decode()
        body = urlencode({"data": data, "compression": "gzip"}).encode()
    if form == "base64":
        body = base64.b64encode(text)
    if form == "json in a form":
        body = urlencode({"data": text.decode()}).encode()
    if form == "gzip-js":
        path, body = "/e/?compression=gzip-js&ip=1", gzip.compress(text)

    answer = post(path, body, content_type="application/x-www-form-urlencoded")

    assert answer.status_code == 200, answer.json()
    assert [event["event"] for event in read_stored(project)] == ["paid"]


def test_a_servers_event_without_a_page_has_a_path_of_its_own(project: TestProject) -> None:
    post("/batch/", {"api_key": project.ingest_key, "batch": [of_server(uuid=UUID)]})

    [event] = read_stored(project)
    assert (event["path"], event["event"], event["userId"]) == ("/_event/paid", "paid", "user-1")
    assert event["properties"] == {"price": 12.5}


def test_what_a_server_says_of_its_visitor_counts_by_a_secret_key_alone(
    project: TestProject, key: ApiKey
) -> None:
    event = of_server(properties={"$ip": "203.0.113.9", "$raw_user_agent": "Mozilla/5.0 (X11)"})
    for text in (project.ingest_key, key.text):
        post("/batch/", {"api_key": text, "batch": [event]})

    by_secret, by_public = sorted(read_stored(project), key=lambda event: "anonymous" in event)
    assert by_secret["ip"].startswith("203.0.113.")
    assert by_secret["userAgent"] == "Mozilla/5.0 (X11)"
    assert by_public["ip"].startswith("198.51.100.")
    assert by_public["userAgent"] != "Mozilla/5.0 (X11)"
    assert count_refusals(project) == {"ignored_field": 1}


def test_people_and_groups_become_events_of_reserved_names(
    project: TestProject, key: ApiKey
) -> None:
    identify = of_browser("$identify", **{"$anon_distinct_id": "anonymous-1"})
    identify["$set"] = {"email": "user@shop.example", "$initial_referrer": "$direct"}
    alias = of_server("$create_alias", properties={"distinct_id": "user-1", "alias": "user-2"})
    group = of_server("$groupidentify", properties={"$group_type": "company", "$group_key": "c"})
    events = [identify, alias, {**group, "distinct_id": "$company_c"}]

    post("/batch/", {"api_key": key.text, "batch": events})

    found = {event["event"]: event for event in read_stored(project)}
    assert found["$identify"]["userId"] == "user-1"
    assert found["$identify"]["properties"] == {
        "$set": {"email": "user@shop.example"},
        "anonymousId": "anonymous-1",
    }
    assert found["$alias"]["properties"] == {"previousId": "user-2"}
    assert "userId" not in found["$group"]
    assert found["$group"]["properties"] == {"$group_type": "company", "$group_key": "c"}


def test_what_people_are_is_read_among_the_properties_too(
    project: TestProject, key: ApiKey
) -> None:
    event = of_server("$set", properties={"$set": {"plan": "pro"}, "$set_once": {}})

    post("/batch/", {"api_key": key.text, "batch": [event]})

    assert read_stored(project)[0]["properties"] == {"$set": {"plan": "pro"}}


def test_without_cookies_nobody_is_named(project: TestProject, key: ApiKey) -> None:
    sentinel = of_browser("a", distinct_id="$posthog_cookieless")
    told = of_browser("b", OTHER, **{"$cookieless_mode": True})

    post("/batch/", {"api_key": key.text, "batch": [sentinel, told]})

    for event in read_stored(project):
        assert "userId" not in event
        assert "sessionId" not in event


def test_leaving_a_page_tells_how_long_it_was_read(project: TestProject, key: ApiKey) -> None:
    leave = of_browser("$pageleave", OTHER, **{
        "$pageview_id": UUID, "$prev_pageview_duration": 3.569,
        "$prev_pageview_max_scroll_percentage": 0.42,
    })  # fmt: skip

    post("/batch/", {"api_key": key.text, "batch": [leave]})

    [event] = read_stored(project)
    assert event["event"] == "$engagement"
    assert event["properties"] == {"view": UUID, "seconds": 3.569, "scroll": 42}


def test_a_screen_is_a_view(project: TestProject, key: ApiKey) -> None:
    screen = {"event": "$screen", "distinct_id": "u", "properties": {"$screen_name": "Settings"}}

    post("/batch/", {"api_key": key.text, "batch": [screen]})

    [event] = read_stored(project)
    assert (event["event"], event["path"]) == ("pageview", "/Settings")
    assert event["properties"] == {"type": "screen"}


@pytest.mark.parametrize("how", ["timestamp", "$time", "offset"])
def test_a_moment_is_told_in_three_ways(project: TestProject, how: str) -> None:
    at = NOW - timedelta(hours=3)
    event = of_server()
    if how == "timestamp":
        event["timestamp"] = at.isoformat()
    elif how == "$time":
        event["properties"]["$time"] = at.timestamp()
    else:
        event["offset"] = (datetime.now(UTC) - at) / timedelta(milliseconds=1)

    post("/batch/", {"api_key": project.ingest_key, "batch": [event]})

    [stored] = read_stored(project)
    assert abs(stored["timestamp"] - at) < timedelta(minutes=1)


@pytest.mark.parametrize("path", ["/batch/", V1])
def test_a_fast_clock_is_moved_back(project: TestProject, path: str) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=2)
    body = {"api_key": project.ingest_key, "batch": [of_server(timestamp=ahead.isoformat())]}
    headers: Any = {"HTTP_POSTHOG_REQUEST_TIMESTAMP": ahead.isoformat()}
    if path != V1:
        body["sent_at"], headers = ahead.isoformat(), {}

    post(path, body, **headers)

    [stored] = read_stored(project)
    assert stored["timestamp"] < datetime.now(UTC) + timedelta(minutes=1)
    assert stored["skewMs"] < -7_000_000


def test_the_first_version_tells_what_became_of_each_event(
    project: TestProject,
) -> None:
    events = [of_server(uuid=UUID, session_id="s"), of_server("x" * 200, uuid=OTHER), 7]
    headers: Any = {"HTTP_AUTHORIZATION": f"Bearer {project.ingest_key}"}

    answer = post(V1, {"created_at": NOW.isoformat(), "batch": events}, **headers)

    assert answer.status_code == 200
    results = answer.json()["results"]
    assert results.keys() == {UUID, OTHER}
    assert results[UUID] == {"result": "ok"}
    assert results[OTHER]["result"] == "drop"
    assert "event" in results[OTHER]["details"]
    [event] = read_stored(project)
    assert event["sessionId"] == "s"


def test_a_bad_event_sinks_no_other(project: TestProject, key: ApiKey) -> None:
    huge = of_server(properties={"text": "x" * 5_000})
    body = (
        b'{"api_key":"%b","batch":[{"event":"n","properties":{"n":1e999}},[],'
        b'{"event":"half \\ud83d"},{"event":"\xff"},%b,{"properties":{}},{"event":"good"}]}'
    ) % (key.text.encode(), json.dumps(huge).encode())

    answer = post("/batch/", body)

    assert answer.json() == {"status": 1}
    found = sorted(event["event"] for event in read_stored(project))
    assert found == ["good", "half \ufffd"]
    assert count_refusals(project) == {
        "posthog/number_out_of_range": 1, "posthog/wrong_type": 1, "posthog/invalid_json": 1,
        "posthog/properties_too_large": 1, "posthog/missing_field": 1,
    }  # fmt: skip


def test_a_single_event_that_is_refused_is_told_so(project: TestProject, key: ApiKey) -> None:
    answer = post("/capture/", {**of_server("x" * 200), "api_key": key.text})

    assert (answer.status_code, answer.json()["code"]) == (400, "too_long")
    assert answer.json()["error"] == answer.json()["detail"]


def test_what_meets_a_limit_is_to_come_again(project: TestProject, settings: LazySettings) -> None:
    """posthog-js drops what is answered by 429."""
    set_rules(project, quota_events_per_month=1)
    body = {"api_key": project.ingest_key, "batch": [of_server()]}

    statuses = [post("/e/", body).status_code for _ in range(2)]

    assert statuses == [200, 503]


@pytest.mark.parametrize("place", ["none", "wrong", "revoked"])
def test_without_a_good_key_nothing_is_taken(project: TestProject, key: ApiKey, place: str) -> None:
    text = {"none": "", "wrong": "phc_of_another_service", "revoked": key.text}[place]
    if place == "revoked":
        key.revoke()

    answer = post("/batch/", {"api_key": text, "batch": [of_server()]})

    assert answer.status_code == 401
    assert answer.json()["detail"] == answer.json()["error"]
    assert read_stored(project) == []


def test_an_event_reaches_the_project_of_its_key_alone(
    project: TestProject, other_project: TestProject
) -> None:
    theirs = of_server(properties={"token": other_project.ingest_key})

    post("/batch/", {"api_key": project.ingest_key, "batch": [theirs]})

    assert len(read_stored(project)) == 1
    assert read_stored(other_project) == []
    assert other_project.ingest_key not in str(read_stored(project))


@pytest.mark.parametrize("path", ["/flags/?v=2&config=true", "/flags", "/decide/?v=3"])
def test_there_are_no_flags(project: TestProject, path: str) -> None:
    answer = post(path, {"token": "phc", "distinct_id": "u"})

    assert answer.status_code == 200
    told = answer.json()
    assert (told["flags"], told["featureFlags"]) == ({}, {})
    assert told["errorsWhileComputingFlags"] is False
    assert told["sessionRecording"] is False


def test_recordings_are_answered_and_not_kept(project: TestProject) -> None:
    answer = post("/s/?compression=gzip-js", b"\x1f\x8b not even gzip")

    assert (answer.status_code, answer.json()) == (200, {"status": 1})
    assert read_stored(project) == []


def test_settings_are_those_of_a_service_that_only_captures(project: TestProject) -> None:
    settings = Client().get("/array/pk_live_x/config")
    script = Client().get("/array/pk_live_x/config.js")

    assert settings.json()["hasFeatureFlags"] is False
    assert script["Content-Type"].startswith("text/javascript")
    assert b'all["pk_live_x"]={"config":' in script.content


def test_a_page_may_read_what_it_is_answered(project: TestProject, key: ApiKey) -> None:
    set_rules(project, allowed_origins=["https://shop.example"])
    page: Any = {"HTTP_ORIGIN": "https://shop.example"}

    answers = [
        post("/e/", {"api_key": key.text, "batch": [of_browser("a")]}, **page),
        post("/flags/", {}, **page),
        Client().get("/array/pk_live_x/config", **page),
        post("/e/", {"api_key": key.text, "batch": 7}, **page),
    ]

    assert [answer.status_code for answer in answers] == [200, 200, 200, 400]
    for answer in answers:
        assert answer["Access-Control-Allow-Origin"] == "https://shop.example"


def test_a_page_of_elsewhere_may_not_send(project: TestProject, key: ApiKey) -> None:
    set_rules(project, allowed_origins=["https://shop.example"])
    body = {"api_key": key.text, "batch": [of_browser("a")]}

    answer = post("/e/", body, HTTP_ORIGIN="https://evil.example")

    assert (answer.status_code, answer.json()["code"]) == (403, "origin_not_allowed")
    assert read_stored(project) == []


@pytest.mark.parametrize("path", ["/array/{}/config", "/array/{}/config.js", "/e/?token={}"])
def test_a_secret_key_in_an_address_is_refused(project: TestProject, path: str) -> None:
    address = path.format(project.ingest_key)
    answer = Client().get(address) if "array" in path else post(address, {"batch": [of_server()]})

    assert (answer.status_code, answer.json()["code"]) == (401, "key_in_address")
