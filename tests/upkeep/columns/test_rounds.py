"""The rounds of the columns: what is due is done, fairly, and what fails holds up nobody."""

import shutil
from datetime import UTC, datetime, timedelta
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from analytics import task_names
from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.events.fresh import FRESH_ID_BYTES
from analytics.events.ids import ms_of_datetime
from analytics.projects.models import Project
from analytics.remembered import forget_everything
from columns import export
from columns.export import export_project, list_tails
from columns.files.folder import ColumnsUnavailable
from columns.plan import MOST_LOOSE
from columns.segments import Segment, list_segments, read_head
from config.celery import app
from tests.columns.folders import in_either_place, local_folder, make_local_folder
from tests.conftest import TestProject, make_project
from tests.stored import store_events
from upkeep import tasks
from upkeep.columns import rounds
from upkeep.columns.rounds import export_columns, has_due, tend_columns
from upkeep.jobs.lane import MAINTENANCE, enter_lane
from upkeep.jobs.leases import lease_host, lease_project
from upkeep.jobs.setbacks import EXPORT_COLUMNS

pytestmark = in_either_place

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if ten events were worth a segment, and five a stride."""
    monkeypatch.setattr(export, "DUE_EVENTS", 10)
    monkeypatch.setattr(rounds, "DUE_EVENTS", 10)


def make_older(project: TestProject, age: timedelta) -> None:
    """What is fresh of a project, as if it had been stored so long ago."""
    fresh = collection(mongo.COLUMN_FRESH)
    for document in list(fresh.find({"project": project.id})):
        fresh.delete_one({"_id": document["_id"]})
        made_ms = ms_of_datetime(datetime.now(UTC) - age)
        chance = document["_id"][-FRESH_ID_BYTES + 8 :]
        fresh.insert_one({**document, "_id": project.id + made_ms.to_bytes(8, "big") + chance})


def segments_of(project: TestProject) -> list[Segment]:
    return list_segments(read_head(project.id))


def tails() -> dict[bytes, int]:
    return {tail.project_id: tail.events for tail in list_tails()}


def test_a_project_with_many_fresh_events_or_old_ones_is_exported(store: None, few: None) -> None:
    many, old, fresh = (make_project(name) for name in ("many", "old", "fresh"))
    store_events(many, [{"path": "/"}] * 10)
    store_events(old, [{"path": "/"}])
    store_events(fresh, [{"path": "/"}] * 9)
    make_older(old, HOUR)
    assert has_due()

    assert export_columns() is False

    assert tails() == {fresh.id: 9}
    assert not has_due()
    assert [segment.rows for segment in segments_of(many)] == [10]
    assert [segment.rows for segment in segments_of(old)] == [1]


class Looks:
    """How often it was looked what is due, by a clock on which each look takes its time."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
        self.taken, self.now, self._seconds, self._look = 0, 1_000.0, seconds, export.list_due
        monkeypatch.setattr(rounds, "list_due", self._take)
        monkeypatch.setattr(rounds, "time", SimpleNamespace(monotonic=lambda: self.now))

    def _take(self, now: datetime) -> list[export.Tail]:
        self.taken += 1
        self.now += self._seconds
        return self._look(now)


@pytest.mark.parametrize(("seconds", "pause"), [(0.1, 5.0), (3.0, 10.0), (600.0, 10.0)])
def test_looks_that_take_long_and_find_nothing_are_taken_seldom(
    store: None, monkeypatch: pytest.MonkeyPatch, seconds: float, pause: float
) -> None:
    looks = Looks(monkeypatch, seconds)
    assert not has_due()
    looks.now += pause - 0.1
    assert not has_due()
    assert looks.taken == 1
    looks.now += 0.2
    assert not has_due()
    assert looks.taken == 2


