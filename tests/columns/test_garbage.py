"""Files that nobody listed, or that were replaced, are deleted in time, and no others."""

from datetime import UTC, datetime, timedelta

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict, durable_transaction
from columns import garbage
from columns.change import READ_TIME, Change
from columns.export import export_project
from columns.files.folder import make_folder
from columns.garbage import collect_files, list_garbage
from columns.writer import WRITE_TIME
from tests.columns.folders import in_either_place, list_files
from tests.columns.segments import listed, paths_of
from tests.columns.test_export import store_paths
from tests.columns.test_export_crash_safety import make_all_due
from tests.conftest import TestProject

pytestmark = in_either_place


def merge_all(project: TestProject) -> None:
    sources = listed(project.id)
    change = Change(project.id, make_folder())
    written = change.writer.write_from(sources)
    assert written
    change.apply([written], sources)


def test_replaced_files_stay_for_as_long_as_a_question_may_take(project: TestProject) -> None:
    for path in ("/a", "/b"):
        store_paths(project, path)
        export_project(project.id)
    replaced = {segment.id for segment in listed(project.id)}
    merge_all(project)
    assert (collect_files(), len(list_files())) == (0, 3)
    [entry] = collection(mongo.COLUMN_GARBAGE).find({})
    assert entry["dueAt"] - entry["madeAt"] == READ_TIME
    make_all_due()
    assert collect_files() == 2
    assert list_files() == {segment.id for segment in listed(project.id)}
    assert not replaced & list_files()
    assert paths_of(project.id) == ["/a", "/b"]


def test_files_that_are_being_written_are_left_alone(project: TestProject) -> None:
    change = Change(project.id, make_folder())
    [entry] = collection(mongo.COLUMN_GARBAGE).find({})
    assert entry["dueAt"] - entry["madeAt"] == WRITE_TIME
    assert list_garbage() == []
    change.writer.discard()
    assert len(list_garbage()) == 1


def test_an_entry_that_is_being_collected_is_not_adopted(project: TestProject) -> None:
    change = Change(project.id, make_folder())
    collection(mongo.COLUMN_GARBAGE).update_one({}, {"$set": {"collecting": True}})
    with pytest.raises(Conflict), durable_transaction() as session:
        change.writer.adopt(session)
    with pytest.raises(Conflict):
        change.writer._draw_id()


def test_an_entry_that_was_adopted_meanwhile_is_not_collected(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_paths(project, "/a")
    export_project(project.id)
    [segment] = listed(project.id)
    entry = {
        "_id": "adopted",
        "project": project.id,
        "segments": [segment.id],
        "dueAt": datetime.now(UTC) - timedelta(minutes=1),
    }
    monkeypatch.setattr(garbage, "list_garbage", lambda *_: [entry])
    assert collect_files() == 0
    assert paths_of(project.id) == ["/a"]


def test_a_file_that_is_gone_already_is_no_trouble(project: TestProject) -> None:
    make_folder()
    change = Change(project.id, make_folder())
    segment_id = change.writer._draw_id()
    make_all_due()
    assert segment_id not in list_files()
    assert collect_files() == 1
    assert list_files() == set()
