"""One event's trip: POST /event, the drain, the stored document, the receipt, the books."""

import pytest

from analytics.databases.mongo import EVENTS, collection
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from upkeep.ledger.lines import read_ledger

FULL = {
    "eventId": "e9f6c2b3-12a1-4a9b-8baf-1d2a3b4c5d6e",
    "timestamp": "2025-11-14T09:00:00.000Z",
    "userId": "user_123",
    "sessionId": "sess_abcd",
    "path": "/product/42",
    "ip": "203.0.113.42",
    "userAgent": "Mozilla/5.0 (Macintosh; Intel)",
    "properties": {"referrer": "https://example.com", "pageTitle": "Product 42"},
}


def test_the_seeds_full_example_is_stored_whole(project: TestProject, ingest: Api) -> None:
    answer = ingest.post("/event", FULL)

    assert answer.status_code == 202
    assert answer.json() == {"status": "queued", "queued": True, "eventId": FULL["eventId"]}
    assert drain(0).stored == 1
    document = collection(EVENTS).find_one({"project": project.id})
    assert document is not None
    assert document["timestamp"].isoformat() == "2025-11-14T09:00:00+00:00"
    assert document["ip"] == "203.0.113.0"
    assert document["properties"] == FULL["properties"]
    assert document["referrer"] == "example.com"
    receipt = ingest.get(f"/event/{FULL['eventId']}").json()
    assert receipt["state"] == "stored"
    [line] = read_ledger(project.id)
    assert (line.accepted, line.stored, line.waiting, line.difference) == (1, 1, 0, 0)


def test_the_seeds_minimal_example_gets_an_id_and_a_time(ingest: Api, project: TestProject) -> None:
    answer = ingest.post("/event", {"path": "/home"})

    assert answer.status_code == 202
    assert ingest.get(f"/event/{answer.json()['eventId']}").json()["state"] == "unknown"
    assert drain(0).stored == 1
    assert ingest.get(f"/event/{answer.json()['eventId']}").json()["state"] == "stored"


@pytest.mark.parametrize("event_id", ["mine", "e9f6c2b3-12a1-4a9b-8baf-1d2a3b4c5d6e"])
def test_an_event_id_counts_once(ingest: Api, project: TestProject, event_id: str) -> None:
    for _ in range(3):
        assert ingest.post("/event", {"path": "/a", "eventId": event_id}).status_code == 202

    result = drain(0)

    assert (result.stored, result.duplicates) == (1, 2)
    assert collection(EVENTS).count_documents({"project": project.id}) == 1
    [line] = read_ledger(project.id)
    assert (line.stored, line.duplicate, line.difference) == (1, 2, 0)
