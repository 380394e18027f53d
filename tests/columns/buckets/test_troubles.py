"""What is wrong with an object store, and what is said of it: never a smaller number."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from analytics.remembered import forget_everything
from columns.export import export_project, list_tails
from columns.files import bucket as buckets
from columns.files import objects
from columns.files.folder import ColumnsUnavailable, find_folder
from columns.files.place import MARKER
from columns.garbage import collect_files
from columns.rewrite import repair_next
from columns.segments import DamagedSegment, hold_file
from reporting.columns.read import sweeping
from tests.columns.buckets.store import Bucket, flip_a_bit
from tests.columns.buckets.test_trip import DAY, export, listed_names, make_all_due
from tests.columns.held import held, segments_of
from tests.conftest import Api, TestProject
from tests.stored import store_events
from tests.upkeep.deletion.test_project_deletion import delete
from tests.upkeep.erasure.erasures import ask_to_erase, erase, reach_everything, read_job
from upkeep.columns.verify import Verification
from upkeep.deletion import run as deletion
from upkeep.erasure.run import ERASURES
from upkeep.jobs.engine import run_job
from upkeep.watch.columns import check_columns
from upkeep.watch.finding import Level


@pytest.fixture(autouse=True)
def impatience(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    for module, name in ((objects, "PATIENCE_SECONDS"), (buckets, "PATIENCE_SECONDS")):
        monkeypatch.setattr(module, name, 0.5)
    monkeypatch.setattr(buckets, "_LATE_SECONDS", 0.5)


@pytest.fixture
def project(bucket: Bucket, project: TestProject) -> TestProject:
    """With two segments, of which no host has a copy."""
    export(project, "/a", "/b")
    export(project, "/c")
    return project


def ask(read: Api) -> tuple[int, Any]:
    """A question whose answer is 3 if nothing is missing."""
    answer = read.get("/stats", filter="path:contains:/", groupBy="path")
    body = answer.json()
    return answer.status_code, body.get("totalViews", body.get("code"))


def count_damaged(project: TestProject) -> int:
    return sum(segment.damaged_at is not None for segment in segments_of(project))


TROUBLES: dict[str, Callable[[Bucket], None]] = {
    "throttled": lambda bucket: bucket.fail(share=1, status=503, code="SlowDown"),
    "archived": lambda bucket: bucket.fail(
        share=1, status=403, code="InvalidObjectState", path=".parquet"
    ),
    "of no rights": lambda bucket: bucket.fail(share=1, status=403, code="AccessDenied"),
    "without its bucket": lambda bucket: bucket.fail(share=1, status=404, code="NoSuchBucket"),
    "without its marker": lambda bucket: bucket.delete(MARKER),
    "another deployment's": lambda bucket: bucket.write(MARKER, b'{"deployment":"x","format":1}'),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_a_store_that_cannot_be_read_is_unavailable_and_nothing_is_damaged(
    bucket: Bucket, project: TestProject, read: Api, trouble: str, settings: Any
) -> None:
    settings.QUERY_TIMEOUT_SECONDS = 15.0
    forget_everything()
    marker = bucket.read(MARKER)
    store_events(project, [{"path": "/fresh", "timestamp": DAY}])
    TROUBLES[trouble](bucket)
    assert ask(read) == (503, "columns_unavailable")
    if trouble != "archived":
        with pytest.raises(ColumnsUnavailable):
            export_project(project.id)
        assert len(list_tails()) == 1
    assert count_damaged(project) == 0
    bucket.fail()
    bucket.write(MARKER, marker)
    forget_everything()
    assert ask(read) == (200, 4)


def test_a_store_that_is_gone_is_unavailable_within_the_time_of_a_question(
    project: TestProject, read: Api, monkeypatch: pytest.MonkeyPatch, settings: Any
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    settings.QUERY_TIMEOUT_SECONDS = 15.0
    forget_everything()
    assert ask(read) == (503, "columns_unavailable")
    assert next(found.level for found in check_columns()) == Level.WRONG


def test_a_store_that_fails_half_the_time_is_asked_again(
    bucket: Bucket, project: TestProject, read: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (objects, buckets):
        monkeypatch.setattr(module, "PATIENCE_SECONDS", 20.0)
    monkeypatch.setattr(objects, "_PAUSE_SECONDS", (0.01, 0.1))
    bucket.fail(share=0.5, status=500, code="InternalError")
    export(project, "/d")
    assert held(project) == ["/a", "/b", "/c", "/d"]
    assert ask(read) == (200, 4)
    bucket.fail()
    assert bucket.names() >= listed_names(project)


def test_a_store_that_fails_for_long_holds_nobody_up_until_it_answers_again(
    bucket: Bucket, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    now = 0.0

    def sleep(seconds: float) -> None:
        nonlocal now
        pauses.append(seconds)
        now += seconds

    monkeypatch.setattr(objects, "time", SimpleNamespace(monotonic=lambda: now, sleep=sleep))
    store = objects.Objects(bucket.url)
    bucket.fail(share=1, status=503, code="SlowDown")
    tried_again = []
    for call in (
        lambda: store.read(MARKER),
        lambda: store.write("a", b""),
        lambda: store.read("a"),
    ):
        with pytest.raises(ColumnsUnavailable):
            call()
        tried_again.append(bool(pauses))
        pauses.clear()
    assert tried_again == [True, False, False]
    bucket.fail()
    store.read(MARKER)
    bucket.fail(share=1, status=503, code="SlowDown")
    with pytest.raises(ColumnsUnavailable):
        store.read(MARKER)
    assert pauses


def test_a_slow_store_is_waited_for_and_not_past_the_time(
    bucket: Bucket, project: TestProject, read: Api, settings: Any
) -> None:
    bucket.fail(seconds=0.3)
    assert ask(read) == (200, 3)
    settings.QUERY_TIMEOUT_SECONDS = 0.4
    settings.COLUMNS_CACHE_DIR = settings.COLUMNS_CACHE_DIR.with_name("another host")
    forget_everything()
    status, said = ask(read)
    assert (status, said) in [(503, "columns_unavailable"), (400, "query_timeout")]
    assert count_damaged(project) == 0


@pytest.mark.parametrize("status, code", [(507, "XMinioStorageFull"), (403, "QuotaExceeded")])
def test_a_store_that_is_full_takes_nothing_and_all_stays_as_it_was(
    bucket: Bucket, project: TestProject, read: Api, status: int, code: str
) -> None:
    before = bucket.names()
    store_events(project, [{"path": "/d", "timestamp": DAY}])
    bucket.fail(share=1, status=status, code=code, methods=["PUT"])
    with pytest.raises(ColumnsUnavailable, match="analytics/events"):
        export_project(project.id)
    assert (len(segments_of(project)), len(list_tails())) == (2, 1)
    assert ask(read) == (200, 4)
    bucket.fail()
    assert bucket.names() == before
    assert export_project(project.id) == 1


def test_a_host_without_room_says_so_and_asks_nobody_to_make_anew(
    project: TestProject, read: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    def be_full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("columns.files.cache.Cache._copy", be_full)
    assert ask(read) == (503, "columns_unavailable")
    assert count_damaged(project) == 0


def test_a_question_that_wants_more_than_a_host_may_keep_is_told_so(
    project: TestProject, read: Api, settings: Any
) -> None:
    settings.COLUMNS_CACHE_MB = 0.003
    forget_everything()
    assert ask(read) == (400, "query_too_large")
    settings.COLUMNS_CACHE_MB = 256
    forget_everything()
    assert ask(read) == (200, 3)


DAMAGES: dict[str, Callable[[Bucket, str], None]] = {
    "gone": lambda bucket, name: bucket.delete(name),
    "half": lambda bucket, name: bucket.write(name, bucket.read(name)[:1000]),
    "empty": lambda bucket, name: bucket.write(name, b""),
    "flipped": lambda bucket, name: bucket.write(name, flip_a_bit(bucket.read(name))),
    "longer": lambda bucket, name: bucket.write(name, b"PAR1" + bucket.read(name)),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_object_is_read_from_the_events_and_made_anew(
    bucket: Bucket, project: TestProject, read: Api, damage: str
) -> None:
    DAMAGES[damage](bucket, min(bucket.names()))
    assert ask(read) == (200, 3)
    assert count_damaged(project) == 1
    assert repair_next(project.id)
    assert (ask(read), count_damaged(project)) == ((200, 3), 0)
    assert held(project) == ["/a", "/b", "/c"]


def test_a_copy_that_goes_bad_is_brought_again_and_nothing_is_marked(
    bucket: Bucket, project: TestProject, read: Api
) -> None:
    assert ask(read) == (200, 3)
    for segment in segments_of(project):
        path = find_folder().bring(segment)
        path.write_bytes(flip_a_bit(path.read_bytes()))
        with hold_file(find_folder(), segment) as found:
            assert found.stat().st_size == segment.file_bytes
        path.write_bytes(b"")
    forget_everything()
    assert (ask(read), count_damaged(project)) == ((200, 3), 0)


def test_verification_looks_at_the_objects_and_not_at_their_copies(
    bucket: Bucket, project: TestProject, read: Api
) -> None:
    assert ask(read) == (200, 3)
    for name in bucket.names():
        bucket.write(name, flip_a_bit(bucket.read(name)))
    [segment, _] = segments_of(project)
    with hold_file(find_folder(), segment):
        pass
    with pytest.raises(DamagedSegment), hold_file(find_folder(), segment, anew=True):
        raise AssertionError
    Verification(project.id).list_days()
    assert count_damaged(project) == 2


def test_a_store_that_denies_what_it_has_just_taken_is_asked_again(
    bucket: Bucket, project: TestProject
) -> None:
    bucket.fail(late=2)
    export(project, "/d")
    assert held(project) == ["/a", "/b", "/c", "/d"]
    bucket.fail(late=1_000)
    store_events(project, [{"path": "/e", "timestamp": DAY}])
    with pytest.raises(ColumnsUnavailable, match="is not there"):
        export_project(project.id)
    assert len(segments_of(project)) == 3


def pass_time_in_vain() -> None:
    make_all_due()
    with pytest.raises(ColumnsUnavailable, match="suspend the versioning"):
        collect_files()


def make_replaced(project: TestProject, user: str) -> None:
    store_events(project, [{"path": "/u", "userId": user, "timestamp": DAY}])
    export_project(project.id)


def test_no_object_and_no_cache_holds_the_user_when_an_erasure_says_done(
    bucket: Bucket, project: TestProject, read: Api, settings: Any, tmp_path: Path
) -> None:
    """Two hosts, each with a cache of its own."""
    make_replaced(project, "mallory")
    caches = [tmp_path / "one", tmp_path / "two"]
    for cache in caches:
        settings.COLUMNS_CACHE_DIR = cache
        forget_everything()
        assert ask(read) == (200, 4)
        assert len(list(cache.glob("*/*.parquet"))) == 3
    before = bucket.names()
    assert erase(project, "mallory")["segments"] == 1
    gone = before - bucket.names()
    assert len(gone) == 1
    for cache in caches:
        settings.COLUMNS_CACHE_DIR = cache
        settings.QUERY_TIMEOUT_SECONDS = -5.0  # no question is under way
        sweeping.sweep()
        found = {str(path.relative_to(cache)) for path in cache.glob("*/*.parquet")}
        assert found & gone == set()
        assert len(found) == 2


def test_a_host_that_was_away_drops_what_was_erased_before_its_first_question(
    bucket: Bucket, project: TestProject, read: Api, settings: Any
) -> None:
    make_replaced(project, "mallory")
    assert ask(read) == (200, 4)
    cache = settings.COLUMNS_CACHE_DIR
    kept = {path: path.read_bytes() for path in cache.glob("*/*.parquet")}
    before = bucket.names()
    erase(project, "mallory")
    [gone] = before - bucket.names()
    for path, data in kept.items():
        path.write_bytes(data)
    forget_everything()
    settings.QUERY_TIMEOUT_SECONDS = -5.0  # nobody asked for a while
    find_folder()
    assert not (cache / gone).exists()


def test_an_erasure_does_not_say_done_while_a_bucket_keeps_what_is_deleted(
    bucket: Bucket, project: TestProject
) -> None:
    make_replaced(project, "mallory")
    bucket.version("Enabled")
    with pytest.raises(ColumnsUnavailable, match="suspend the versioning"):
        export(project, "/d")
    erasure = ask_to_erase(project, "mallory")
    reach_everything(erasure)
    run_job(ERASURES, erasure)
    pass_time_in_vain()
    run_job(ERASURES, erasure)
    assert read_job(erasure)["step"] != "done"
    [first, *_] = [found for found in check_columns() if found.level == Level.WRONG]
    assert "keeps old versions" in first.what
    bucket.version("Suspended")
    forget_everything()
    assert Level.WRONG not in [found.level for found in check_columns()]
    export_project(project.id)
    make_all_due()
    collect_files()
    assert bucket.names() == listed_names(project)


def test_a_project_that_is_deleted_leaves_no_object(
    bucket: Bucket,
    project: TestProject,
    other_project: TestProject,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for pause in ("SETTLE", "REST"):
        monkeypatch.setattr(deletion, pause, timedelta(0))
    export(other_project, "/theirs")
    theirs = listed_names(other_project)
    delete(project)
    assert bucket.names() == theirs
