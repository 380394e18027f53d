"""Who is erased is in no export that anybody is given, and what is nobody's is removed."""

import resource
from datetime import UTC, datetime, timedelta
from pathlib import Path
from secrets import token_hex
from typing import Any

import pytest
from django.conf import settings

from analytics.databases.mongo import COLUMN_PINS, EXPORTS, collection
from columns.export import export_project
from exchange.outgoing import job as exports
from exchange.outgoing import pinning
from exchange.outgoing.job import file_of, find_export, give_up
from exchange.outgoing.run import EXPORTS as KIND
from tests.conftest import TestProject
from tests.exchange.exports import ask, export, read, run, stored
from tests.stored import store_events
from tests.upkeep.erasure.erasures import (
    ask_to_erase,
    erase,
    finish_erasure,
    reach_everything,
)
from upkeep.deletion.data import delete_exports, delete_pins
from upkeep.deletion.job import ask_deletion
from upkeep.deletion.run import DELETIONS
from upkeep.erasure import run as erasing
from upkeep.exports.folder import (
    ExportsFull,
    check_room,
    delete_project,
    list_names,
    make_work,
)
from upkeep.exports.removal import end_export, sweep_all
from upkeep.jobs.job import Job, MustWait, finish_step

USERS = ("ada", "mallory")


@pytest.fixture
def filled(project: TestProject) -> TestProject:
    store_events(project, [{"path": f"/{n}", "userId": user} for n in range(3) for user in USERS])
    export_project(project.id)
    store_events(project, [{"path": "/tail", "userId": "mallory"}])
    return project


def wait(job: Any) -> None:
    raise MustWait


def find_mallory() -> list[Path]:
    """Files below the folder of exports that name her."""
    files = [path for path in settings.EXPORTS_DIR.rglob("*") if path.is_file()]
    return [path for path in files if b"mallory" in path.read_bytes()]


def test_a_finished_export_is_removed_by_an_erasure(
    filled: TestProject, other_project: TestProject
) -> None:
    done = export(filled)
    store_events(other_project, [{"path": "/", "userId": "mallory"}])
    others = export(other_project)
    assert file_of(done) in find_mallory()
    assert erase(filled, "mallory")["exports"] == 1
    found = find_export(filled.id, done["_id"])
    assert found is not None
    assert found["outcome"] == "removed"
    assert "manifest" not in found
    assert find_mallory() == [file_of(others)]


