"""Missing, damaged, unreachable: never a smaller number without a word."""

import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from analytics.databases.mongo import COLUMN_SEGMENTS, collection
from analytics.remembered import forget_everything
from analytics.web.problems import BadRequest, Unavailable
from columns.export import export_project
from columns.files.local import LocalFolder
from columns.files.place import digest_of
from reporting.columns.read import checks, stored
from reporting.questions.window import Window
from tests.columns.folders import columns_root
from tests.conftest import Api, TestProject
from tests.reporting_columns.views import open_one, read_paths
from tests.stored import store_events

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(autouse=True)
def folder(store: None) -> Iterator[Path]:
    shutil.rmtree(columns_root(), ignore_errors=True)
    yield columns_root()
    shutil.rmtree(columns_root(), ignore_errors=True)


def export(project: TestProject, *paths: str, at: datetime = NOW) -> Path:
    """The file of a new segment with these events."""
    before = {bytes(segment["_id"]) for segment in list_documents(project)}
    store_events(project, [{"path": path, "timestamp": at} for path in paths])
    export_project(project.id)
    [new] = [d for d in list_documents(project) if bytes(d["_id"]) not in before]
    return LocalFolder(columns_root()).path_of(bytes(new["_id"]))


def list_documents(project: TestProject) -> list[dict[str, Any]]:
    return list(collection(COLUMN_SEGMENTS).find({"project": project.id}))


def is_marked(project: TestProject) -> list[bool]:
    return [segment.get("damagedAt") is not None for segment in list_documents(project)]


def flip_a_bit(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 4
    path.write_bytes(data)


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-7])


@pytest.mark.parametrize("damage", [Path.unlink, flip_a_bit, cut_short])
@pytest.mark.parametrize("seen_before", [True, False])
def test_a_damaged_segment_is_read_from_the_store_and_marked(
    project: TestProject, damage: Callable[[Path], None], seen_before: bool
) -> None:
    export(project, "/whole", at=NOW - timedelta(days=3))
    path = export(project, "/a", "/b")
    if seen_before:
        assert not open_one(project).stored
    damage(path)

    view = open_one(project)

    assert (len(view.segments), len(view.stored)) == (1, 1)
    assert read_paths(project, view) == ["/a", "/b", "/whole"]
    assert sorted(is_marked(project)) == [False, True]
    assert not open_one(project, Window(None, NOW - timedelta(days=1))).stored


def test_a_file_that_goes_bad_after_it_was_checked_is_checked_again(
    project: TestProject, read: Api
) -> None:
    """The system says the same of it as before; the engine's error alone tells."""
    path = export(project, *(f"/{n}" for n in range(3_000)))
    assert read.get("/stats", filter="path:contains:/").json()["totalViews"] == 3_000
    before = path.stat()
    with path.open("r+b") as file:
        file.seek(4)
        file.write(bytes(before.st_size * 9 // 10))
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))

    answers = [read.get("/stats", filter=f"path:contains:/{n}") for n in range(2)]

    assert [answer.status_code for answer in answers] == [503, 200]
    assert answers[0].json()["code"] == "columns_unavailable"
    assert answers[1].json()["totalViews"] == sum("/1" in f"/{n}" for n in range(3_000))
    assert is_marked(project) == [True]


def test_the_file_of_another_project_under_its_name_is_damaged(
    project: TestProject, other_project: TestProject
) -> None:
    mine = export(project, "/mine")
    shutil.copy(export(other_project, "/theirs"), mine)
    assert read_paths(project, open_one(project)) == ["/mine"]
    assert is_marked(project) == [True]


def test_the_file_of_another_project_is_damaged_even_if_the_list_has_its_sum(
    project: TestProject, other_project: TestProject
) -> None:
    mine = export(project, "/mine")
    shutil.copy(export(other_project, "/theirs"), mine)
    sum = sha256(mine.read_bytes()).digest()
    collection(COLUMN_SEGMENTS).update_one({"project": project.id}, {"$set": {"sum": sum}})
    assert read_paths(project, open_one(project)) == ["/mine"]


