"""GA4's Measurement Protocol: what is sent becomes, and what it is answered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import TestProject
from tests.pages import make_public_key
from tests.receivers.vendor import count_refusals, post, read_stored

URL = "https://shop.example/product/42?utm_source=mail"


def send(project: TestProject, *events: Any, **body: Any) -> Any:
    key: Any = {"HTTP_AUTHORIZATION": f"Bearer {project.ingest_key}"}
    return post("/mp/collect?measurement_id=G-1", {"events": list(events), **body}, **key)


def test_a_view_is_stored_in_our_words(project: TestProject) -> None:
    params = {
        "page_location": URL, "page_title": "Product 42", "page_referrer": "https://google.com/",
        "session_id": 1795751697, "engagement_time_msec": 5, "plan": "pro", "language": "pt-br",
        "screen_resolution": "1920x1080",
    }  # fmt: skip

    answer = send(project, {"name": "page_view", "params": params}, client_id="123.456")

    assert (answer.status_code, answer.content) == (204, b"")
    [event] = read_stored(project)
    assert (event["event"], event["path"], event["utmSource"]) == (
        "pageview", "/product/42", "mail",
    )  # fmt: skip
    assert (event["userId"], event["sessionId"]) == ("123.456", "1795751697")
    assert (event["title"], event["language"], event["screen"]) == (
        "Product 42", "pt-br", "1920x1080",
    )  # fmt: skip
    assert event["properties"] == {"plan": "pro"}


def test_what_a_request_says_is_of_all_its_events(project: TestProject) -> None:
    at = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
    later = at + timedelta(hours=1)
    micros = int(later.timestamp() * 1e6)

    send(
        project,
        {"name": "sign_up"},
        {"name": "purchase", "params": {"value": 12.5}, "timestamp_micros": str(micros)},
        client_id="123.456",
        user_id="user-1",
        timestamp_micros=int(at.timestamp() * 1e6),
        user_properties={"plan": {"value": "pro"}, "none": 7},
        ip_override="203.0.113.9",
        user_agent="Mozilla/5.0 (X11)",
    )

    found = {event["event"]: event for event in read_stored(project)}
    assert (found["sign_up"]["timestamp"], found["purchase"]["timestamp"]) == (at, later)
    assert found["purchase"]["properties"] == {"value": 12.5, "user_properties": {"plan": "pro"}}
    for event in found.values():
        assert event["userId"] == "user-1"
        assert event["ip"].startswith("203.0.113.")
        assert event["userAgent"] == "Mozilla/5.0 (X11)"
        assert event["path"] == f"/_event/{event['event']}"


def test_engagement_and_screens_have_our_names(project: TestProject) -> None:
    engaged = {"name": "user_engagement", "params": {"engagement_time_msec": 2_500}}
    send(project, engaged, {"name": "screen_view", "params": {"screen_name": "Settings"}})

    found = {event["event"]: event for event in read_stored(project)}
    assert found["$engagement"]["properties"] == {"seconds": 2.5}
    assert found["pageview"]["path"] == "/Settings"


def test_a_public_key_may_be_the_secret_of_the_address_and_a_secret_one_not(
    project: TestProject,
) -> None:
    key = make_public_key(project).text
    body = {"client_id": "1", "events": [{"name": "e"}]}

    public = post(f"/mp/collect?measurement_id=G-1&api_secret={key}", body)
    secret = post(f"/mp/collect?measurement_id=G-1&api_secret={project.ingest_key}", body)
    none = post("/mp/collect?measurement_id=G-1&api_secret=of-another-service", body)

    assert public.status_code == 204
    assert (secret.status_code, secret.json()["code"]) == (401, "key_in_address")
    assert (none.status_code, none.json()["code"]) == (401, "invalid_key")
    assert len(read_stored(project)) == 1


@pytest.mark.parametrize("moment", ["yesterday", 10**30, [], "9" * 5_000])
def test_a_bad_event_sinks_no_other(project: TestProject, moment: Any) -> None:
    bad = [{"params": {}}, 7, {"name": "x" * 200}, {"name": "e", "timestamp_micros": moment}]

    assert send(project, *bad, {"name": "good"}).status_code == 204

    assert [event["event"] for event in read_stored(project)] == ["good"]
    assert sum(count_refusals(project).values()) == 4
