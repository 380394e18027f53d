"""Public keys: what a page, an app or anyone who reads them there may send, and as whom."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import LazySettings
from django.test import Client

from analytics.databases.mongo import EVENTS, collection
from analytics.projects.models import ApiKey
from ingestion.drain.loop import drain
from tests.accept.test_post_event import JSON, read_entries, read_parts, read_problem
from tests.conftest import Api, TestProject
from tests.pages import ADDRESS, BROWSER, Page, make_public_key, set_rules

EVENT = {"path": "/a"}
UUID = "0198c0de-1234-7abc-9def-123456789abc"


@pytest.fixture
def key(project: TestProject) -> ApiKey:
    return make_public_key(project)


@pytest.fixture
def page(key: ApiKey) -> Page:
    return Page(key)


def post(address: str, **headers: str) -> Any:
    return Client(headers=headers).post(address, b'{"path":"/a"}', content_type=JSON)


# --- Where a key may stand -----------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/event", "/event/", "/events", "/events/"])
def test_a_public_key_sends_from_the_address_and_from_the_header(key: ApiKey, path: str) -> None:
    body: Any = EVENT if path.startswith("/event") and "events" not in path else [EVENT]

    by_address = Page(key).send(body, path)
    by_header = Api(key.text).post(path, body)

    assert (by_address.status_code, by_header.status_code) == (202, 202)
    assert by_address.json().keys() == by_header.json().keys()
    assert by_address["RateLimit-Policy"] == '"key";q=1000;w=5'


@pytest.mark.parametrize("address", ["/event?key={}", "/event?v=1&key={}", "/event?key=%70{}"])
def test_a_key_is_read_however_its_address_spells_it(key: ApiKey, address: str) -> None:
    text = key.text if "%" not in address else key.text[1:]

    assert post(address.format(text)).status_code == 202


@pytest.mark.parametrize(
    "address",
    [
        *("/event?key={}", "/event?{}=1", "/events?api_key={}", "/event?a=%2F{}"),
        *("/stats?key={}", "/event/{}", "/event/x?key={}", "/users/{}"),
    ],
)
@pytest.mark.parametrize("with_header", [True, False])
def test_a_secret_key_in_an_address_is_refused_wherever_it_stands(
    project: TestProject, address: str, with_header: bool
) -> None:
    """However good the key in the header is: that one must be changed."""
    headers = {"authorization": f"Bearer {project.admin_key}"} if with_header else {}
    address = address.format(project.ingest_key.replace("ak_", "ak%5F", address.count("%")))
    method = "POST" if address.startswith(("/event?", "/events?")) else "GET"

    answer = Client(headers=headers).generic(method, address, b'{"path":"/a"}', content_type=JSON)

    assert (answer.status_code, answer.json()["code"]) == (401, "key_in_address")
    assert project.ingest_key.encode() not in answer.content
    assert read_entries() == []


@pytest.mark.parametrize("escape", ["%5F", "%255F", "%25255F"])
def test_a_secret_key_in_an_address_within_an_address_is_refused(
    project: TestProject, key: ApiKey, escape: str
) -> None:
    answer = post(f"/event?key={key.text}&to={project.ingest_key.replace('_', escape)}")

    assert (answer.status_code, answer.json()["code"]) == (401, "key_in_address")


def test_two_keys_that_differ_are_refused(project: TestProject, key: ApiKey) -> None:
    other = make_public_key(project, "other")

    both = post(f"/event?key={key.text}", authorization=f"Bearer {project.ingest_key}")
    twice = post(f"/event?key={key.text}&key={other.text}")

    for answer in (both, twice):
        assert (answer.status_code, read_problem(answer)["code"]) == (401, "two_keys")


def test_a_key_that_is_named_twice_is_one(key: ApiKey) -> None:
    assert post(f"/event?key={key.text}", authorization=f"Bearer {key.text}").status_code == 202
    assert post(f"/event?key={key.text}&key={key.text}").status_code == 202


def test_the_sign_in_of_the_site_itself_is_no_second_key(key: ApiKey) -> None:
    assert post(f"/event?key={key.text}", authorization="Basic dXNlcjpwYXNz").status_code == 202


@pytest.mark.parametrize("text", ["", "nonsense", "pk_live_23456789_" + "x" * 43])
def test_what_is_no_key_is_refused_and_counted_as_in_a_header(
    project: TestProject, settings: LazySettings, text: str
) -> None:
    settings.AUTH_FAILURES_RATE = "2/h"

    codes = [read_problem(post(f"/event?key={text}"))["code"] for _ in range(3)]

    assert codes == ["invalid_key", "invalid_key", "too_many_failures"]


def test_a_revoked_public_key_is_refused(key: ApiKey, page: Page) -> None:
    key.revoke()

    assert read_problem(page.send(EVENT))["code"] == "revoked_key"


@pytest.mark.parametrize(
    ("method", "path"),
    [
        *(("get", "/event/mine"), ("get", "/stats"), ("get", "/stats/breakdown?by=path")),
        *(("delete", "/users/u"), ("get", "/erasures/e")),
    ],
)
def test_a_public_key_may_do_nothing_but_send(key: ApiKey, method: str, path: str) -> None:
    client = Client(headers={"authorization": f"Bearer {key.text}"})

    answer = getattr(client, method)(path)

    assert (answer.status_code, answer.json()["code"]) == (403, "missing_scope")


def test_a_public_key_in_the_address_opens_no_report(key: ApiKey) -> None:
    for path in ("/stats", "/event/mine"):
        assert Client().get(f"{path}?key={key.text}").status_code == 401


def test_a_public_key_sends_into_its_own_project_alone(
    key: ApiKey, page: Page, project: TestProject, other_project: TestProject
) -> None:
    page.send(EVENT)
    Page(make_public_key(other_project, "theirs")).send(EVENT)

    assert [part.project_id for part in read_parts()] == [project.id, other_project.id]


# --- What its body is ----------------------------------------------------------------------------


@pytest.mark.parametrize("content_type", ["text/plain", "text/plain;charset=UTF-8", JSON])
def test_text_of_a_page_is_json(page: Page, content_type: str) -> None:
    assert page.send(EVENT, content_type=content_type).status_code == 202
    assert page.send_many([EVENT], content_type=content_type).status_code == 202


@pytest.mark.parametrize(
    "body", [b' [{"path":"/a"},{"path":"/b"}]', b'{"path":"/a"}\n{"path":"/b"}\n']
)
def test_text_of_many_events_is_an_array_or_lines(page: Page, body: bytes) -> None:
    answer = page.send_many(body)

    assert (answer.status_code, answer.json()["accepted"]) == (202, 2)


def test_lines_that_say_what_they_are_are_taken_as_well(page: Page) -> None:
    answer = page.send_many(b'{"path":"/a"}\n', content_type="application/x-ndjson")

    assert answer.status_code == 202


@pytest.mark.parametrize("path", ["/event", "/events"])
def test_text_with_a_secret_key_is_told_whom_it_is_for(ingest: Api, path: str) -> None:
    answer = ingest.post(path, b"[]", content_type="text/plain")

    assert answer.status_code == 415
    assert "public key" in read_problem(answer)["detail"]


def test_text_of_another_charset_is_refused(page: Page) -> None:
    answer = page.send(EVENT, content_type="text/plain;charset=latin1")

    assert (answer.status_code, read_problem(answer)["code"]) == (415, "unsupported_charset")


# --- Who sends -----------------------------------------------------------------------------------


def test_a_sender_is_who_he_is_whatever_he_says(page: Page) -> None:
    page.send({**EVENT, "ip": "192.0.2.1", "userAgent": "curl/8"})
    drain(0)

    [part] = collection(EVENTS).find({})
    assert part["ip"].startswith("198.51.100.")
    assert part["userAgent"] == BROWSER


@pytest.mark.parametrize("said", [{"ip": "nobody"}, {"ip": 5}, {"userAgent": 5, "ip": ""}])
def test_what_a_sender_says_wrongly_of_himself_is_ignored_as_well(
    page: Page, ingest: Api, said: dict[str, Any]
) -> None:
    now = datetime.now(UTC)
    late = {"timestamp": str(now + timedelta(hours=1)), "sentAt": str(now + timedelta(hours=1))}

    assert page.send({**EVENT, **late, **said}).status_code == 202
    assert page.send([{**EVENT, **said}, EVENT], path="/events").json()["accepted"] == 2
    assert ingest.post("/event", {**EVENT, **said}).status_code == 400

    assert drain(0).stored == 3
    for event in collection(EVENTS).find({}):
        assert event["ip"].startswith("198.51.100.")
        assert event["userAgent"] == BROWSER
        assert event["timestamp"] < now + timedelta(minutes=5)


@pytest.mark.parametrize(
    "body",
    [
        b'{"ip":5,"path":',
        b'{"ip":5,"path":"\xff"}',
        b'{"ip":5,"path":"/a","properties":' + b"[" * 5_000 + b"]" * 5_000 + b"}",
        b'{"ip":5,"\xff":1}',
        b'{"ip":5}',
    ],
)
def test_what_else_is_wrong_with_it_is_refused_all_the_same(page: Page, body: bytes) -> None:
    assert page.send(body).status_code == 400
    assert page.send(b"[" + body + b"]", path="/events").status_code == 400


def test_an_entry_says_how_its_events_came(page: Page, ingest: Api) -> None:
    page.send(EVENT)
    page.send(EVENT, HTTP_DNT="1")
    page.send(EVENT, HTTP_SEC_GPC="1")
    ingest.post("/event", EVENT, REMOTE_ADDR=ADDRESS)
    ingest.post("/event", EVENT, HTTP_ORIGIN="https://shop.example", HTTP_DNT="1")
    ingest.post("/event", EVENT, HTTP_DNT="0", HTTP_SEC_GPC="?1")

    arrivals = [(part.public, part.from_page, part.do_not_track) for part in read_parts()]
    assert arrivals == [
        (True, True, False),
        (True, True, True),
        (True, True, True),
        (False, False, False),
        (False, True, True),
        (False, False, False),
    ]
    assert {part.skew_ms for part in read_parts()} == {0}


# --- Ids -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("event_id", [UUID, "order-7"])
def test_nobody_takes_an_id_that_a_server_sends_later(
    page: Page, ingest: Api, project: TestProject, event_id: str
) -> None:
    page.send({"path": "/taken", "eventId": event_id})
    assert drain(0).stored == 1
    ingest.post("/event", {"path": "/mine", "eventId": event_id})
    page.send({"path": "/again", "eventId": event_id})

    result = drain(0)

    assert (result.stored, result.duplicates) == (1, 1)
    stored = list(collection(EVENTS).find({"project": project.id}, {"path": 1, "eventId": 1}))
    assert {event["path"] for event in stored} == {"/taken", "/mine"}
    assert {len(event["_id"]) for event in stored if event["path"] == "/taken"} == {25}


def test_the_same_id_by_both_kinds_of_key_in_one_batch_is_two_events(
    page: Page, ingest: Api
) -> None:
    for _ in range(2):
        page.send({**EVENT, "eventId": UUID})
        ingest.post("/event", {**EVENT, "eventId": UUID})

    result = drain(0)

    assert (result.stored, result.duplicates) == (2, 2)


# --- What the project lets it say ----------------------------------------------------------------


def test_only_events_on_the_list_are_taken_and_ours(page: Page, project: TestProject) -> None:
    set_rules(project, allowed_events=["signup"])
    names = ["signup", "pageview", None, "$engagement", "purchase"]

    statuses = [page.send({**EVENT, "event": name}).status_code for name in names]

    assert statuses == [202, 202, 202, 202, 400]
    refused = read_problem(page.send({**EVENT, "event": "purchase"}))
    assert (refused["code"], refused["errors"][0]["field"]) == ("event_not_allowed", "event")
    assert Api(project.ingest_key).post("/event", {**EVENT, "event": "purchase"}).status_code == 202


def test_properties_that_are_not_on_the_list_are_left_out(page: Page, project: TestProject) -> None:
    set_rules(project, allowed_properties=["plan", "price"])
    raw = (
        b'{"path": "/a", "properties": {"plan": "pro", "email": "a@example.com", "$x": 1.50,'
        b' "price": {"currency": "EUR", "n": 12345678901234567}}, "title": "\\u00e9"}'
    )

    assert page.send(raw).status_code == 202
    assert Api(project.ingest_key).post("/event", raw).status_code == 202

    public, secret = (part.events[0].raw for part in read_parts())
    assert public == (
        b'{"path":"/a","properties":{"plan":"pro","$x":1.50,'
        b'"price":{"currency": "EUR", "n": 12345678901234567}},"title":"\\u00e9"}'
    )
    assert secret == raw


def test_where_nothing_is_left_out_the_bytes_are_the_senders_own(
    page: Page, project: TestProject
) -> None:
    set_rules(project, allowed_properties=["plan"])
    raw = b'{ "path":"/a", "properties" : {"plan" : "pro"} }'

    page.send(raw)

    assert read_parts()[0].events[0].raw == raw


def test_a_property_that_is_left_out_is_not_stored(page: Page, project: TestProject) -> None:
    set_rules(project, allowed_properties=["plan"])
    page.send({**EVENT, "properties": {"email": "a@example.com"}})
    page.send({**EVENT, "properties": None})

    assert drain(0).stored == 2
    stored = list(collection(EVENTS).find({"project": project.id}))
    assert [event.get("properties") or {} for event in stored] == [{}, {}]


# --- When ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ahead", "code"),
    [
        (timedelta(minutes=4), None),
        (timedelta(minutes=6), "timestamp_in_future"),
        (-timedelta(hours=23), None),
        (-timedelta(hours=25), "timestamp_too_old"),
    ],
)
def test_a_public_key_goes_back_a_day_and_ahead_five_minutes(
    page: Page, ingest: Api, ahead: timedelta, code: str | None
) -> None:
    event = {**EVENT, "timestamp": (datetime.now(UTC) + ahead).isoformat()}

    answer = page.send(event)

    assert answer.status_code == (400 if code else 202)
    assert code is None or read_problem(answer)["code"] == code
    assert ingest.post("/event", event).status_code == 202


def test_a_project_says_how_far_its_public_keys_go_back(page: Page, project: TestProject) -> None:
    set_rules(project, public_max_age_hours=48)
    back = [datetime.now(UTC) - timedelta(hours=hours) for hours in (47, 49)]

    statuses = [page.send({**EVENT, "timestamp": at.isoformat()}).status_code for at in back]

    assert statuses == [202, 400]