@pytest.mark.parametrize("step", ["rows", "sum"])
def test_an_export_under_way_begins_anew_without_the_erased(
    filled: TestProject, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    export_id = ask(filled)
    with monkeypatch.context() as patch:
        patch.setitem(KIND.strides, step, wait)
        assert run(filled, export_id)["step"] == step
    erase(filled, "mallory")
    assert find_mallory() == []
    done = run(filled, export_id)
    assert done["attempt"] == 2
    assert read(done) == stored(filled)
    assert [row["userId"] for row in read(done)] == ["ada"] * 3
    assert find_mallory() == []


@pytest.mark.parametrize("format_", ["csv", "parquet"])
def test_what_is_begun_behind_the_veil_hides_the_erased_and_stays(
    filled: TestProject, monkeypatch: pytest.MonkeyPatch, format_: str
) -> None:
    erasure_id = ask_to_erase(filled, "mallory")
    reach_everything(erasure_id)
    with monkeypatch.context() as patch:
        patch.setitem(erasing.ERASURES.strides, "events", wait)
        assert finish_erasure(erasure_id)["step"] == "events"
        done = export(filled, format_)
    assert [row["userId"] for row in read(done)] == ["ada"] * 3
    assert finish_erasure(erasure_id)["counts"]["exports"] == 0
    assert file_of(done).exists()
    assert read(done) == stored(filled, format_)


def test_a_deletion_leaves_no_export(filled: TestProject) -> None:
    done, under_way = export(filled), ask(filled)
    assert under_way
    job = DELETIONS.job.parse({**ask_deletion(filled.row, "a test"), "lastPlace": b""})
    assert isinstance(job, Job)
    for stride in (delete_exports, delete_pins):
        found = collection("project_deletions").find_one_and_update(
            {"_id": job.id}, {"$set": {"step": "exports", "cursor": None}}, return_document=True
        )
        assert found is not None
        stride(DELETIONS.job.parse(found))  # type: ignore[arg-type]
    assert find_export(filled.id, done["_id"]) is None
    sweep_all()
    assert list_names(filled.id) == []


def test_what_is_too_old_goes_and_the_rest_stays(filled: TestProject) -> None:
    old, young = export(filled), export(filled, "csv")
    past = datetime.now(UTC) - timedelta(seconds=1)
    collection(EXPORTS).update_one({"_id": old["_id"]}, {"$set": {"keptUntil": past}})
    leftover = file_of(old).with_name("of-nobody.1.work")
    leftover.mkdir()
    sweep_all()
    found = find_export(filled.id, old["_id"])
    assert found is not None
    assert found["outcome"] == "expired"
    assert list_names(filled.id) == [file_of(young)]


def test_a_cancelled_export_lets_go_of_all(filled: TestProject) -> None:
    export_id = ask(filled)
    assert give_up(filled.id, export_id, "a test")
    assert not give_up(filled.id, export_id, "a test")
    assert run(filled, export_id)["outcome"] == "cancelled"
    assert collection(COLUMN_PINS).count_documents({}) == 0


@pytest.mark.parametrize("format_", ["jsonl", "parquet"])
def test_an_export_over_the_bound_fails_and_leaves_nothing(
    filled: TestProject, settings: Any, format_: str
) -> None:
    events = [{"path": f"/{n}", "properties": {"t": token_hex(400)}} for n in range(300)]
    store_events(filled, events)
    settings.EXPORTS_MAX_MB = 0.1
    failed = run(filled, ask(filled, format_))
    assert (failed["outcome"], failed["error"]) == ("failed", "exports_full")
    sweep_all()
    assert list_names(filled.id) == []


def test_no_project_takes_the_room_of_all(
    project: TestProject, other_project: TestProject, settings: Any
) -> None:
    """Each has half of what the others leave."""
    settings.EXPORTS_MAX_MB = 4
    first, second = project.id, other_project.id

    def write(project_id: bytes, name: str, mebibytes: int) -> None:
        check_room(project_id, mebibytes << 20)
        (make_work(project_id, name, 1) / "rows").write_bytes(bytes(mebibytes << 20))

    write(first, "a", 1)
    write(first, "b", 1)
    with pytest.raises(ExportsFull):
        check_room(first, 1)
    write(second, "c", 1)
    with pytest.raises(ExportsFull):
        check_room(second, 1)
    delete_project(first)
    write(second, "d", 1)


def test_a_full_disk_is_a_clear_end(filled: TestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    store_events(filled, [{"path": f"/{n}", "properties": {"t": "x" * 900}} for n in range(200)])
    export_id = ask(filled)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limits[1]))
        failed = run(filled, export_id)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (failed["outcome"], failed["error"]) == ("failed", "disk_full")
    sweep_all()
    assert list_names(filled.id) == []


def test_who_was_choosing_a_moment_while_the_veil_was_drawn_chooses_another(
    filled: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its transaction sees what was before the veil, and the erasure not what it has yet to say."""
    erasure_id = ask_to_erase(filled, "mallory")
    reach_everything(erasure_id)
    monkeypatch.setitem(erasing.ERASURES.strides, "events", wait)

    def finish_behind(*given: Any, **fields: Any) -> None:
        if finish_erasure(erasure_id)["step"] == "events":
            monkeypatch.setattr(pinning, "finish_step", finish_step)
        finish_step(*given, **fields)

    monkeypatch.setattr(pinning, "finish_step", finish_behind)
    done = export(filled)
    assert [row["userId"] for row in read(done)] == ["ada"] * 3
    assert find_mallory() == []


def test_an_export_that_is_given_up_while_it_is_written_ends(
    filled: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_id = ask(filled)

    def be_slower_once(session: Any, condition: Any, *given: Any) -> int:
        list(collection(EXPORTS).find({}, session=session))  # the transaction sees it as it was
        monkeypatch.setattr(exports, "end_export", end_export)
        collection(EXPORTS).update_one({"_id": export_id}, {"$inc": {"revision": 1}})
        return end_export(session, condition, *given)

    monkeypatch.setattr(exports, "end_export", be_slower_once)
    assert give_up(filled.id, export_id, "a test")
    found = find_export(filled.id, export_id)
    assert found is not None
    assert found["outcome"] == "cancelled"


def test_an_export_that_is_never_done_lets_go_of_what_it_pins_after_a_day(
    filled: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    stuck, slow, done = ask(filled), ask(filled, "csv"), export(filled)
    monkeypatch.setitem(KIND.strides, "rows", wait)
    day_ago = datetime.now(UTC) - timedelta(hours=24, seconds=1)
    for export_id in (stuck, slow):
        assert run(filled, export_id)["step"] == "rows"
    for export_id in (stuck, done["_id"]):
        collection(EXPORTS).update_one({"_id": export_id}, {"$set": {"asOf": day_ago}})

    sweep_all()

    failed = find_export(filled.id, stuck)
    assert failed is not None
    assert (failed["outcome"], failed["error"]) == ("failed", "export_too_slow")
    assert [pin["_id"] for pin in collection(COLUMN_PINS).find({})] == [slow]
    assert file_of(done).exists()