def test_a_look_that_found_something_is_followed_by_the_next_at_once(
    project: TestProject, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Looks take long just when export is behind."""
    store_events(project, [{"path": "/"}] * 10)
    looks = Looks(monkeypatch, 3.0)
    assert has_due() and has_due()
    assert looks.taken == 2


def test_what_another_process_exported_meanwhile_is_tried_once(
    project: TestProject, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_events(project, [{"path": "/"}] * 10)
    found, tried = export.list_due(datetime.now(UTC)), []
    export_project(project.id)

    def try_export(project_id: bytes) -> int:
        tried.append(project_id)
        return export_project(project_id)

    monkeypatch.setattr(rounds, "list_due", lambda now: found)
    monkeypatch.setattr(rounds, "export_project", try_export)
    assert export_columns() is False
    assert tried == [project.id]


def test_projects_take_turns_and_a_run_ends_with_its_time(
    store: None, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    projects = [make_project(name) for name in ("a", "b")]
    for _ in range(4):
        for project in projects:
            store_events(project, [{"path": "/"}] * 5)
    monkeypatch.setattr(rounds, "export_project", partial(export_project, most=5))

    assert export_columns(budget_seconds=0) is True
    assert sorted(tails().values()) == [15, 20]
    assert export_columns(budget_seconds=0) is True
    assert export_columns() is False
    assert max(tails().values()) < 10


def test_a_project_that_fails_rests_and_holds_up_no_other(
    store: None, few: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, sound = make_project("broken"), make_project("sound")
    for project in (broken, sound):
        store_events(project, [{"path": "/"}] * 10)

    def export_or_fail(project_id: bytes) -> int:
        if project_id == broken.id:
            raise ValueError("broken")
        return export_project(project_id)

    monkeypatch.setattr(rounds, "export_project", export_or_fail)
    with pytest.raises(ValueError, match="broken"):
        export_columns()

    assert tails() == {broken.id: 10}
    [setback] = collection(mongo.SETBACKS).find({})
    assert (setback["work"], setback["unit"]) == (EXPORT_COLUMNS, broken.id.hex())
    assert export_columns() is False  # it rests


def test_a_folder_that_is_not_ours_is_no_fault_of_a_project(
    project: TestProject, few: None
) -> None:
    store_events(project, [{"path": "/"}] * 10)
    root = make_local_folder().root
    forget_everything()
    (root / "columns.json").write_text('{"deployment": "another", "format": 1}')
    try:
        for work in (export_columns, tend_columns):
            with pytest.raises(ColumnsUnavailable):
                work()
    finally:
        shutil.rmtree(root)

    assert tails() == {project.id: 10}
    assert collection(mongo.SETBACKS).count_documents({}) == 0


def test_what_is_replaced_or_was_never_listed_is_deleted_when_it_is_due(
    project: TestProject,
) -> None:
    for _ in range(MOST_LOOSE):
        store_events(project, [{"path": "/"}])
        export_project(project.id)
    replaced = segments_of(project)

    assert tend_columns() is False

    [segment] = segments_of(project)
    assert segment.rows == MOST_LOOSE
    folder = local_folder()
    assert all(folder.path_of(each.id).exists() for each in replaced)
    collection(mongo.COLUMN_GARBAGE).update_many({}, {"$set": {"dueAt": datetime.now(UTC) - DAY}})
    tend_columns()
    assert not any(folder.path_of(each.id).exists() for each in replaced)
    assert folder.path_of(segment.id).exists()


def test_a_damaged_segment_is_found_by_merging_and_made_anew(project: TestProject) -> None:
    for n in range(MOST_LOOSE):
        store_events(project, [{"path": f"/{n}"}])
        export_project(project.id)
    broken = segments_of(project)[3]
    local_folder().path_of(broken.id).unlink()

    tend_columns()
    assert broken.id not in {segment.id for segment in segments_of(project)}
    assert sum(segment.rows for segment in segments_of(project)) == MOST_LOOSE
    assert collection(mongo.SETBACKS).count_documents({}) == 0


def test_old_events_are_exported_once_the_old_workers_are_gone(project: TestProject) -> None:
    store_events(project, [{"path": f"/{n}"} for n in range(5)])
    collection(mongo.COLUMN_FRESH).delete_many({})  # of a release that left nothing fresh
    soon = datetime.now(UTC) + HOUR
    collection(mongo.COLUMN_HEADS).insert_one(
        {"_id": project.id, "revision": 0, "generation": 0, "oldUntil": 2**62, "oldFrom": soon}
    )
    tend_columns()
    assert segments_of(project) == []

    collection(mongo.COLUMN_HEADS).update_one({}, {"$set": {"oldFrom": datetime.now(UTC)}})
    tend_columns()

    assert sum(segment.rows for segment in segments_of(project)) == 5
    assert read_head(project.id).old_until is None


def test_a_project_that_the_release_before_made_beside_the_migration_has_old_events_too(
    project: TestProject,
) -> None:
    """But no later one: its events are fresh from the first on."""
    late, later = make_project("late"), make_project("later")
    store_events(late, [{"path": "/"}] * 3)
    collection(mongo.COLUMN_FRESH).delete_many({})
    now = datetime.now(UTC)
    old = {"revision": 0, "generation": 0, "oldUntil": 2**62, "oldFrom": now}
    collection(mongo.COLUMN_HEADS).insert_one({"_id": project.id, **old})
    Project.objects.filter(pk=later.row.pk).update(created_at=now + HOUR)

    tend_columns()

    assert [segment.rows for segment in segments_of(late)] == [3]
    assert read_head(late.id).old_until is None
    assert collection(mongo.COLUMN_HEADS).find_one({"_id": later.id}) is None


def test_what_retention_let_go_is_cut_off_once_a_day(store: None) -> None:
    kept, short = make_project("kept"), make_project("short")
    for project in (kept, short):
        for age in (1, 40):
            store_events(project, [{"path": "/", "timestamp": datetime.now(UTC) - age * DAY}])
        export_project(project.id)
    Project.objects.filter(pk=short.row.pk).update(retention_days=30)

    tend_columns()

    rows = {project.id: [each.rows for each in segments_of(project)] for project in (kept, short)}
    assert rows == {kept.id: [2], short.id: [1]}
    before = read_head(short.id).revision
    cut_at = collection(mongo.COLUMN_HEADS).find_one({"_id": short.id}, {"cutAt": 1})
    tend_columns()
    assert collection(mongo.COLUMN_HEADS).find_one({"_id": short.id}, {"cutAt": 1}) == cut_at
    assert read_head(short.id).revision == before


def test_the_tasks_leave_a_project_to_who_works_on_it_and_take_the_others(
    project: TestProject, other_project: TestProject, few: None
) -> None:
    for each in (project, other_project):
        store_events(each, [{"path": "/"}] * 10)
    with lease_project(project.id):
        tasks.export_columns_task()
        assert tails() == {project.id: 10}
    tasks.export_columns_task()
    assert tails() == {}


def test_of_a_host_one_process_is_left_to_drain(
    project: TestProject, few: None, settings: Any
) -> None:
    store_events(project, [{"path": "/"}] * 10)
    settings.WORKER_CONCURRENCY = 3
    with lease_host() as first, lease_host() as second, lease_host() as third:
        assert (first, second, third) == (True, True, False)
        tasks.export_columns_task()
        assert tails() == {project.id: 10}
    settings.WORKER_CONCURRENCY = 1
    with lease_host() as only:
        assert only


def test_whoever_finds_more_than_one_project_asks_another_to_its_side(
    project: TestProject, other_project: TestProject, few: None
) -> None:
    asked: list[bool] = []
    store_events(project, [{"path": "/"}] * 10)
    export_columns(ask_for_help=lambda: asked.append(True))
    assert asked == []
    for each in (project, other_project):
        store_events(each, [{"path": "/"}] * 10)
    with lease_project(project.id), lease_project(other_project.id):
        export_columns(ask_for_help=lambda: asked.append(True))
        assert asked == []  # or two that find nothing would ask each other for ever
    export_columns(ask_for_help=lambda: asked.append(True))
    assert (asked, tails()) == ([True], {})


def test_no_lane_of_others_is_in_the_way(project: TestProject, few: None) -> None:
    store_events(project, [{"path": "/"}] * 10)
    with enter_lane(MAINTENANCE):
        tasks.export_columns_task()
        assert tails() == {}


def test_nothing_due_takes_no_lease(project: TestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    store_events(project, [{"path": "/"}])

    def refuse(*_: Any) -> None:
        raise AssertionError("it took a lease")

    monkeypatch.setattr(tasks, "lease_host", refuse)
    tasks.export_columns_task()


@pytest.mark.parametrize("name", [task_names.EXPORT_COLUMNS, task_names.TEND_COLUMNS])
def test_a_run_that_leaves_work_asks_to_go_on(
    store: None, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(tasks, "send_quietly", lambda task, queue: asked.append(task))
    monkeypatch.setattr(tasks, "has_due", lambda: True)
    for left in (True, False):
        monkeypatch.setattr(tasks, name.removeprefix("upkeep."), lambda left=left, **_: left)
        app.tasks[name].run()
    assert asked == [name]
