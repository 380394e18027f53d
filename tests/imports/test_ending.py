"""Who is erased while an import is under way does not come back by it; what ends keeps no file."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.conf import settings
from redis.exceptions import RedisError

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import imported_count_key
from exchange import tasks
from exchange.incoming import admitting
from exchange.incoming.job import Import, TooManyImports, confirm, give_up
from ingestion.imports.admit import ERA, admit_imported, read_count
from tests.conftest import TestProject
from tests.imports.imports import TABLE, ask, bring, find, run, table
from tests.upkeep.erasure.erasures import erase
from upkeep.deletion.data import delete_imports
from upkeep.deletion.job import ask_deletion
from upkeep.deletion.run import DELETIONS
from upkeep.imports import ending
from upkeep.imports.ending import sweep_all
from upkeep.imports.folder import ImportsFull, check_room, folder_of, make_folder

DAY = "2024-05-01T10:00:00Z"
USERS = ("ada", "mallory")
CONTENT = table(
    *(
        (DAY, f"/{user}/{number}", user, "", "", "")
        for user in ("ada", "mallory")
        for number in "ab"
    )
)


def list_users(project: TestProject) -> list[str]:
    found = collection(mongo.EVENTS).find({"project": project.id})
    return sorted(event["userId"] for event in found)


def ask_unconfirmed(project: TestProject) -> str:
    import_id = ask(project, CONTENT, TABLE, confirmed=False)
    assert run(project, import_id)["step"] == "confirm"
    return import_id


def test_who_is_erased_meanwhile_is_left_out_and_counted(project: TestProject) -> None:
    import_id = ask_unconfirmed(project)
    erase(project, "mallory")
    confirm(project.id, import_id, "a test")
    done = run(project, import_id)
    assert done["counts"] == {"imported": 2, "stored": 0, "erased": 2}
    assert "erased" not in done
    assert list_users(project) == ["ada", "ada"]


def test_what_a_process_has_in_hand_while_somebody_is_erased_is_refused(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = ask_unconfirmed(project)
    confirm(project.id, import_id, "a test")

    def admit_late(*args: Any) -> Any:
        monkeypatch.setattr(admitting, "admit_imported", admit_imported)
        erase(project, "mallory")
        return admit_imported(*args)

    monkeypatch.setattr(admitting, "admit_imported", admit_late)
    assert run(project, import_id)["counts"]["erased"] == 2
    assert list_users(project) == ["ada", "ada"]


def die(*_: object, **__: object) -> None:
    raise RedisError("it died here")


def die_before_the_fence(project: TestProject, import_id: str) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ending, "fence", die)
        with pytest.raises(RedisError):
            ending.note_erased(project.id, "grace")


def lose_the_count(project: TestProject, import_id: str) -> None:
    ending.note_erased(project.id, "grace")
    stream_client().delete(imported_count_key(project.row.partition, project.id.hex(), import_id))


@pytest.mark.parametrize("trouble", [die_before_the_fence, lose_the_count])
def test_the_trouble_of_one_request_lets_nobody_through_at_a_later_one(
    project: TestProject,
    monkeypatch: pytest.MonkeyPatch,
    trouble: Callable[[TestProject, str], None],
) -> None:
    import_id = ask_unconfirmed(project)
    confirm(project.id, import_id, "a test")
    trouble(project, import_id)

    def admit_late(*args: Any) -> Any:
        monkeypatch.setattr(admitting, "admit_imported", admit_imported)
        erase(project, "mallory")
        return admit_imported(*args)

    monkeypatch.setattr(admitting, "admit_imported", admit_late)
    assert run(project, import_id)["counts"]["erased"] == 2
    assert list_users(project) == ["ada", "ada"]


def test_a_deletion_fences_off_what_somebody_ended_and_died(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = ask_unconfirmed(project)
    with monkeypatch.context() as patch:
        patch.setattr(ending, "fence", die)
        with pytest.raises(RedisError):
            ending.stop_imports(project.id)
    ending.stop_imports(project.id)
    assert read_count(project.id, project.row.partition, import_id) == ERA


def test_what_redis_counts_of_an_import_goes_some_days_after_its_end(project: TestProject) -> None:
    done = bring(project, CONTENT, TABLE)
    name = imported_count_key(project.row.partition, project.id.hex(), done["_id"])
    assert 0 < stream_client().ttl(name) <= 7 * 24 * 3600


def test_what_was_admitted_before_the_request_is_erased(project: TestProject) -> None:
    bring(project, CONTENT, TABLE)
    assert erase(project, "mallory")["events"] == 2
    again = bring(project, CONTENT, TABLE)  # what is erased is known as stored
    assert again["counts"] == {"imported": 0, "stored": 4, "erased": 0}
    assert list_users(project) == ["ada", "ada"]


def test_an_erasure_in_another_project_changes_nothing(
    project: TestProject, other_project: TestProject
) -> None:
    import_id = ask_unconfirmed(project)
    erase(other_project, "mallory")
    assert find(project, import_id)["era"] == 0


def test_a_cancelled_import_keeps_what_it_brought_and_no_file(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = ask_unconfirmed(project)
    assert not give_up(b"another!", import_id, "somebody")
    assert give_up(project.id, import_id, "somebody")
    assert not give_up(project.id, import_id, "somebody")
    assert not folder_of(project.id, import_id).exists()
    found = run(project, import_id)
    assert found["outcome"] == "cancelled"
    assert "guess" not in found
    assert list_users(project) == []


def test_a_finished_import_keeps_no_file(project: TestProject) -> None:
    done = bring(project, CONTENT, TABLE)
    assert not folder_of(project.id, done["_id"]).exists()
    assert done["expiresAt"] > datetime.now(UTC) + timedelta(days=29)


def test_a_dry_run_tells_what_it_would_do_and_does_nothing(project: TestProject) -> None:
    rows = CONTENT + table(("yesterday", "/a", "", "", "", "")).partition(b"\n")[2]
    done = run(project, ask(project, rows, TABLE, dry_run=True))
    report = done["report"]
    assert done["outcome"] == "looked"
    assert (report["rows"], report["events"], report["stored"]) == (5, 4, 0)
    assert report["leftOut"] == {"bad_time": 1}
    assert [sample["row"] for sample in report["samples"]["bad_time"]] == [5]
    assert list_users(project) == []
    bring(project, rows, TABLE)
    assert run(project, ask(project, rows, TABLE, dry_run=True))["report"]["stored"] == 4


def test_what_the_project_does_not_keep_or_leaves_out_is_told_and_not_imported(
    project: TestProject,
) -> None:
    project.row.retention_days = 30
    project.row.excluded_paths = ["/staff*"]
    project.row.save()
    today = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    content = table(
        (DAY, "/old", "", "", "", ""), (today, "/staff/1", "", "", "", ""), (today, "/", *4 * [""])
    )
    done = bring(project, content, TABLE)
    assert done["report"]["leftOut"] == {"timestamp_too_old": 1, "excluded": 1}
    assert done["counts"]["imported"] == 1


def test_one_that_nobody_confirms_in_time_ends(project: TestProject) -> None:
    import_id, running = ask_unconfirmed(project), ask(project, CONTENT, TABLE)
    late = {"$set": {"keptUntil": datetime.now(UTC) - timedelta(seconds=1)}}
    collection(mongo.IMPORTS).update_one({"_id": import_id}, late)
    orphan = make_folder(project.id, "orphan")
    sweep_all()
    assert find(project, import_id)["outcome"] == "expired"
    assert not folder_of(project.id, import_id).exists()
    assert orphan.exists()  # it may be on its way here
    assert folder_of(project.id, running).exists()


def test_one_that_was_confirmed_in_time_waits_for_workers_however_long(
    project: TestProject,
) -> None:
    import_id = ask_unconfirmed(project)
    late = {"$set": {"keptUntil": datetime.now(UTC) - timedelta(seconds=1)}}
    collection(mongo.IMPORTS).update_one({"_id": import_id}, late)
    assert confirm(project.id, import_id, "a test")
    sweep_all()
    assert run(project, import_id)["counts"]["imported"] == 4


def test_a_project_has_a_few_under_way_at_once(project: TestProject) -> None:
    for _ in range(settings.IMPORTS_MAX_OPEN):
        ask(project, CONTENT, TABLE)
    with pytest.raises(TooManyImports):
        ask(project, CONTENT, TABLE)


def test_imports_of_a_deleted_project_end_and_leave_nothing(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_id = ask_unconfirmed(project)
    ask_deletion(project.row, "a test")
    deletion = {"_id": project.row.pk}
    for _ in range(3):
        found = collection(mongo.PROJECT_DELETIONS).find_one(deletion)
        assert found is not None
        if found["step"] != "keys":
            break
        DELETIONS.strides["keys"](DELETIONS.job.parse(found))  # type: ignore[arg-type]
    assert find(project, import_id)["outcome"] == "cancelled"
    assert not folder_of(project.id, import_id).exists()
    collection(mongo.PROJECT_DELETIONS).update_one(deletion, {"$set": {"step": "imports"}})
    for _ in range(3):
        found = collection(mongo.PROJECT_DELETIONS).find_one(deletion)
        assert found is not None
        if found["step"] == "imports":
            delete_imports(DELETIONS.job.parse(found))  # type: ignore[arg-type]
    assert collection(mongo.IMPORTS).find_one({"project": project.id}) is None


def test_while_a_project_is_paused_an_import_waits(project: TestProject) -> None:
    project.row.is_active = False
    project.row.save()
    import_id = ask(project, CONTENT, TABLE)
    assert run(project, import_id)["step"] == "admit"
    project.row.is_active = True
    project.row.save()
    assert run(project, import_id)["counts"]["imported"] == 4


def test_live_events_go_first(project: TestProject, monkeypatch: pytest.MonkeyPatch) -> None:
    from ingestion.imports import admit

    monkeypatch.setattr(admit, "MOST_WAITING", 1)
    monkeypatch.setattr(admitting, "PATIENCE_SECONDS", 0.0)
    import_id = ask(project, CONTENT, TABLE)
    assert run(project, import_id, times=10)["step"] == "admit"
    assert list_users(project) == []
    monkeypatch.undo()
    assert run(project, import_id)["counts"]["imported"] == 4


def test_no_project_takes_the_room_of_all(
    project: TestProject, other_project: TestProject, settings: Any
) -> None:
    """Each has half of what the others leave."""
    settings.IMPORTS_MAX_MB = 4
    first, second = project.id, other_project.id

    def write(project_id: bytes, name: str, mebibytes: int) -> None:
        check_room(project_id, mebibytes << 20)
        (make_folder(project_id, name) / "file").write_bytes(bytes(mebibytes << 20))

    write(first, "a", 1)
    write(first, "b", 1)
    with pytest.raises(ImportsFull):
        check_room(first, 1)
    write(second, "c", 1)
    with pytest.raises(ImportsFull):
        check_room(second, 1)


@pytest.mark.parametrize("asks", [0, 2])
def test_who_asks_while_another_process_has_its_turn_is_heard_after_it(
    store: None, monkeypatch: pytest.MonkeyPatch, asks: int
) -> None:
    signalled: list[Any] = []

    def be_asked(*asked: object) -> bool:
        for _ in range(asks):
            tasks.run_imports_task()  # as in another process: the lane is taken
        return False

    monkeypatch.setattr(tasks, "run_jobs", be_asked)
    monkeypatch.setattr(tasks, "signal_jobs", signalled.append)
    tasks.run_imports_task()
    assert signalled == [Import] * bool(asks)
