"""Kill the exporter at each step, run it twice at once, race it with an erasure."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pymongo.errors import AutoReconnect

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict, durable_transaction, repeat
from analytics.events.fresh import list_fresh_keys
from columns import change, export, writer
from columns.change import advance
from columns.export import export_project
from columns.files import local
from columns.garbage import collect_files
from columns.segments import read_head
from tests.columns.folders import columns_root, local_folder
from tests.columns.segments import listed, paths_of, read_rows
from tests.columns.test_export import erase, store_paths
from tests.conftest import TestProject

PATHS = ["/a", "/b", "/c"]


class Killed(BaseException):
    """Nothing of the process goes on."""


def kill(*_: object, **__: object) -> Any:
    raise Killed


def kill_in_project(path: Path) -> None:
    if path.is_dir() and path != columns_root():
        raise Killed


@contextmanager
def committed_and_killed() -> Iterator[Any]:
    with durable_transaction() as session:
        yield session
    raise AutoReconnect("the reply is lost")


@contextmanager
def aborted() -> Iterator[Any]:
    with durable_transaction() as session:
        yield session
        raise Killed


STEPS: dict[str, tuple[Any, str, Any]] = {
    "after the garbage entry": (change, "read_head", kill),
    "in the lines": (writer, "_write_lines", kill),
    "after the lines": (writer, "open_engine", kill),
    "after the temporary file": (writer, "file_digest", kill),
    "after the rename": (local, "sync", kill_in_project),
    "before the transaction": (change, "durable_transaction", kill),
    "in the transaction": (change, "durable_transaction", aborted),
    "after the commit": (change, "durable_transaction", committed_and_killed),
}


@pytest.mark.parametrize("step", STEPS)
def test_every_event_is_in_one_place_whenever_the_exporter_is_killed(
    project: TestProject, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    store_paths(project, "/before")
    export_project(project.id)
    store_paths(project, *PATHS)
    with monkeypatch.context() as patch, pytest.raises((Killed, AutoReconnect)):
        patch.setattr(*STEPS[step])
        if step != "after the commit":  # the dead tidy nothing up
            patch.setattr("shutil.rmtree", lambda *_, **__: None)
        export_project(project.id)
    assert everywhere(project) == everything(project)
    while export_project(project.id):
        pass
    assert paths_of(project.id) == ["/a", "/b", "/before", "/c"]
    make_all_due()
    collect_files()
    assert files() == {local_folder().path_of(segment.id) for segment in listed(project.id)}
    assert collection(mongo.COLUMN_GARBAGE).count_documents({}) == 0


def test_of_two_exporters_at_once_one_wins(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_paths(project, *PATHS)

    def read_and_be_late(project_id: bytes, keys: Sequence[bytes]) -> list[Any]:
        events = list(read(project_id, keys))
        with monkeypatch.context() as patch:
            patch.setattr(export, "read_events", read)
            assert export_project(project.id) == 3
        return events

    read = export.read_events
    monkeypatch.setattr(export, "read_events", read_and_be_late)
    with pytest.raises(Conflict):
        export_project(project.id)
    assert paths_of(project.id) == PATHS
    [entry] = collection(mongo.COLUMN_GARBAGE).find({})
    assert entry["dueAt"] < datetime.now(UTC)  # the file of the loser
    collect_files()
    assert len(files()) == 1


def test_exporters_in_a_race_take_each_event_once(project: TestProject) -> None:
    for n in range(6):
        store_paths(project, f"/{n}")

    def export_some(_: int) -> int:
        return repeat(lambda: export_project(project.id, most=2), 30)

    with ThreadPoolExecutor(4) as threads:
        taken = list(threads.map(export_some, range(6)))
    assert sum(taken) == 6
    assert paths_of(project.id) == [f"/{n}" for n in range(6)]


def test_an_event_erased_on_its_way_is_exported_by_none_that_the_erasure_does_not_see(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_paths(project, *PATHS)
    read = export.read_events

    def read_and_erase(project_id: bytes, keys: Sequence[bytes]) -> list[Any]:
        events = list(read(project_id, keys))
        erase(project, "/b")
        head = read_head(project.id)
        with durable_transaction() as session:
            advance(session, head)
        return events

    with monkeypatch.context() as patch:
        patch.setattr(export, "read_events", read_and_erase)
        with pytest.raises(Conflict):
            export_project(project.id)
    assert export_project(project.id) == 3
    assert paths_of(project.id) == ["/a", "/c"]


def test_an_exporter_that_took_too_long_writes_for_nothing(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_paths(project, *PATHS)
    apply = change.Change.apply

    def collect_and_apply(self: change.Change, *added: Any, **fields: Any) -> None:
        make_all_due()
        collect_files()
        apply(self, *added, **fields)

    with monkeypatch.context() as patch:
        patch.setattr(change.Change, "apply", collect_and_apply)
        with pytest.raises(Conflict):
            export_project(project.id)
    assert (listed(project.id), files()) == ([], set())
    assert export_project(project.id) == 3
    assert len(read_rows(project.id)) == 3


def everything(project: TestProject) -> list[bytes]:
    return sorted(found["_id"] for found in collection("events").find({"project": project.id}))


def everywhere(project: TestProject) -> list[bytes]:
    """The `_id`s of the events of segments and tail, one as often as it is there."""
    tail = [
        key
        for document in collection(mongo.COLUMN_FRESH).find({"project": project.id})
        for key in list_fresh_keys(document)
    ]
    return sorted(tail + [project.id + row["id"] for row in read_rows(project.id)])


def files() -> set[Path]:
    """All that is in the folders of projects."""
    return set(columns_root().glob("*/*"))


def make_all_due() -> None:
    past = datetime(2026, 1, 1, tzinfo=UTC)
    collection(mongo.COLUMN_GARBAGE).update_many({}, {"$set": {"dueAt": past}})
