"""A question reads every event that was stored at one moment, exactly once."""

import time
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from analytics.databases.mongo import COLUMN_HEADS, COLUMN_VEILS, EVENTS, collection
from analytics.web.problems import Unavailable
from columns.export import export_project
from columns.files.scratch import make_scratch
from reporting.columns.read import open_view, opening, rows_file, stored, tail
from reporting.columns.read.stored import join_ranges
from reporting.columns.slots import run
from reporting.questions.window import Window
from reporting.snapshot import open_snapshot
from tests.columns.folders import in_either_place
from tests.conftest import TestProject
from tests.reporting_columns.views import open_all, open_one, read_paths, soon
from tests.stored import store_events

pytestmark = in_either_place

NOW = datetime.now(UTC).replace(microsecond=0)


def store(project: TestProject, *paths: str, at: datetime = NOW, **fields: object) -> None:
    store_events(project, [{"path": path, "timestamp": at, **fields} for path in paths])


def test_a_project_without_events_needs_no_folder(project: TestProject) -> None:
    view = open_one(project)
    assert (view.segments, view.tail, view.stored, view.rows) == ((), (), (), 0)


def test_what_is_in_no_segment_yet_is_read_with_what_is(project: TestProject) -> None:
    store(project, "/a", "/b")
    export_project(project.id)
    store(project, "/c")

    view = open_one(project)

    assert (len(view.segments), len(view.tail), view.rows) == (1, 1, 3)
    assert read_paths(project, view) == ["/a", "/b", "/c"]


def test_a_neighbour_sees_nothing_of_it(project: TestProject, other_project: TestProject) -> None:
    store(project, "/a")
    export_project(project.id)
    store(project, "/b")
    store(other_project, "/theirs")

    assert read_paths(other_project, open_one(other_project)) == ["/theirs"]
    assert read_paths(project, open_one(project)) == ["/a", "/b"]


def test_a_snapshot_sees_the_same_whatever_comes_and_goes_meanwhile(
    project: TestProject,
) -> None:
    store(project, "/a")
    with open_snapshot() as snapshot:
        before = open_view(snapshot, project.id, Window())
        store(project, "/b")
        assert read_paths(project, open_one(project)) == ["/a", "/b"]
        export_project(project.id)
        store(project, "/c")
        assert read_paths(project, open_one(project)) == ["/a", "/b", "/c"]
        again = open_view(snapshot, project.id, Window())

    assert read_paths(project, before) == read_paths(project, again) == ["/a"]
    assert before.key == again.key != open_one(project).key


