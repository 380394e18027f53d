"""Retention: when a stored event goes, and what a changed retention does to it."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from analytics.databases.mongo import EVENTS, Document, collection
from analytics.events.ids import is_uuid_key, make_event_id, now_ms
from analytics.keys.lookup import forget_keys
from analytics.projects.horizon import RETENTION_GRACE
from analytics.projects.models import Project
from analytics.remembered import forget_everything
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject, make_project
from tests.stored import store_events
from upkeep.retention import apply_retention
from upkeep.verify.rebuild import rebuild_day
from upkeep.verify.verify import verify_day


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


def test_a_longer_retention_does_not_move_the_raw_horizon_back(brief: TestProject) -> None:
    before = datetime.now(UTC) - timedelta(days=30)
    change_retention(brief, 90)
    since = Project.objects.get(pk=brief.row.pk).raw_since
    assert since is not None and abs(since - before) < timedelta(minutes=1)

    for days in (60, None):
        change_retention(brief, days)
        assert Project.objects.get(pk=brief.row.pk).raw_since == since
    change_retention(brief, 7)
    change_retention(brief, 8)

    later = Project.objects.get(pk=brief.row.pk).raw_since
    assert later is not None
    assert abs(later - datetime.now(UTC) + timedelta(days=7)) < timedelta(minutes=1)


def test_a_project_saved_from_a_form_opened_earlier_keeps_its_raw_horizon(
    brief: TestProject,
) -> None:
    earlier = Project.objects.get(pk=brief.row.pk)
    change_retention(brief, None)
    since = Project.objects.get(pk=brief.row.pk).raw_since
    assert since is not None

    earlier.name = "Renamed"
    earlier.save()

    assert Project.objects.get(pk=brief.row.pk).raw_since == since


def test_raw_questions_about_the_time_a_shorter_retention_let_go_are_refused(
    brief: TestProject,
) -> None:
    now = datetime.now(UTC)
    store_events(brief, [{"path": "/", "timestamp": now - timedelta(days=29)}])
    change_retention(brief, None)
    forget_keys()
    api = Api(brief.read_key)

    def ask(days: int) -> Any:
        start = (now - timedelta(days=days)).isoformat()
        return api.get("/stats", start=start, exact="true").json()

    assert ask(29)["totalViews"] == 1
    assert ask(31)["code"] == "raw_expired"


def test_rollups_of_the_time_a_shorter_retention_let_go_are_not_counted_anew(
    brief: TestProject,
) -> None:
    old = datetime.now(UTC) - timedelta(days=40)
    store_events(brief, [{"path": "/", "timestamp": old}])
    collection(EVENTS).delete_many({"project": brief.id})  # as the shorter retention did
    change_retention(brief, None)
    forget_everything()
    day = int(old.timestamp()) // 86_400

    assert verify_day(brief.id, day) == []
    rebuild_day(brief.id, day)

    assert Api(brief.read_key).get("/stats").json()["totalViews"] == 1


def test_events_that_a_drain_stored_by_the_old_retention_are_found_in_the_next_round(
    brief: TestProject,
) -> None:
    store_both_shapes(brief)
    change_retention(brief, 90)
    assert apply_retention() == 2

    late = datetime.now(UTC) + timedelta(days=30) + RETENTION_GRACE
    collection(EVENTS).update_one({"project": brief.id}, {"$set": {"expiresAt": late}})

    assert apply_retention() == 1
    assert all(event["expiresAt"] > late for event in read_events(brief))


def test_a_changed_retention_reaches_the_first_and_the_last_id_there_can_be(
    brief: TestProject,
) -> None:
    ids = [str(UUID(int=0)), str(UUID(int=2**128 - 1))]
    store_events(brief, [{"path": "/a", "eventId": event_id} for event_id in ids])
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
