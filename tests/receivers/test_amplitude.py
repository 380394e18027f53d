"""Amplitude's clients: what they send becomes, and what they are answered."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.conftest import TestProject
from tests.pages import make_public_key, set_rules
from tests.receivers.vendor import count_refusals, post, read_stored

URL = "https://shop.example/product/42?utm_source=mail"
AT = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=2)
AT_MS = int(AT.timestamp() * 1_000)


def make(name: str = "paid", **fields: Any) -> dict[str, Any]:
    return {"event_type": name, "user_id": "user-1", "insert_id": name, "time": AT_MS, **fields}


def send(key: str, *events: Any, **body: Any) -> Any:
    return post("/2/httpapi", {"api_key": key, "events": list(events), **body})


def test_a_view_is_stored_in_our_words(project: TestProject) -> None:
    view = make(
        "[Amplitude] Page Viewed", session_id=AT_MS, language="pt-BR", ip="$remote",
        event_properties={"[Amplitude] Page URL": URL, "[Amplitude] Page Title": "Product 42",
                          "[Amplitude] Page Path": "/product/42", "plan": "pro",
                          "referrer": "https://www.google.com/"},
    )  # fmt: skip

    answer = send(make_public_key(project).text, view)

    assert answer.status_code == 200
    told = answer.json()
    assert (told["code"], told["events_ingested"]) == (200, 1)
    assert told["payload_size_bytes"] > 100
    [event] = read_stored(project)
    assert (event["event"], event["path"], event["utmSource"]) == (
        "pageview", "/product/42", "mail",
    )  # fmt: skip
    assert (event["userId"], event["sessionId"], event["timestamp"]) == (
        "user-1", str(AT_MS), AT,
    )  # fmt: skip
    assert (event["title"], event["language"]) == ("Product 42", "pt-BR")
    assert event["referrer"] == "google.com"
    assert event["properties"] == {"plan": "pro"}


def test_what_it_tells_beside_the_properties_is_kept_among_them(project: TestProject) -> None:
    paid = make(event_properties={"a": 1}, revenue=12.5, productId="p", session_id=-1, groups={})
    identify = make("$identify", user_properties={"$set": {"plan": "pro"}}, device_id="d")
    group = {"event_type": "$groupidentify", "device_id": "d", "groups": {"company": "c"}}

    send(project.ingest_key, paid, identify, group)

    found = {event["event"]: event for event in read_stored(project)}
    assert found["paid"]["properties"] == {"a": 1, "revenue": 12.5, "productId": "p"}
    assert "sessionId" not in found["paid"]
    assert found["$identify"]["properties"] == {"user_properties": {"$set": {"plan": "pro"}}}
    assert found["$group"]["userId"] == "d"


def test_an_id_of_the_client_counts_once(project: TestProject) -> None:
    for _ in range(3):
        send(project.ingest_key, make("a"), make("b"))

    assert len(read_stored(project)) == 2


def test_a_fast_clock_is_moved_back(project: TestProject) -> None:
    ahead = datetime.now(UTC) + timedelta(hours=2)
    event = make(time=int(ahead.timestamp() * 1_000))

    send(project.ingest_key, event, client_upload_time=ahead.isoformat())

    assert read_stored(project)[0]["timestamp"] < datetime.now(UTC) + timedelta(minutes=1)


def test_a_bad_event_sinks_no_other(project: TestProject) -> None:
    bad = [7, {"user_id": "u"}, make("x" * 200), make(time="never"), make(time=1e300)]

    answer = send(project.ingest_key, *bad, make("good"))

    assert (answer.json()["code"], answer.json()["events_ingested"]) == (200, 1)
    assert [event["event"] for event in read_stored(project)] == ["good"]
    assert sum(count_refusals(project).values()) == 5


@pytest.mark.parametrize("key", ["", "of-another-service", None])
def test_a_bad_key_is_told_in_the_words_that_its_clients_know(
    project: TestProject, key: Any
) -> None:
    answer = send(key, make())

    assert (answer.status_code, answer.json()["code"]) == (401, 401)
    assert answer.json()["reason"] in ("invalid_key", "missing_key")
    assert answer.json()["error"].startswith("Invalid API key: ")


def test_a_limit_is_told_by_the_number_that_its_clients_read(project: TestProject) -> None:
    set_rules(project, quota_events_per_month=1)

    answers = [send(project.ingest_key, make(str(number))) for number in range(2)]

    assert [answer.json()["code"] for answer in answers] == [200, 429]
    assert (answers[1].status_code, answers[1].json()["reason"]) == (429, "over_quota")
