"""A folder that is not there, not writable or not ours is neither read nor written."""

import json
import os
import resource
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.remembered import forget_everything
from columns import writer
from columns.export import export_project, list_tails
from columns.files import folder
from columns.files.folder import MARKER, ColumnsUnavailable, find_folder, make_folder
from columns.garbage import collect_files
from tests.columns.folders import columns_root, local_folder
from tests.columns.segments import listed
from tests.columns.test_export import store_paths
from tests.conftest import TestProject


@pytest.fixture(autouse=True)
def no_file_in_its_place(store: None) -> Iterator[None]:
    yield
    if columns_root().is_file():
        columns_root().unlink()


def test_nothing_is_left_in_the_place_of_a_folder_that_went_meanwhile(project: TestProject) -> None:
    """It was checked some seconds before."""
    store_paths(project, "/a")
    make_folder()
    unmount()
    with pytest.raises(ColumnsUnavailable):
        export_project(project.id)
    assert list(columns_root().iterdir()) == []
    columns_root().rmdir()
    with pytest.raises(ColumnsUnavailable):
        export_project(project.id)
    assert not columns_root().exists()


def write_marker(text: str) -> None:
    (columns_root() / MARKER).write_text(text)


def unmount() -> None:
    shutil.rmtree(columns_root())
    columns_root().mkdir()


def be_a_file() -> None:
    shutil.rmtree(columns_root())
    columns_root().touch()


def have_a_folder_as_marker() -> None:
    (columns_root() / MARKER).unlink()
    (columns_root() / MARKER).mkdir()


def be_of_another_deployment() -> None:
    write_marker('{"deployment": "another", "format": 1}')


def be_of_a_later_format() -> None:
    marker = json.loads((columns_root() / MARKER).read_text())
    write_marker(json.dumps(marker | {"format": 2}))