def test_many_small_files_of_the_tail_become_one(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST_FILES", 3)
    sizes = []
    for n in range(6):
        store(project, f"/{n}")
        view = open_one(project)
        sizes.append(len(view.tail))
        assert read_paths(project, view) == [f"/{m}" for m in range(n + 1)]
    assert sizes == [1, 2, 3, 1, 2, 3]


def test_what_was_exported_of_a_file_is_read_from_the_segment_alone(
    project: TestProject,
) -> None:
    store(project, "/a")
    store(project, "/b")
    open_one(project)  # both are in one file of the tail
    assert export_project(project.id, most=1) == 1

    view = open_one(project)

    assert (len(view.segments), len(view.tail)) == (1, 1)
    assert read_paths(project, view) == ["/a", "/b"]


def test_an_event_that_was_erased_before_it_was_read_is_none(project: TestProject) -> None:
    store(project, "/a", "/b")
    collection(EVENTS).update_one(
        {"project": project.id, "path": "/a"}, {"$unset": {"project": 1, "timestamp": 1}}
    )
    assert read_paths(project, open_one(project)) == ["/b"]


def test_a_veil_is_part_of_the_view(project: TestProject) -> None:
    store(project, "/mine", userId="alice")
    store(project, "/other")
    before = open_one(project)
    place = collection(EVENTS).find({"path": "/mine"})[0]["place"]
    collection(COLUMN_VEILS).insert_one(
        {"_id": "erasure", "project": project.id, "userId": "alice", "lastPlace": place}
    )

    after = open_one(project)

    assert read_paths(project, after) == ["/other"]
    assert before.key != after.key


def test_only_what_overlaps_the_window_is_read_and_in_the_key(project: TestProject) -> None:
    old = Window(NOW - timedelta(days=9), NOW - timedelta(days=8))
    store(project, "/old", at=NOW - timedelta(days=8, hours=3))
    export_project(project.id)
    store(project, "/new")
    export_project(project.id)
    before = open_one(project, old)
    store(project, "/newer")

    view = open_one(project, old)

    assert (len(view.segments), view.tail, view.rows) == (1, (), 1)
    assert view.key == before.key
    store(project, "/late", at=NOW - timedelta(days=8, hours=1))
    late = open_one(project, old)
    assert late.key != view.key
    assert read_paths(project, late, old) == ["/late", "/old"]


def test_too_long_a_tail_is_exported_before_it_is_asked(
    project: TestProject, settings: object
) -> None:
    settings.COLUMNS_TAIL_EVENTS = 2  # type: ignore[attr-defined]
    for n in range(4):
        store(project, f"/{n}")

    view = open_one(project)

    assert (len(view.segments), view.tail) == (1, ())
    assert read_paths(project, view) == ["/0", "/1", "/2", "/3"]


def test_a_tail_that_cannot_be_exported_in_time_is_behind(
    project: TestProject, settings: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.COLUMNS_TAIL_EVENTS = 2  # type: ignore[attr-defined]
    late_seconds = 0.0

    def take_all_the_time(*_: object, **__: object) -> int:
        nonlocal late_seconds
        late_seconds = 3_600.0
        return 0

    clock = SimpleNamespace(monotonic=lambda: time.monotonic() + late_seconds)
    monkeypatch.setattr(opening, "time", clock)
    monkeypatch.setattr(opening, "export_project", take_all_the_time)
    store(project, "/a", "/b", "/c")

    with pytest.raises(Unavailable) as refusal:
        open_one(project)

    assert refusal.value.code == "columns_behind"
    assert int(refusal.value.headers["Retry-After"]) > 0


def test_events_from_before_the_columns_are_read_from_the_store(project: TestProject) -> None:
    store(project, "/old", at=NOW - timedelta(days=2))
    store(project, "/new")
    export_project(project.id)
    until = int((NOW - timedelta(days=1)).timestamp() * 1000)
    # As if the first had been stored before there were columns, and in no segment.
    collection(COLUMN_HEADS).update_one({"_id": project.id}, {"$set": {"oldUntil": until}})

    view = open_one(project)

    assert [part.to_ms for part in view.stored] == [until]
    assert read_paths(project, view) == ["/new", "/old"]
    assert view.key != open_one(project).key
    assert open_one(project, Window(NOW - timedelta(hours=1), None)).stored == ()


def test_too_many_events_from_before_the_columns_are_behind(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_EVENTS", 2)
    store(project, "/a", "/b", "/c")
    collection(COLUMN_HEADS).insert_one(
        {"_id": project.id, "revision": 1, "generation": 0, "oldUntil": 2**62}
    )
    with pytest.raises(Unavailable) as refusal:
        open_one(project)
    assert refusal.value.code == "columns_behind"


def test_views_of_several_windows_are_of_one_moment(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, "/a")
    opened = rows_file.write_events

    def write_and_store(*given: object) -> object:
        store(project, "/b")
        return opened(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(tail, "write_events", write_and_store)

    first, second = open_all(project, Window(), Window(NOW - timedelta(days=1), None))

    assert read_paths(project, first) == read_paths(project, second) == ["/a"]


def test_ranges_that_touch_are_joined() -> None:
    assert join_ranges([(5, 9), (0, 2), (2, 3), (8, 12), (20, 20)]) == [(0, 3), (5, 12)]


def test_the_files_of_a_tail_are_for_this_user_alone(project: TestProject) -> None:
    store(project, "/a")
    [path] = open_one(project).tail
    folder = make_scratch()
    assert path.startswith(f"{folder}/{project.id.hex()}/")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert run(project.id, soon(), lambda engine: engine.execute("SELECT 1").fetchone()) == (1,)
