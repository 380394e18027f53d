"""CloudEvents on the native paths: each mode, and what its attributes become."""

import json
from typing import Any

import pytest
from django.test import Client

from ingestion.receivers.vendors.cloud_events import BATCH, STRUCTURED
from tests.conftest import TestProject
from tests.receivers.vendor import count_refusals, post, read_stored

EVENT: dict[str, Any] = {
    "specversion": "1.0",
    "id": "A234-1234",
    "source": "https://shop.example.com/cart",
    "type": "com.example.order",
    "time": "2026-01-01T00:00:00Z",
    "subject": "/checkout",
    "userid": "u-1",
    "partitionkey": "p",
    "data": {"total": 12.5, "sessionId": "s-1"},
}


def send(project: TestProject, path: str, body: Any, content_type: str, **headers: Any) -> Any:
    bearer: dict[str, Any] = {"HTTP_AUTHORIZATION": f"Bearer {project.ingest_key}"}
    return post(path, body, content_type=content_type, **bearer, **headers)


def in_headers(event: dict[str, Any]) -> dict[str, Any]:
    return {
        f"HTTP_CE_{name.upper()}": str(value) for name, value in event.items() if name != "data"
    }


def check(project: TestProject) -> None:
    [event] = read_stored(project)
    assert event["eventId"] == "https://shop.example.com/cart A234-1234"
    assert (event["event"], event["path"]) == ("com.example.order", "/checkout")
    assert (event["userId"], event["sessionId"]) == ("u-1", "s-1")
    assert event["timestamp"].isoformat() == "2026-01-01T00:00:00+00:00"
    source = "https://shop.example.com/cart"
    assert event["properties"] == {"total": 12.5, "partitionkey": "p", "source": source}


@pytest.mark.parametrize("path", ["/event", "/events"])
def test_an_event_in_structured_mode_is_stored(project: TestProject, path: str) -> None:
    answer = send(project, path, EVENT, f"{STRUCTURED}; charset=utf-8")

    assert (answer.status_code, answer.json()["status"]) == (202, "queued")
    check(project)


@pytest.mark.parametrize("path", ["/event", "/events/"])
def test_an_event_in_binary_mode_is_stored(project: TestProject, path: str) -> None:
    headers = in_headers({**EVENT, "partitionkey": "%70"})
    answer = send(project, path, EVENT["data"], "application/json", **headers)

    assert answer.status_code == 202
    check(project)


@pytest.mark.parametrize("path", ["/event", "/events"])
def test_a_batch_is_stored_and_a_bad_event_of_it_named(project: TestProject, path: str) -> None:
    bad = {**EVENT, "id": ""}
    answer = send(project, path, [bad, EVENT, 1, {**EVENT, "specversion": "0.3"}], BATCH)

    assert answer.status_code == 202
    assert answer.json()["accepted"] == 1
    rejected = {error["index"]: error["code"] for error in answer.json()["rejected"]}
    assert rejected == {0: "missing_field", 2: "wrong_type", 3: "bad_envelope"}
    check(project)
    assert count_refusals(project)["cloudevents/missing_field"] == 1


def test_what_is_sent_twice_counts_once_and_the_id_is_of_its_source(project: TestProject) -> None:
    for _ in range(2):
        send(project, "/event", EVENT, STRUCTURED)
    send(project, "/event", {**EVENT, "source": "other"}, STRUCTURED)

    assert len(read_stored(project)) == 2


@pytest.mark.parametrize(
    ("body", "content_type", "properties"),
    [
        (b"", "", {}),
        (b"[1]", "application/json", {"data": [1]}),
        (b"text", "text/plain", {"data": "text"}),
        (b"\xff\xfe", "application/octet-stream", {"data_base64": "//4="}),
    ],
)
def test_data_of_any_type_is_kept(
    project: TestProject, body: bytes, content_type: str, properties: dict[str, Any]
) -> None:
    told = in_headers({"specversion": "1.0", "id": "1", "source": "s", "type": "t"})

    assert send(project, "/event", body, content_type, **told).status_code == 202
    [event] = read_stored(project)
    assert event["path"] == "/_event/t"
    assert event["properties"] == {**properties, "source": "s"}


@pytest.mark.parametrize(
    ("body", "content_type", "status", "code"),
    [
        (b"{}", STRUCTURED, 400, "bad_envelope"),
        (b"{", STRUCTURED, 400, "invalid_json"),
        (b"[]", STRUCTURED, 400, "bad_envelope"),
        (b'{"id":1},{}', STRUCTURED, 400, "invalid_json"),
        (b"[]", BATCH, 400, "empty_batch"),
        (b"{}", BATCH, 400, "bad_envelope"),
        (b"[{}]", BATCH, 400, "no_valid_event"),
        (b"<a/>", "application/cloudevents+xml", 415, "unsupported_media_type"),
        (b'{"a":' + b"[" * 50_000, STRUCTURED, 400, "too_deep"),
    ],
)
def test_what_is_no_cloudevent_is_refused_with_a_reason(
    project: TestProject, body: bytes, content_type: str, status: int, code: str
) -> None:
    answer = send(project, "/event", body, content_type)

    assert (answer.status_code, answer.json()["code"]) == (status, code)
    assert read_stored(project) == []


def test_a_broker_that_asks_whether_it_may_deliver_is_told_yes() -> None:
    answer = Client().options("/event", headers={"webhook-request-origin": "broker.example.com"})

    assert answer.status_code == 204
    assert (answer["WebHook-Allowed-Origin"], answer["WebHook-Allowed-Rate"]) == ("*", "*")


def test_the_receivers_are_listed_for_everyone() -> None:
    found = {one["name"]: one for one in Client().get("/receivers").json()["receivers"]}

    assert found["cloudevents"]["paths"] == ["/event", "/events"]
    assert "/v1/batch" in found["segment"]["paths"]
    assert "_live_" not in json.dumps(found)
