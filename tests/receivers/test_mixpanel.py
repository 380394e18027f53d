"""Mixpanel's clients: what they send becomes, and what they are answered."""

import gzip
import json
from base64 import b64encode
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

import pytest
from django.test import Client

from analytics.projects.models import ApiKey
from tests.conftest import TestProject
from tests.pages import ADDRESS, BROWSER, make_public_key, set_rules
from tests.receivers.vendor import basic, count_refusals, post, read_stored

URL = "https://shop.example/product/42?utm_source=mail"
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
TOLD = {"status": 1, "error": None}


@pytest.fixture
def key(project: TestProject) -> ApiKey:
    return make_public_key(project)


def make(key: str, name: str = "paid", **properties: Any) -> dict[str, Any]:
    told = {"token": key, "distinct_id": "user-1", "mp_lib": "python", **properties}
    return {"event": name, "properties": told}


@pytest.mark.parametrize("form", ["json", "list", "form", "base64", "gzip", "get"])
def test_every_form_of_a_body_is_read(project: TestProject, key: ApiKey, form: str) -> None:
    told: dict[str, Any] = {"$insert_id": "x", "time": AT.timestamp()}
    event = make(key.text, price=12.5, **told)
    text = json.dumps([event] if form == "list" else event)
    packed = b64encode(text.encode()).decode()
    if form == "get":
        path = f"/track?ip=1&verbose=1&{urlencode({'data': packed})}"
        answer = Client(REMOTE_ADDR=ADDRESS, HTTP_USER_AGENT=BROWSER).get(path)
    else:
        body = {
            "form": urlencode({"data": text, "verbose": 1}).encode(),
            "base64": urlencode({"data": packed}).encode(),
            "gzip": gzip.compress(text.encode()),
        }.get(form, text.encode())
        answer = post("/track/", body)

    assert (answer.status_code, answer.json()) == (200, TOLD)
    [stored] = read_stored(project)
    assert (stored["event"], stored["userId"], stored["eventId"]) == ("paid", "user-1", "x")
    assert (stored["path"], stored["properties"]) == ("/_event/paid", {"price": 12.5})
    assert stored["timestamp"] == AT


def test_a_view_is_stored_in_our_words(project: TestProject, key: ApiKey) -> None:
    view = make(
        key.text, "$mp_web_page_view", plan="pro", current_page_title="Product 42",
        **{"$current_url": URL, "$referrer": "https://www.google.com/", "$screen_width": 1920,
           "$screen_height": 1080, "time": int(AT.timestamp() * 1_000), "$browser": "Firefox"},
    )  # fmt: skip

    post("/track", [view])

    [event] = read_stored(project)
    assert (event["event"], event["path"], event["utmSource"]) == (
        "pageview", "/product/42", "mail",
    )  # fmt: skip
    assert (event["title"], event["screen"]) == ("Product 42", "1920x1080")
    assert (event["referrer"], event["timestamp"]) == ("google.com", AT)
    assert event["properties"] == {"plan": "pro"}


def test_people_and_groups_become_events_of_reserved_names(
    project: TestProject, key: ApiKey
) -> None:
    person = {"$token": key.text, "$distinct_id": "user-1", "$set": {"plan": "pro"}}
    group = {"$token": key.text, "$group_key": "company", "$group_id": "c", "$set": {"a": 1}}
    alias = make(key.text, "$create_alias", alias="user-2")
    known = make(key.text, "$identify", **{"$identified_id": "user-1", "$anon_id": "a"})

    answers = [post("/engage", person), post("/groups/", [group]), post("/track", [alias, known])]

    assert [answer.json() for answer in answers] == [TOLD] * 3
    found = {
        (event["event"], event.get("userId")): event["properties"] for event in read_stored(project)
    }
    assert found[("$group", None)] == {"groupId": "c", "groupType": "company", "$set": {"a": 1}}
    assert found[("$alias", "user-1")] == {"previousId": "user-2"}
    assert ("$identify", "user-1") in found
    assert len(read_stored(project)) == 4


def test_an_import_names_what_failed_and_goes_back_by_a_secret_key(project: TestProject) -> None:
    old = (datetime.now(UTC) - timedelta(days=30)).timestamp()
    events = [make("a token of before", "old", time=old), make("", "x" * 200), make("", "new")]
    lines = "\n".join(map(json.dumps, events)).encode()

    for body in (json.dumps(events).encode(), gzip.compress(lines)):
        answer = post("/import?strict=1", body, **basic(project.ingest_key))
        told = answer.json()
        assert (told["status"], told["num_records_imported"]) == (1, 2)
        assert [failed["index"] for failed in told["failed_records"]] == [1]
    assert sorted(event["event"] for event in read_stored(project)) == ["new", "new", "old", "old"]


def test_a_bad_event_sinks_no_other(project: TestProject, key: ApiKey) -> None:
    bad = [7, {"properties": {}}, make(key.text, "late", time="never"), make(key.text, time=1e300)]

    assert post("/track", [*bad, make(key.text, "good")]).json() == TOLD

    assert [event["event"] for event in read_stored(project)] == ["good"]
    assert sum(count_refusals(project).values()) == 4


def test_a_single_event_that_is_refused_is_told_so(project: TestProject, key: ApiKey) -> None:
    answer = post("/track", make(key.text, "x" * 200))

    assert (answer.status_code, answer.json()["code"]) == (400, "too_long")
    assert answer.json()["error"] == answer.json()["detail"]


def test_a_secret_token_in_the_address_is_refused_also_when_it_is_packed(
    project: TestProject,
) -> None:
    packed = b64encode(json.dumps(make(project.ingest_key)).encode()).decode()

    answer = Client().get(f"/track?{urlencode({'data': packed})}")

    assert (answer.status_code, answer.json()["code"]) == (401, "key_in_address")
    assert read_stored(project) == []


def test_a_token_of_another_service_is_none(project: TestProject) -> None:
    answer = post("/track", make("0123456789abcdef"))

    assert (answer.status_code, answer.json()["code"]) == (401, "invalid_key")
    assert read_stored(project) == []


def test_its_page_may_send_cookies_and_reads_the_answer(project: TestProject, key: ApiKey) -> None:
    set_rules(project, allowed_origins=["https://shop.example"])
    page: Any = {"HTTP_ORIGIN": "https://shop.example", "HTTP_COOKIE": "sessionid=x"}

    answer = post("/track", make(key.text), **page)
    preflight = Client().options("/track/", HTTP_ACCESS_CONTROL_REQUEST_METHOD="POST", **page)
    stranger = post("/track", make(key.text), HTTP_ORIGIN="https://evil.example")
    of_others = post("/e/", {"api_key": key.text, "event": "e"}, **page)

    for one in (answer, preflight):
        assert one["Access-Control-Allow-Origin"] == "https://shop.example"
        assert one["Access-Control-Allow-Credentials"] == "true"
    for one in (stranger, of_others):
        assert "Access-Control-Allow-Credentials" not in one
