"""Retention: when a stored event goes, and what a changed retention does to it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.ids import is_uuid_key, make_event_id, now_ms
from analytics.mongo import EVENTS, Document, collection
from ingestion.drain import drain
from ingestion.enrich import RETENTION_GRACE
from ingestion.retention import apply_retention
from tests.conftest import Api, TestProject, make_project
from tests.stored import store_events


@pytest.fixture
def brief(store: None) -> TestProject:
    """A project that keeps its events for 30 days."""
    return make_project("Brief", retention_days=30)


def read_events(project: TestProject) -> list[Document]:
    return list(collection(EVENTS).find({"project": project.id}))


def change_retention(project: TestProject, days: int | None) -> None:
    project.row.retention_days = days
    project.row.save()


def store_both_shapes(project: TestProject) -> None:
    """An event with an id of the client's own, and one with a UUID."""
    store_events(
        project,
        [{"path": "/a", "eventId": "mine"}, {"path": "/b", "eventId": make_event_id(now_ms())}],
    )
    assert {is_uuid_key(event["_id"]) for event in read_events(project)} == {True, False}


def test_an_event_is_stored_with_the_moment_it_may_go(brief: TestProject) -> None:
    Api(brief.ingest_key).post("/event", {"path": "/a"})

    assert drain(0).stored == 1

    [event] = read_events(brief)
    assert event["expiresAt"] == event["ingestedAt"] + timedelta(days=30) + RETENTION_GRACE


def test_an_old_event_stays_as_long_as_one_of_the_day_it_came(brief: TestProject) -> None:
    past = datetime.now(UTC) - timedelta(days=29)
    body = {"path": "/a", "timestamp": past.isoformat()}
    assert Api(brief.ingest_key).post("/event", body).status_code == 202

    assert drain(0).stored == 1

    [event] = read_events(brief)
    assert event["timestamp"] < event["ingestedAt"]
    assert event["expiresAt"] == event["ingestedAt"] + timedelta(days=30) + RETENTION_GRACE


def test_an_event_of_a_project_that_keeps_all_never_goes(project: TestProject) -> None:
    store_events(project, [{"path": "/a"}])

    [event] = read_events(project)
    assert "expiresAt" not in event


@pytest.mark.parametrize("days", [7, 90])
def test_a_changed_retention_moves_the_moment_of_both_shapes_of_id(
    brief: TestProject, days: int
) -> None:
    store_both_shapes(brief)
    change_retention(brief, days)

    assert apply_retention() == 2

    for event in read_events(brief):
        came = max(event["timestamp"], event["ingestedAt"])
        assert event["expiresAt"] == came + timedelta(days=days) + RETENTION_GRACE
    assert apply_retention() == 0


def test_a_retention_that_is_lifted_keeps_what_is_stored(brief: TestProject) -> None:
    store_both_shapes(brief)
    apply_retention()
    change_retention(brief, None)

    assert apply_retention() == 2

    assert all("expiresAt" not in event for event in read_events(brief))


def test_a_changed_retention_touches_no_other_project(
    brief: TestProject, project: TestProject
) -> None:
    store_both_shapes(brief)
    store_both_shapes(project)
    change_retention(brief, 7)

    assert apply_retention() == 2

    assert all("expiresAt" not in event for event in read_events(project))


def test_a_timestamp_older_than_the_retention_is_refused(brief: TestProject) -> None:
    past = datetime.now(UTC) - timedelta(days=30, minutes=1)

    body = {"path": "/a", "timestamp": past.isoformat()}
    answer: Any = Api(brief.ingest_key).post("/event", body)

    assert answer.status_code == 400
    assert answer.json()["errors"][0]["code"] == "timestamp_too_old"
    assert (drain(0).stored, read_events(brief)) == (0, [])
