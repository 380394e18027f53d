"""Deleting a project: its segments go from the list, and then all files of it."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict
from analytics.remembered import forget_everything
from columns.change import Change
from columns.export import export_project, list_tails
from columns.garbage import collect_files
from columns.rewrite import replace_range
from columns.stored import EVER_MS
from tests.columns.folders import in_either_place, list_projects, local_folder
from tests.columns.held import held, segments_of
from tests.conftest import TestProject
from tests.stored import store_events
from tests.upkeep.deletion.test_project_deletion import KEPT, delete, find_traces, go_on
from tests.upkeep.erasure.erasures import ask_to_erase
from upkeep.deletion import columns as deleting
from upkeep.deletion import run
from upkeep.erasure.run import ERASURES
from upkeep.jobs.engine import run_job

pytestmark = in_either_place

DAY = datetime(2026, 3, 5, tzinfo=UTC)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SETTLE", timedelta(0))
    monkeypatch.setattr(run, "REST", timedelta(0))


def fill(project: TestProject) -> None:
    """Three segments, the file of a fourth that is garbage, an open erasure, and a fresh event."""
    for n in range(3):
        event = {"path": f"/{n}", "timestamp": DAY + timedelta(days=n), "userId": "mallory"}
        store_events(project, [event, {**event, "userId": "alice"}])
        export_project(project.id)
    replace_range(project.id, 0, EVER_MS)
    erasure = ask_to_erase(project, "mallory")
    run_job(ERASURES, erasure)
    store_events(project, [{"path": "/fresh"}])


@pytest.mark.slow
def test_its_segments_go_with_all_files_and_no_other(
    project: TestProject, other_project: TestProject
) -> None:
    fill(project)
    fill(other_project)
    listed = len(segments_of(project))
    before = held(other_project)

    job = delete(project)

    assert (job["step"], job["counts"]["segments"]) == ("done", listed)
    assert find_traces(project) == KEPT
    assert list_projects() == {other_project.id}
    assert held(other_project) == before
    assert [tail.project_id for tail in list_tails()] == [other_project.id]


def test_many_segments_go_in_parts(project: TestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(deleting, "DELETE_SEGMENTS", 1)
    for n in range(3):
        store_events(project, [{"path": f"/{n}"}])
        export_project(project.id)

    assert delete(project)["counts"]["segments"] == 3
    assert find_traces(project) == KEPT


@pytest.mark.slow
def test_an_export_that_had_begun_before_lists_nothing(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(project)
    real: Any = Change.apply

    def delete_first(self: Change, *args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(Change, "apply", real)
        monkeypatch.setattr(run, "REST", timedelta(hours=1))
        assert delete(project)["step"] == "rest"
        real(self, *args, **kwargs)

    monkeypatch.setattr(Change, "apply", delete_first)
    with pytest.raises(Conflict):
        export_project(project.id)
    monkeypatch.setattr(run, "REST", timedelta(0))

    assert go_on(project)["step"] == "done"
    assert find_traces(project) == KEPT
    assert project.id not in list_projects()


def test_what_was_listed_while_the_data_went_goes_the_second_time(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run, "REST", timedelta(hours=1))
    fill(project)
    assert delete(project)["step"] == "rest"
    store_events(project, [{"path": "/late"}])
    export_project(project.id)
    monkeypatch.setattr(run, "REST", timedelta(0))

    assert go_on(project)["step"] == "done"
    assert find_traces(project) == KEPT


def test_it_waits_while_the_folder_cannot_be_reached(project: TestProject) -> None:
    fill(project)
    root = local_folder().root
    hidden = root.rename(root.with_name("hidden"))
    forget_everything()
    try:
        assert delete(project)["step"] == "files"
        assert (hidden / project.id.hex()).exists()
    finally:
        hidden.rename(root)
        forget_everything()

    assert go_on(project)["step"] == "done"
    assert not (root / project.id.hex()).exists()


def test_no_folder_is_asked_for_where_there_never_was_one(project: TestProject) -> None:
    store_events(project, [{"path": "/"}])
    assert collection(mongo.COLUMN_STORE).count_documents({}) == 0

    assert delete(project)["step"] == "done"
    assert collect_files() == 0


@pytest.mark.parametrize("step", ["buckets", "rest", "buckets_again", "books"])
def test_a_job_of_the_release_before_goes_on_at_any_step(project: TestProject, step: str) -> None:
    """One that was past the removal had nothing of columns to remove."""
    if step != "books":
        fill(project)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(run, "SETTLE", timedelta(hours=1))
        assert delete(project)["step"] == "settle"
    begun = {
        "$set": {"step": step, "cursor": None, "lastPlace": b"\0" * 14},
        "$unset": {"counts.segments": ""},
    }
    collection(mongo.PROJECT_DELETIONS).update_one({}, begun)

    assert go_on(project)["step"] == "done"
    assert collection(mongo.COLUMN_SEGMENTS).count_documents({}) == 0
    assert collection(mongo.COLUMN_HEADS).count_documents({}) == 0
