"""GET /event/{eventId}: what became of an event, to those who may know."""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import pymongo
import pytest
from django.test import Client

from analytics.databases.mongo import DEAD_LETTERS, collection
from analytics.events.ids import event_key, public_event_key
from analytics.events.moments import format_moment
from ingestion.accept import receipts
from ingestion.drain.loop import drain
from tests.accept.test_post_event import read_problem
from tests.conftest import Api, TestProject
from tests.pages import Page, make_public_key

UUID = "e9f6c2b3-12a1-4a9b-8baf-1d2a3b4c5d6e"


def send_and_store(ingest: Api, event_id: str) -> None:
    answer = ingest.post(
        "/event", {"path": "/a", "eventId": event_id, "timestamp": "2026-01-01T00:00:00.5Z"}
    )
    assert answer.status_code == 202
    assert drain(0).stored == 1


@pytest.mark.parametrize(
    "event_id",
    [UUID, UUID.upper(), "order 7/3", "a/", "/", "100%", "?x=1#y", "é\N{GRINNING FACE}", "../x"],
)
def test_a_stored_event_is_found_by_its_id_whatever_it_looks_like(
    ingest: Api, event_id: str
) -> None:
    send_and_store(ingest, event_id)

    answer = ingest.get(f"/event/{quote(event_id, safe='')}")

    assert answer.status_code == 200
    assert answer["Cache-Control"] == "private, no-store"
    receipt = answer.json()
    assert (receipt["eventId"], receipt["state"]) == (event_id, "stored")
    assert receipt["timestamp"] == "2026-01-01T00:00:00.500Z"
    ingested_at = datetime.fromisoformat(receipt["ingestedAt"])
    assert abs((datetime.now(UTC) - ingested_at).total_seconds()) < 60


def test_a_trailing_slash_is_not_part_of_the_id(ingest: Api) -> None:
    send_and_store(ingest, "mine")

    assert ingest.get("/event/mine/").json()["state"] == "stored"


def test_an_id_that_ends_in_a_slash_is_told_from_the_one_that_does_not(ingest: Api) -> None:
    send_and_store(ingest, "mine/")

    assert ingest.get("/event/mine").json()["state"] == "unknown"
    assert ingest.get("/event/mine/").json()["eventId"] == "mine/"


@pytest.mark.parametrize(
    "event_id", ["never-sent", UUID, "x" * 2_000, "%00", "%FF", "/", "a%0Ab", "%0A"]
)
def test_an_event_that_was_never_seen_is_unknown(ingest: Api, event_id: str) -> None:
    answer = ingest.get(f"/event/{event_id}")

    assert (answer.status_code, answer.json()["state"]) == (200, "unknown")


def test_an_event_that_still_waits_is_unknown(ingest: Api) -> None:
    ingest.post("/event", {"path": "/a", "eventId": "waits"})

    assert ingest.get("/event/waits").json() == {"eventId": "waits", "state": "unknown"}


def test_a_dead_letter_is_told_with_its_reason(ingest: Api, project: TestProject) -> None:
    letter: dict[str, Any] = {
        "_id": project.id + bytes(14),
        "project": project.id,
        "eventKey": event_key(project.id, "lost"),
        "reason": "too_large",
        "buriedAt": datetime(2026, 1, 1, tzinfo=UTC),
    }
    collection(DEAD_LETTERS).insert_one(letter)

    assert ingest.get("/event/lost").json() == {
        "eventId": "lost",
        "state": "dead",
        "reason": "too_large",
        "buriedAt": "2026-01-01T00:00:00.000Z",
    }


def test_a_key_of_either_scope_may_ask(ingest: Api, project: TestProject) -> None:
    send_and_store(ingest, "mine")

    for key in (project.ingest_key, project.read_key, project.admin_key):
        assert Api(key).get("/event/mine").json()["state"] == "stored"


@pytest.mark.parametrize("event_id", ["mine", UUID])
def test_an_event_by_a_public_key_is_found_after_the_servers_own(
    ingest: Api, project: TestProject, event_id: str
) -> None:
    page, earlier = Page(make_public_key(project)), datetime.now(UTC) - timedelta(hours=1)
    page.send({"path": "/a", "eventId": event_id, "timestamp": earlier.isoformat()})
    drain(0)
    of_the_page = ingest.get(f"/event/{event_id}").json()

    send_and_store(ingest, event_id)

    assert of_the_page["state"] == "stored"
    assert of_the_page["timestamp"] == format_moment(earlier)
    assert ingest.get(f"/event/{event_id}").json()["timestamp"] == "2026-01-01T00:00:00.500Z"


def test_a_letter_of_a_public_key_is_told(ingest: Api, project: TestProject) -> None:
    letter: dict[str, Any] = {
        "_id": project.id + bytes(14),
        "project": project.id,
        "eventKey": public_event_key(project.id, "lost"),
        "reason": "invalid",
        "buriedAt": datetime(2026, 1, 1, tzinfo=UTC),
    }
    collection(DEAD_LETTERS).insert_one(letter)

    assert ingest.get("/event/lost").json()["state"] == "dead"


def test_another_projects_event_is_unknown(
    ingest: Api, project: TestProject, other_project: TestProject
) -> None:
    send_and_store(ingest, "mine")

    assert Api(other_project.read_key).get("/event/mine").json()["state"] == "unknown"


def test_nobody_asks_without_a_key(project: TestProject) -> None:
    answer = Client().get("/event/mine")

    assert (answer.status_code, read_problem(answer)["code"]) == (401, "missing_key")


def test_a_store_that_does_not_answer_is_a_503(
    ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere: pymongo.MongoClient[dict[str, Any]] = pymongo.MongoClient(
        "mongodb://127.0.0.1:1", serverSelectionTimeoutMS=50
    )
    with nowhere:
        monkeypatch.setattr(receipts, "TIMEOUT_SECONDS", 0.1)
        monkeypatch.setattr(receipts, "collection", nowhere.analytics.get_collection)
        answer = ingest.get("/event/mine")

    assert (answer.status_code, read_problem(answer)["code"]) == (503, "store_unavailable")
    assert int(answer["Retry-After"]) >= 1


@pytest.mark.parametrize("method", ["post", "put", "patch", "delete"])
def test_a_receipt_can_only_be_read(project: TestProject, method: str) -> None:
    client = Client(headers={"authorization": f"Bearer {project.ingest_key}"})

    answer = getattr(client, method)("/event/mine")

    assert answer.status_code == 405
    assert read_problem(answer)["code"] == "method_not_allowed"
    assert answer["Allow"] == "GET, HEAD, OPTIONS"
