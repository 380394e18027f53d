"""Segment's and RudderStack's clients: what their calls become, and what they are answered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.test import Client

from analytics.keys.samples import flush_samples, read_samples
from tests.conftest import TestProject
from tests.pages import BROWSER, make_public_key
from tests.receivers.vendor import basic, count_refusals, post, read_stored

PAGE = {
    "path": "/pricing",
    "url": "https://shop.example.com/pricing?utm_source=News",
    "referrer": "https://www.google.com/",
    "title": "Pricing",
    "search": "?utm_source=News",
}


def send(project: TestProject, *messages: Any, **body: Any) -> Any:
    return post("/v1/batch", {"batch": list(messages), **body}, **basic(project.ingest_key))


def test_a_batch_is_answered_as_segment_does_and_stored(project: TestProject) -> None:
    answer = send(
        project,
        {"type": "track", "messageId": "m-1", "userId": "u", "event": "Order Completed",
         "timestamp": "2026-01-01T00:00:00Z", "properties": {"total": 12.5, "path": "/checkout"}},
        {"type": "page", "messageId": "m-2", "anonymousId": "a", "name": "Pricing",
         "properties": {**PAGE, "plan": "pro"}, "context": {"locale": "de-DE"}},
    )  # fmt: skip

    assert (answer.status_code, answer.json()) == (200, {"success": True})
    track, page = sorted(read_stored(project), key=lambda event: event["path"])
    assert (track["path"], track["event"], track["userId"]) == ("/checkout", "Order Completed", "u")
    assert track["properties"] == {"total": 12.5, "path": "/checkout"}
    assert (page["path"], page["event"], page["userId"]) == ("/pricing", "pageview", "a")
    assert page["hostname"] == "shop.example.com"
    assert (page["title"], page["language"]) == ("Pricing", "de-DE")
    assert page["utmSource"] == "news"
    assert page["properties"] == {"plan": "pro", "name": "Pricing"}


def test_a_bad_event_is_left_out_counted_and_shown_and_sinks_no_other(
    project: TestProject,
) -> None:
    good = {"type": "track", "event": "good", "messageId": "good"}
    bad = {"type": "track", "event": "x" * 200, "context": {"ip": "203.0.113.99"}}

    answer = send(project, bad, good, {"type": "nonsense"}, 7)
    flush_samples()

    assert answer.json() == {"success": True}
    assert [event["event"] for event in read_stored(project)] == ["good"]
    counts = count_refusals(project)
    assert counts == {"segment/too_long": 1, "segment/unknown_type": 1, "segment/wrong_type": 1}
    samples = {sample.reason: sample for sample in read_samples(project.id)}
    assert samples.keys() == {"too_long", "unknown_type", "wrong_type"}
    assert samples["wrong_type"].text == "7"
    assert '"x' in samples["too_long"].text.replace(" ", "")
    assert "203.0.113.99" not in samples["too_long"].text


@pytest.mark.parametrize("place", ["basic", "writeKey", "both", "bearer", "query"])
def test_a_key_is_found_where_clients_put_it(project: TestProject, place: str) -> None:
    key = make_public_key(project).text
    body: dict[str, Any] = {"event": "e", "userId": "u"}
    headers: dict[str, Any] = {}
    path = "/v1/track"
    if place in ("basic", "both"):
        headers = basic(key)
    if place in ("writeKey", "both"):
        body["writeKey"] = key
    if place == "bearer":
        headers = {"HTTP_AUTHORIZATION": f"Bearer {key}"}
    if place == "query":
        path = f"/v1/track?key={key}"

    assert post(path, body, **headers).status_code == 200
    assert len(read_stored(project)) == 1


def test_a_single_message_that_is_refused_is_named(project: TestProject) -> None:
    answer = post("/v1/track", {"userId": "u"}, **basic(project.ingest_key))

    assert (answer.status_code, answer.json()["code"]) == (400, "missing_field")
    assert answer.json()["message"] == "event is required."
    assert answer.json()["success"] is False


@pytest.mark.parametrize("form", ["gzip", "text/plain", "application/x-www-form-urlencoded"])
def test_a_body_is_what_it_begins_as_whatever_its_headers_call_it(
    project: TestProject, form: str
) -> None:
    content_type = "application/json" if form == "gzip" else form
    answer = post(
        "/v1/batch",
        {"batch": [{"type": "track", "event": "e"}]},
        packed=form != "text/plain",
        content_type=content_type,
        **basic(project.ingest_key),
    )

    assert answer.status_code == 200
    assert len(read_stored(project)) == 1


def store_one(project: TestProject, message: dict[str, Any], **body: Any) -> Any:
    assert send(project, message, **body).status_code == 200
    [event] = read_stored(project)
    return event


def test_who_a_person_is_becomes_an_event_and_no_view(project: TestProject) -> None:
    send(
        project,
        {"type": "identify", "userId": "u", "traits": {"plan": "pro"}, "messageId": "1"},
        {"type": "identify", "userId": "u", "context": {"traits": {"of": "rudder"}}},
        {"type": "group", "userId": "u", "groupId": "g", "traits": {"name": "Company"}},
        {"type": "alias", "userId": "u", "previousId": "a"},
    )

    told = sorted((event["event"], str(event["properties"])) for event in read_stored(project))
    assert told == [
        ("$alias", str({"previousId": "a"})),
        ("$group", str({"name": "Company", "groupId": "g"})),
        ("$identify", str({"of": "rudder"})),
        ("$identify", str({"plan": "pro"})),
    ]


@pytest.mark.parametrize(
    ("message", "path"),
    [
        ({"type": "screen", "name": "Home"}, "/Home"),
        ({"type": "page"}, "/_event/pageview"),
        ({"type": "page", "name": "Pricing"}, "/Pricing"),
        ({"type": "page", "properties": {"url": "https://a.example/b?c=1"}}, "/b"),
        ({"type": "page", "context": {"page": {"path": "/c"}}}, "/c"),
        ({"type": "track", "event": "e", "context": {"page": {"path": "/c"}}}, "/c"),
        ({"type": "track", "event": "e", "properties": {"path": "file.txt"}}, "/_event/e"),
        ({"type": "track", "event": "e", "properties": {"url": "https://a.example/b"}}, "/b"),
        ({"type": "page", "context": {"page": {"path": "/" + "p" * 9_999}}}, None),
    ],
)
def test_an_event_has_the_path_of_its_page_or_one_of_its_own(
    project: TestProject, message: dict[str, Any], path: str | None
) -> None:
    event = store_one(project, message)

    assert event["path"] == path or (path is None and len(event["path"]) == 2_047)


def test_what_a_context_says_goes_to_our_fields(project: TestProject) -> None:
    context = {
        "ip": "203.0.113.9", "userAgent": "Mozilla/5.0 (X11; Linux) Firefox/130.0",
        "locale": "pt-BR", "screen": {"width": 1920, "height": 1080}, "sessionId": 1795749302123,
        "campaign": {"name": "Spring", "source": "News", "medium": "email"},
        "library": {"name": "x"}, "page": {"url": "https://a.example/b", "title": "B"},
    }  # fmt: skip
    event = store_one(
        project,
        {"type": "track", "event": "e", "userId": 42, "anonymousId": "a", "context": context,
         "properties": {"n": 1, "utm_source": "Own"}},
    )  # fmt: skip

    assert (event["userId"], event["sessionId"]) == ("42", "1795749302123")
    assert (event["language"], event["screen"], event["title"]) == ("pt-BR", "1920x1080", "B")
    assert (event["browser"], event["hostname"]) == ("Firefox", "a.example")
    assert (event["utmCampaign"], event["utmSource"], event["utmMedium"]) == (
        "spring", "own", "email",
    )  # fmt: skip
    assert event["properties"].items() >= {"n": 1, "anonymousId": "a"}.items()


@pytest.mark.parametrize(
    "junk",
    [
        {"context": 7, "properties": [1], "messageId": {}, "userId": True, "timestamp": None},
        {"context": {"page": 1, "campaign": [], "screen": "x", "locale": {}}, "properties": "x"},
        {"context": None, "properties": None, "traits": 5, "anonymousId": [1], "name": {}},
        {"context": {"screen": {"width": "a" * 99, "height": 1}, "locale": "x\u0000"}},
    ],
)
@pytest.mark.parametrize("kind", ["track", "page", "identify"])
def test_what_is_of_another_type_than_it_should_be_is_as_if_absent(
    project: TestProject, junk: dict[str, Any], kind: str
) -> None:
    event = store_one(project, {"type": kind, "event": "e", **junk})

    assert "userId" not in event
    assert "properties" not in event


def test_what_is_sent_again_counts_once_however_long_its_id(project: TestProject) -> None:
    messages = [{"type": "page", "messageId": text} for text in ("m", "x" * 500, "a\u0001b")]
    for _ in range(2):
        send(project, *messages)

    assert len(read_stored(project)) == 3


@pytest.mark.parametrize("of_batch", [True, False])
def test_a_clock_that_is_fast_is_corrected(project: TestProject, of_batch: bool) -> None:
    at = datetime.now(UTC).replace(microsecond=0)
    fast = (at + timedelta(hours=3)).isoformat()
    said = {"sentAt": fast}
    message = {"type": "page", "timestamp": fast, **({} if of_batch else said)}

    event = store_one(project, message, **(said if of_batch else {}))

    assert abs(event["timestamp"] - at) < timedelta(minutes=1)


@pytest.mark.parametrize("number", ["1e999", "123456789012345678901234567890"])
def test_a_number_beyond_all_sinks_its_own_event_alone(project: TestProject, number: str) -> None:
    bad = f'{{"type":"page","properties":{{"path":"/bad","n":{number}}}}}'
    body = f'{{"batch":[{bad},{{"type":"page","properties":{{"path":"/good"}}}}]}}'.encode()

    assert post("/v1/batch", body, **basic(project.ingest_key)).status_code == 200
    assert [event["path"] for event in read_stored(project)] == ["/good"]
    assert count_refusals(project) == {"segment/number_out_of_range": 1}


def test_the_browsers_clients_are_told_to_send_here(project: TestProject) -> None:
    key = make_public_key(project).text

    segment = Client().get(f"/v1/projects/{key}/settings").json()
    rudder = Client().get("/sourceConfig/", {"p": "npm"}, **basic(key)).json()

    assert segment["integrations"]["Segment.io"]["apiHost"] == "testserver/v1"
    assert segment["integrations"]["Segment.io"]["apiKey"] == key
    assert (rudder["source"]["enabled"], rudder["source"]["writeKey"]) == (True, key)


def test_settings_name_the_key_among_what_else_stands_there_and_no_proxy_keeps_them(
    project: TestProject,
) -> None:
    key = make_public_key(project).text
    client = Client(headers={"authorization": basic("a-sites-own-user")["HTTP_AUTHORIZATION"]})

    answer: Any = client.get(f"/sourceConfig/?writeKey={key}")

    assert answer.json()["source"]["writeKey"] == key
    assert answer["Cache-Control"] == "private, max-age=60"


def test_settings_are_told_to_nobody_with_a_secret_key_in_the_address(
    project: TestProject,
) -> None:
    for path in ("/v1/projects/{}/settings", "/sourceConfig/?writeKey={}"):
        answer = Client().get(path.format(project.ingest_key))
        assert (answer.status_code, answer.json()["code"]) == (401, "key_in_address")
    assert Client().get("/v1/projects/nobody/settings").json()["code"] == "invalid_key"
    assert Client().get("/sourceConfig/").json()["code"] == "missing_key"


def test_a_browser_that_says_its_agent_twice_is_not_told_that_one_is_ignored(
    project: TestProject,
) -> None:
    key = make_public_key(project).text
    own = {"type": "page", "context": {"userAgent": BROWSER}}
    other = {"type": "page", "context": {"userAgent": "Mozilla/5.0 Another", "ip": "203.0.113.9"}}

    for message, ignored in ((own, {}), (other, {"ignored_field": 2})):
        post("/v1/batch", {"batch": [message], "writeKey": key})
        assert count_refusals(project) == ignored
    assert {event["userAgent"] for event in read_stored(project)} == {BROWSER}