def test_fewer_rows_than_listed_are_damage(project: TestProject) -> None:
    export(project, "/a")
    collection(COLUMN_SEGMENTS).update_one({"project": project.id}, {"$inc": {"rows": 1}})
    assert len(open_one(project).stored) == 1


@pytest.mark.slow
def test_files_that_take_too_long_to_check_are_checked_by_and_by(
    project: TestProject, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for n in range(3):
        export(project, f"/{n}")
    forget_everything()

    checked: list[Any] = []

    def take_long(*given: Any) -> Any:
        """One is checked in time, and the next one takes all the time there is."""
        checked.append(given)
        if len(checked) == 2:
            time.sleep(settings.QUERY_TIMEOUT_SECONDS)
        return digest_of(*given)

    monkeypatch.setattr(checks, "digest_of", take_long)
    settings.QUERY_TIMEOUT_SECONDS = 5.0
    with pytest.raises(BadRequest) as refusal:
        open_one(project)
    assert refusal.value.code == "query_timeout"
    settings.QUERY_TIMEOUT_SECONDS, before = 20.0, len(checked)
    assert len(open_one(project).segments) == 3
    assert len(checked) - before < 3


def test_a_segment_that_somebody_marked_is_not_read(project: TestProject) -> None:
    export(project, "/a")
    collection(COLUMN_SEGMENTS).update_one(
        {"project": project.id}, {"$set": {"damagedAt": datetime.now(UTC)}}
    )
    view = open_one(project)
    assert (view.segments, read_paths(project, view)) == ((), ["/a"])


def test_too_many_events_of_a_damaged_segment_are_refused(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored, "MOST_EVENTS", 1)
    export(project, "/a", "/b").unlink()
    refusal = refuse(project)
    assert (refusal.code, is_marked(project)) == ("columns_damaged", [True])


def test_beyond_the_raw_horizon_nothing_stands_in_for_a_segment(project: TestProject) -> None:
    export(project, "/old", at=NOW - timedelta(days=20)).unlink()
    export(project, "/new")
    project.row.retention_days = 10
    project.row.save()
    assert refuse(project).code == "columns_damaged"
    assert read_paths(project, open_one(project, Window(NOW - timedelta(days=1), None)))


def leave_no_marker(folder: Path) -> None:
    (folder / "columns.json").unlink()


def leave_nothing(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()


def belong_to_another(folder: Path) -> None:
    (folder / "columns.json").write_text(json.dumps({"deployment": "other", "format": 1}))


def stand_in_the_way(folder: Path) -> None:
    """As a folder that cannot be read, which root can."""
    [project] = [path for path in folder.iterdir() if path.is_dir()]
    shutil.rmtree(project)
    project.write_text("")


@pytest.mark.parametrize(
    "trouble", [leave_no_marker, leave_nothing, belong_to_another, stand_in_the_way]
)
@pytest.mark.parametrize("seen_before", [True, False])
def test_of_an_unreachable_folder_nothing_is_marked(
    project: TestProject, folder: Path, trouble: Callable[[Path], None], seen_before: bool
) -> None:
    path = export(project, "/a")
    if seen_before:
        open_one(project)
    else:
        forget_everything()
    trouble(folder)
    if not seen_before:
        assert refuse(project).code == "columns_unavailable"
    with suppress(OSError):
        path.unlink()

    refusal = refuse(project)

    assert (refusal.status, refusal.code) == (503, "columns_unavailable")
    assert is_marked(project) == [False]


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_that_may_not_be_read_is_unreachable(project: TestProject) -> None:
    export(project, "/a").chmod(0)
    assert refuse(project).code == "columns_unavailable"
    assert is_marked(project) == [False]


def refuse(project: TestProject) -> Unavailable:
    with pytest.raises(Unavailable) as refusal:
        open_one(project)
    assert int(refusal.value.headers["Retry-After"]) > 0
    return refusal.value
