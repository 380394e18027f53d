"""Erasing a user from the columns: hidden in one moment, and then in no file any more."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from tempfile import NamedTemporaryFile
from typing import Any

import duckdb
import pytest

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import Conflict
from analytics.remembered import forget_everything
from columns import change, forget
from columns.export import export_project, list_tails
from columns.files.engine import quote
from columns.files.folder import find_folder
from columns.merge import merge_project
from columns.rewrite import export_old, note_damage
from ingestion.drain.loop import drain
from tests.columns.folders import (
    in_either_place,
    list_files,
    local_folder,
    read_file,
    remove_file,
    write_file,
)
from tests.columns.held import forget_columns, held, segments_of
from tests.conftest import Api, TestProject
from tests.stored import store_events
from tests.upkeep.erasure.erasures import (
    ask_to_erase,
    erase,
    finish_erasure,
    reach_everything,
    read_job,
)
from upkeep.erasure import run
from upkeep.jobs.engine import run_job
from upkeep.jobs.job import MustWait
from upkeep.jobs.leases import lease_project

pytestmark = in_either_place

DAY = datetime(2026, 3, 5, tzinfo=UTC)
MALLORY, ALICE = "mallory@example.com", "alice"


def of(user_id: str, *days: int, **fields: Any) -> list[dict[str, Any]]:
    known = {"path": f"/{user_id}", "userId": user_id, "sessionId": f"session of {user_id}"}
    return [{**known, "timestamp": DAY + timedelta(days=day), **fields} for day in days]


def export(project: TestProject, *batches: list[dict[str, Any]]) -> None:
    """Each batch as a segment."""
    for batch in batches:
        store_events(project, batch)
        export_project(project.id)


def read_files() -> bytes:
    """All that is in the files of segments: bytes as they are, and the values that they mean."""
    found = []
    for segment_id in list_files():
        data = read_file(segment_id)
        found += [data, *read_values(data)]
    return b"\n".join(found)


def read_values(data: bytes) -> Iterator[bytes]:
    with NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as engine:
        file.write(data)
        file.flush()
        for row in engine.execute(f"SELECT * FROM {quote(file.name)}").fetchall():
            yield repr(row).encode()


def run_until(project: TestProject, step: str, user_id: str = MALLORY) -> str:
    """An erasure of all that is stored of the user, which waits at a step; its id."""
    with pytest.MonkeyPatch.context() as patch:

        def wait(job: Any) -> None:
            raise MustWait

        patch.setitem(run.ERASURES.strides, step, wait)
        erasure = ask_to_erase(project, user_id)
        reach_everything(erasure)
        run_job(run.ERASURES, erasure)
    assert read_job(erasure)["step"] == step
    return erasure


def test_no_file_holds_the_user_when_it_says_done(
    project: TestProject, other_project: TestProject
) -> None:
    for owner in (project, other_project):
        export(owner, of(MALLORY, 1, 2) + of(ALICE, 1), of(ALICE, 2, 3), of(MALLORY, 3))
        store_events(owner, of(MALLORY, 4) + of(ALICE, 4))
    untouched = segments_of(other_project)
    [_, clean, _] = [segment.id for segment in segments_of(project)]
    assert MALLORY.encode() in read_files()

    counts = erase(project, MALLORY)

    assert (counts["events"], counts["segments"]) == (4, 2)
    assert held(project, "userId") == [ALICE] * 4
    assert clean in {segment.id for segment in segments_of(project)}
    assert segments_of(other_project) == untouched
    assert held(other_project, "userId") == sorted([ALICE] * 3 + [MALLORY] * 3)
    collection(mongo.COLUMN_SEGMENTS).delete_many({"project": other_project.id})
    find_folder().delete([segment.id for segment in untouched])
    left = read_files()
    assert b"session of alice" in left
    for trace in (MALLORY, "session of mallory"):
        assert trace.encode() not in left


def test_a_veil_hides_the_user_from_before_the_first_event_goes_until_no_segment_holds_them(
    project: TestProject,
) -> None:
    export(project, of(MALLORY, 1) + of(ALICE, 1))
    seen = []
    strides = dict(run.ERASURES.strides)

    def look(step: str) -> Callable[[Any], None]:
        def stride(job: Any) -> None:
            veil = collection(mongo.COLUMN_VEILS).find_one({})
            seen.append((step, veil is not None, MALLORY in held(project, "userId")))
            strides[step](job)

        return stride

    with pytest.MonkeyPatch.context() as patch:
        for step in strides:
            patch.setitem(run.ERASURES.strides, step, look(step))
        erasure = ask_to_erase(project, MALLORY)
        reach_everything(erasure)
        finish_erasure(erasure)

    veiled = {step for step, is_veiled, _ in seen if is_veiled}
    assert veiled == set(strides) - {
        *("first_letters", "drain", "veil", "files", "exports_again"),
    }
    assert all(is_veiled for step, is_veiled, holds in seen if holds and step in veiled)
    assert [holds for step, _, holds in seen if step == "files"] == [False, False]
    assert collection(mongo.COLUMN_VEILS).count_documents({}) == 0
    assert all(segment.clear_of == frozenset() for segment in segments_of(project))


def test_the_veil_says_whom_and_up_to_where(project: TestProject) -> None:
    export(project, of(MALLORY, 1))
    erasure = run_until(project, "events")
    [veil] = collection(mongo.COLUMN_VEILS).find()
    assert veil == {
        "_id": erasure,
        "project": project.id,
        "userId": MALLORY,
        "lastPlace": b"\xff" * 14,
    }


def test_what_comes_of_the_user_after_the_request_stays(project: TestProject, ingest: Api) -> None:
    ingest.post("/event", {"path": "/before", "userId": MALLORY})
    drain(0)
    export_project(project.id)
    erasure = ask_to_erase(project, MALLORY)
    ingest.post("/event", {"path": "/after", "userId": MALLORY})
    drain(0)
    export_project(project.id)
    ingest.post("/event", {"path": "/fresh", "userId": MALLORY})
    drain(0)

    assert finish_erasure(erasure)["counts"]["segments"] == 1

    assert held(project) == ["/after"]
    [tail] = list_tails()
    assert tail.events == 1


def test_rows_whose_events_have_expired_go_too(project: TestProject) -> None:
    export(project, of(MALLORY, 1, 2) + of(ALICE, 1))
    collection(mongo.EVENTS).delete_many({})

    counts = erase(project, MALLORY)

    assert (counts["events"], counts["segments"]) == (0, 1)
    assert held(project, "userId") == [ALICE]


def test_a_segment_of_nobody_else_goes_as_a_whole(project: TestProject) -> None:
    export(project, of(MALLORY, 1, 2))

    assert erase(project, MALLORY)["segments"] == 1

    assert segments_of(project) == []


def test_fresh_documents_name_no_erased_event_when_it_is_done(project: TestProject) -> None:
    """So processes forget the rows that they remember of them."""
    store_events(project, of(MALLORY, 1) + of(ALICE, 1))
    erase(project, MALLORY)
    assert list_tails() == []
    assert held(project, "userId") == [ALICE]

    store_events(project, of(ALICE, 2))
    erase(project, MALLORY)
    assert len(list_tails()) == 1


def test_a_project_without_columns_does_not_wait(project: TestProject) -> None:
    store_events(project, of(ALICE, 1))
    erasure = ask_to_erase(project, MALLORY)

    run_job(run.ERASURES, erasure)

    assert read_job(erasure)["step"] == "done"


def export_beside(project: TestProject) -> None:
    export_project(project.id)


def export_old_beside(project: TestProject) -> None:
    export_old(project.id)


def merge_beside(project: TestProject) -> None:
    merge_project(project.id)


@pytest.mark.parametrize("export_what", [export_beside, export_old_beside, merge_beside])
def test_who_had_read_the_user_before_lists_them_no_more_when_it_is_done(
    project: TestProject,
    monkeypatch: pytest.MonkeyPatch,
    export_what: Callable[[TestProject], None],
) -> None:
    """An exporter is stopped just before its transaction; the erasure goes as far as it can."""
    store_events(project, of(MALLORY, 1) + of(ALICE, 1))
    if export_what is export_old_beside:
        forget_columns(project)
    if export_what is merge_beside:
        export_project(project.id)
    monkeypatch.setattr(forget, "READ_TIME", timedelta(0))
    real, erasures = change.Change.apply, []

    def erase_first(self: change.Change, *args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(change.Change, "apply", real)
        erasures.append(ask_to_erase(project, MALLORY))
        reach_everything(erasures[0])
        assert MALLORY.encode() in read_files()
        run_job(run.ERASURES, erasures[0])
        with pytest.raises(Conflict):
            real(self, *args, **kwargs)

    monkeypatch.setattr(change.Change, "apply", erase_first)
    export_what(project)

    assert held(project, "userId") in ([], [ALICE])
    assert read_job(erasures[0])["step"] == "files"  # the exporter's is there
    # Who meets a conflict has it deleted at once.
    due = {"dueAt": {"$lt": datetime.now(UTC)}}
    assert collection(mongo.COLUMN_GARBAGE).count_documents(due) == 1
    assert finish_erasure(erasures[0])["step"] == "done"
    export_what(project)
    assert held(project, "userId") == [ALICE]
    assert MALLORY.encode() not in read_files()


def test_a_segment_that_comes_while_others_are_looked_through_is_looked_through(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exporter that had read the user lists a segment before the last look."""
    store_events(project, of(MALLORY, 1) + of(ALICE, 1))
    forget_columns(project)
    real = change.Change.apply

    def erase_meanwhile(self: change.Change, *args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(change.Change, "apply", real)
        run_until(project, "columns")
        real(self, *args, **kwargs)

    monkeypatch.setattr(change.Change, "apply", erase_meanwhile)
    export_old(project.id)
    assert MALLORY in held(project, "userId")

    [erasure] = [job["_id"] for job in collection(mongo.ERASURES).find({"open": True})]
    finish_erasure(erasure)

    assert held(project, "userId") == [ALICE]


def test_segments_are_looked_through_while_no_exporter_changes_the_list(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which would else be faster each time, where a segment is large and much is stored."""
    export(project, of(MALLORY, 1) + of(ALICE, 1))
    real, entered = change.Change.apply, []

    def apply(self: change.Change, *args: Any, **kwargs: Any) -> None:
        with lease_project(project.id) as exporter_entered:
            entered.append(exporter_entered)
        real(self, *args, **kwargs)

    monkeypatch.setattr(change.Change, "apply", apply)
    erase(project, MALLORY)
    assert entered == [False]
    assert held(project, "userId") == [ALICE]


def test_it_waits_for_the_replaced_files_and_for_the_caches(project: TestProject) -> None:
    export(project, of(MALLORY, 1) + of(ALICE, 1))
    [segment] = segments_of(project)
    erasure = ask_to_erase(project, MALLORY)
    reach_everything(erasure)
    run_job(run.ERASURES, erasure)

    assert read_job(erasure)["step"] == "files"
    assert segment.id in list_files()
    garbage = collection(mongo.COLUMN_GARBAGE)
    assert garbage.count_documents({}) == 2
    due = {"$set": {"dueAt": datetime.now(UTC) - timedelta(hours=1)}}

    garbage.update_one({"segments": segment.id}, due)
    run_job(run.ERASURES, erasure)
    assert segment.id not in list_files()
    assert read_job(erasure)["step"] == "files"  # a process may remember it

    garbage.update_one({}, due)
    run_job(run.ERASURES, erasure)
    assert read_job(erasure)["step"] == "done"


def test_it_waits_for_what_was_being_written_at_its_end_whatever_clocks_say(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is begun after it holds it up no longer, as there is always somebody writing."""
    monkeypatch.setattr(forget, "READ_TIME", timedelta(0))
    export(project, of(ALICE, 1))
    before = change.Change(project.id, find_folder())
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    collection(mongo.COLUMN_GARBAGE).update_many({}, {"$set": {"madeAt": tomorrow}})
    erasure = ask_to_erase(project, MALLORY)
    reach_everything(erasure)
    run_job(run.ERASURES, erasure)
    change.Change(project.id, find_folder())
    yesterday = datetime.now(UTC) - timedelta(days=1)
    collection(mongo.COLUMN_GARBAGE).update_many({}, {"$set": {"madeAt": yesterday}})
    assert read_job(erasure)["step"] == "files"

    before.writer.discard()
    run_job(run.ERASURES, erasure)

    assert read_job(erasure)["step"] == "done"
    assert collection(mongo.COLUMN_GARBAGE).count_documents({}) == 1


def test_it_waits_while_the_folder_cannot_be_reached_and_holds_no_other_up(
    project: TestProject, other_project: TestProject
) -> None:
    export(project, of(MALLORY, 1) + of(ALICE, 1))
    store_events(project, of(MALLORY, 2))
    root = local_folder().root
    hidden = root.rename(root.with_name("hidden"))
    forget_everything()
    try:
        mine, theirs = ask_to_erase(project, MALLORY), ask_to_erase(other_project, MALLORY)
        reach_everything(mine)
        for erasure in (mine, theirs):
            run_job(run.ERASURES, erasure)
        job = read_job(mine)
        assert (job["step"], job["counts"]["events"]) == ("tail", 2)
        assert read_job(theirs)["step"] == "done"
        assert collection(mongo.SETBACKS).count_documents({}) == 0
    finally:
        hidden.rename(root)
        forget_everything()

    assert finish_erasure(mine)["step"] == "done"
    assert held(project, "userId") == [ALICE]


@pytest.mark.parametrize("trouble", ["missing", "damaged", "known"])
def test_what_a_damaged_segment_held_is_made_anew_without_the_user(
    project: TestProject, trouble: str
) -> None:
    export(project, of(MALLORY, 1, 2) + of(ALICE, 1), of(ALICE, 2) + of(MALLORY, 3))
    segment = segments_of(project)[0]
    if trouble == "missing":
        remove_file(segment.id)
    elif trouble == "damaged":
        write_file(segment.id, read_file(segment.id)[:-100])
    else:
        note_damage(segment)

    erase(project, MALLORY)

    assert held(project, "userId") == [ALICE, ALICE]
    assert MALLORY.encode() not in read_files()


def test_two_users_are_erased_at_once(project: TestProject) -> None:
    export(project, of(MALLORY, 1) + of(ALICE, 1) + of("bob", 1), of(ALICE, 2) + of("bob", 2))
    erasures = [run_until(project, "columns", user_id) for user_id in (MALLORY, ALICE)]
    assert collection(mongo.COLUMN_VEILS).count_documents({}) == 2

    for erasure in erasures:
        finish_erasure(erasure)

    assert held(project, "userId") == ["bob", "bob"]
    assert collection(mongo.COLUMN_VEILS).count_documents({}) == 0
    assert all(segment.clear_of == frozenset() for segment in segments_of(project))


OLD_STEPS = (
    *("first_letters", "drain", "events", "letters", "duplicates", "buckets", "old_buckets"),
)


@pytest.mark.parametrize("step", OLD_STEPS)
def test_a_job_of_the_release_before_goes_on_at_any_step(project: TestProject, step: str) -> None:
    export(project, of(MALLORY, 1) + of(ALICE, 1))
    erasure = ask_to_erase(project, MALLORY)
    reach_everything(erasure)
    begun: Document = {"$set": {"step": step}, "$unset": {"counts.segments": ""}}
    collection(mongo.ERASURES).update_one({}, begun)

    job = finish_erasure(erasure)

    assert (job["step"], job["counts"]["segments"]) == ("done", 1)
    assert held(project, "userId") == [ALICE]


def test_an_erased_event_that_is_sent_again_is_in_no_segment(
    project: TestProject, ingest: Api
) -> None:
    event = {"path": "/a", "eventId": "order-7", "userId": MALLORY}
    ingest.post("/event", event)
    drain(0)
    export_project(project.id)
    erase(project, MALLORY)

    ingest.post("/event", event)
    drain(0)

    assert list_tails() == []
    assert held(project) == []