TROUBLES: dict[str, Callable[[], object]] = {
    "gone": lambda: shutil.rmtree(columns_root()),
    "not mounted": unmount,
    "a file": be_a_file,
    "marker gone": lambda: (columns_root() / MARKER).unlink(),
    "marker empty": lambda: write_marker(""),
    "marker no object": lambda: write_marker("[]"),
    "marker a folder": have_a_folder_as_marker,
    "of another deployment": be_of_another_deployment,
    "of a later format": be_of_a_later_format,
    "unknown to MongoDB": lambda: collection(mongo.COLUMN_STORE).delete_many({}),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_nothing_is_read_or_written_in_a_folder_that_is(project: TestProject, trouble: str) -> None:
    store_paths(project, "/a")
    export_project(project.id)
    store_paths(project, "/b")
    TROUBLES[trouble]()
    forget_everything()
    before = names()
    for use in (find_folder, make_folder, lambda: export_project(project.id)):
        with pytest.raises(ColumnsUnavailable):
            use()
    assert names() == before
    assert (len(listed(project.id)), len(list_tails())) == (1, 1)


def test_the_exporter_makes_the_folder_and_nobody_else_does(project: TestProject) -> None:
    with pytest.raises(ColumnsUnavailable):
        find_folder()
    assert not columns_root().exists()
    made = make_folder()
    assert make_folder() == find_folder() == made
    [document] = collection(mongo.COLUMN_STORE).find({})
    marker = json.loads((columns_root() / MARKER).read_text())
    assert marker == {"deployment": document["deployment"], "format": 1}
    assert names() == {MARKER}


def test_a_marker_without_a_document_is_adopted_where_nothing_is_beside_it(
    store: None,
) -> None:
    make_folder()
    marker = (columns_root() / MARKER).read_text()
    collection(mongo.COLUMN_STORE).delete_many({})
    forget_everything()
    (columns_root() / "lost+found").mkdir()
    make_folder()
    assert (columns_root() / MARKER).read_text() == marker


def test_a_folder_of_something_else_is_not_made_ours(store: None) -> None:
    columns_root().mkdir(parents=True)
    (columns_root() / "thesis.odt").touch()
    with pytest.raises(ColumnsUnavailable, match=r"thesis\.odt"):
        make_folder()
    assert names() == {"thesis.odt"}
    assert collection(mongo.COLUMN_STORE).count_documents({}) == 0


def test_who_begins_at_the_same_moment_takes_the_marker_of_who_was_faster(
    store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    link = os.link

    def link_later(source: Path, target: Path) -> None:
        write_marker('{"deployment": "faster", "format": 1}')
        link(source, target)

    monkeypatch.setattr("os.link", link_later)
    make_folder()
    [document] = collection(mongo.COLUMN_STORE).find({})
    assert document["deployment"] == "faster"
    assert names() == {MARKER}


def test_the_marker_is_looked_at_again_after_some_seconds(
    store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_folder()
    be_of_another_deployment()
    find_folder()  # as it was a moment ago
    monkeypatch.setattr(folder._known, "seconds", 0)
    with pytest.raises(ColumnsUnavailable):
        find_folder()


def test_a_folder_that_takes_nothing_leaves_all_as_it_was(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_paths(project, "/a")

    def refuse(*_: object, **__: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as patch, pytest.raises(ColumnsUnavailable):
        patch.setattr(Path, "mkdir", refuse)
        export_project(project.id)
    assert collection(mongo.COLUMN_STORE).count_documents({}) == 0
    make_folder()
    with monkeypatch.context() as patch, pytest.raises(ColumnsUnavailable):
        patch.setattr(Path, "mkdir", refuse)
        export_project(project.id)
    check_that_nothing_happened(project)


@pytest.mark.parametrize("room_bytes", [10, 2_000], ids=["in the lines", "in the file"])
def test_a_disk_that_is_full_leaves_all_as_it_was(project: TestProject, room_bytes: int) -> None:
    """The system says so of a file that grows over a limit, too."""
    store_paths(project, "/a")
    make_folder()
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (room_bytes, before[1]))
    try:
        with pytest.raises(ColumnsUnavailable, match="too large"):
            export_project(project.id)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    check_that_nothing_happened(project)


def test_what_was_written_into_a_folder_that_went_meanwhile_is_not_listed(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_paths(project, "/a")
    make_folder()

    def write_and_unmount(*given: Any) -> Any:
        found = write(*given)
        (columns_root() / MARKER).unlink()
        return found

    write = writer.SegmentWriter.write_events
    monkeypatch.setattr(writer.SegmentWriter, "write_events", write_and_unmount)
    with pytest.raises(ColumnsUnavailable):
        export_project(project.id)
    assert (listed(project.id), len(list_tails())) == ([], 1)


def check_that_nothing_happened(project: TestProject) -> None:
    assert (listed(project.id), len(list_tails())) == ([], 1)
    assert list(columns_root().glob("*/*")) == []
    assert export_project(project.id) == 1


def test_no_garbage_is_collected_while_the_folder_is_not_there(project: TestProject) -> None:
    store_paths(project, "/a")
    export_project(project.id)
    [segment] = listed(project.id)
    collection(mongo.COLUMN_GARBAGE).insert_one(
        {
            "project": segment.project_id,
            "segments": [segment.id],
            "dueAt": datetime.now(UTC) - timedelta(minutes=1),
        }
    )
    away = columns_root().with_name("away")
    columns_root().rename(away)
    with pytest.raises(ColumnsUnavailable):
        collect_files()
    away.rename(columns_root())
    assert collection(mongo.COLUMN_GARBAGE).count_documents({}) == 1
    assert collect_files() == 1
    assert not local_folder().path_of(segment.id).exists()
    assert collection(mongo.COLUMN_GARBAGE).count_documents({}) == 0


def names() -> set[str]:
    root = columns_root()
    return {path.name for path in root.iterdir()} if root.is_dir() else set()
