"""Fresh events go into segments, the oldest first, each once."""

from datetime import UTC, datetime, timedelta

import pytest
from bson.binary import Binary

from analytics.databases import mongo
from analytics.databases.mongo import EVENTS, collection
from analytics.events.fresh import describe_fresh, list_fresh_keys
from columns import export
from columns.export import export_project, list_due, list_tails
from columns.segments import read_head
from tests.columns.folders import in_either_place
from tests.columns.segments import listed, paths_of
from tests.conftest import TestProject
from tests.stored import store_events

pytestmark = in_either_place

MOMENT = datetime(2026, 11, 20, 12, tzinfo=UTC)


def store_paths(project: TestProject, *paths: str) -> None:
    store_events(project, [{"path": path} for path in paths])


def test_fresh_events_are_in_a_segment_and_fresh_no_more(project: TestProject) -> None:
    store_paths(project, "/a", "/b")
    store_paths(project, "/c")
    assert export_project(project.id) == 3
    assert paths_of(project.id) == ["/a", "/b", "/c"]
    assert list_tails() == []
    assert export_project(project.id) == 0
    assert [segment.rows for segment in listed(project.id)] == [3]


def test_a_project_is_exported_without_the_others(
    project: TestProject, other_project: TestProject
) -> None:
    store_paths(project, "/mine")
    store_paths(other_project, "/theirs")
    export_project(project.id)
    assert paths_of(project.id) == ["/mine"]
    assert paths_of(other_project.id) == []
    assert [tail.project_id for tail in list_tails()] == [other_project.id]


def test_a_stride_takes_whole_documents_the_oldest_first(project: TestProject) -> None:
    for paths in (["/a", "/b"], ["/c", "/d"], ["/e"]):
        store_paths(project, *paths)
    assert export_project(project.id, most=3) == 2
    assert paths_of(project.id) == ["/a", "/b"]
    assert export_project(project.id, most=3) == 3
    assert paths_of(project.id) == ["/a", "/b", "/c", "/d", "/e"]


def test_a_document_of_more_events_than_a_stride_is_taken_all_the_same(
    project: TestProject,
) -> None:
    store_paths(project, "/a", "/b")
    assert export_project(project.id, most=1) == 2


def test_more_events_than_are_read_at_once_are_all_there(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "_READ_KEYS", 2)
    paths = [f"/{n}" for n in range(7)]
    store_paths(project, *paths)
    export_project(project.id)
    assert paths_of(project.id) == paths


def test_an_event_that_is_gone_counts_as_exported(project: TestProject) -> None:
    store_paths(project, "/kept", "/erased", "/expired")
    erase(project, "/erased")
    collection(EVENTS).delete_one({"project": project.id, "path": "/expired"})
    assert export_project(project.id) == 3
    assert paths_of(project.id) == ["/kept"]


def test_documents_whose_events_are_all_gone_leave_no_file(project: TestProject) -> None:
    store_paths(project, "/erased")
    erase(project, "/erased")
    assert export_project(project.id) == 1
    assert (listed(project.id), list_tails()) == ([], [])
    assert collection(mongo.COLUMN_GARBAGE).count_documents({}) == 0


def test_an_event_is_read_by_its_project_too(
    project: TestProject, other_project: TestProject
) -> None:
    store_paths(other_project, "/theirs")
    [fresh] = collection(mongo.COLUMN_FRESH).find({})
    keys = list_fresh_keys(fresh)
    assert list(export.read_events(project.id, keys)) == []
    assert len(list(export.read_events(other_project.id, keys))) == 1


def test_each_export_counts_the_revision_up(project: TestProject) -> None:
    for revision in (1, 2, 3):
        store_paths(project, "/")
        export_project(project.id)
        assert read_head(project.id).revision == revision


def test_tails_say_how_many_wait_and_since_when(
    project: TestProject, other_project: TestProject
) -> None:
    leave_fresh(project, 5, MOMENT)
    leave_fresh(project, 2, MOMENT + timedelta(minutes=3))
    leave_fresh(other_project, 1, MOMENT - timedelta(seconds=1))
    moment_ms = int(MOMENT.timestamp() * 1000)
    assert [(tail.project_id, tail.events, tail.since_ms) for tail in list_tails()] == [
        (other_project.id, 1, moment_ms - 1000),
        (project.id, 7, moment_ms),
    ]


def test_a_tail_is_due_when_it_is_long_or_old(
    project: TestProject, other_project: TestProject
) -> None:
    leave_fresh(project, export.DUE_EVENTS - 1, MOMENT)
    leave_fresh(other_project, 1, MOMENT - timedelta(minutes=59))
    assert list_due(MOMENT) == []
    leave_fresh(project, 1, MOMENT)
    assert [tail.project_id for tail in list_due(MOMENT)] == [project.id]
    [old, _] = list_due(MOMENT + timedelta(minutes=1))
    assert old.project_id == other_project.id


def test_an_expiry_in_the_past_is_no_reason_not_to_export(project: TestProject) -> None:
    store_paths(project, "/")
    past = datetime.now(UTC) - timedelta(days=1)
    collection(EVENTS).update_one({"project": project.id}, {"$set": {"expiresAt": past}})
    export_project(project.id)
    assert paths_of(project.id) == ["/"]


def erase(project: TestProject, path: str) -> None:
    """Leave a tombstone in the place of an event."""
    event = collection(EVENTS).find_one_and_delete({"project": project.id, "path": path})
    assert event
    tombstone = {"_id": Binary(event["_id"]), "place": event["place"], "erased": MOMENT}
    collection(EVENTS).insert_one(tombstone)


def leave_fresh(project: TestProject, events: int, at: datetime) -> None:
    keys = [project.id + n.to_bytes(16, "big") for n in range(events)]
    document = describe_fresh(project.id, keys, int(at.timestamp() * 1000))
    collection(mongo.COLUMN_FRESH).insert_one(document)
