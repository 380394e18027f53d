"""The columns in a bucket: moto's server behind a proxy, and all that can be wrong with it.

The web processes, the workers and the tests have a cache each, as hosts of their own.
"""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from analytics.databases import mongo
from analytics.databases.mongo import collection
from columns.files.remote import name_of
from columns.segments import list_segments, read_head
from tests.chaos.bucket import Store, moved_to_a_bucket, second_host
from tests.chaos.evidence.asked import Asked, asked, count_damaged, list_segments_of, look_after
from tests.chaos.evidence.questions import Questions, make_question
from tests.chaos.faults.host import Host, build_library, find_compiler
from tests.chaos.faults.proxy import Mode
from tests.chaos.system import System, wait_for
from tests.chaos.test_columns import store_segment
from tests.chaos.test_columns_folder import AWAY_SECONDS, UNAVAILABLE, read_only
from tests.chaos.trial import Chaos, make_unlimited_project, wait_until_stored
from tests.columns.buckets.store import ObjectStore
from tests.upkeep.erasure.erasures import ask_to_erase, reach_everything, read_job
from upkeep.erasure.job import Erasure
from upkeep.jobs.job import signal_jobs
from upkeep.jobs.leases import lease_project

pytestmark = pytest.mark.chaos

EAGER = "tests.chaos.faults.eager_worker"
DYING_SECONDS = 25.0
DRAINED_SECONDS = 10.0
PASSED_MS = 75_000  # of the two minutes that replaced files stay
DONE_SECONDS = 100.0
USERS = ("mallory", "alice")


@pytest.fixture(scope="module", autouse=True)
def s3(
    system: System,
    object_store: ObjectStore,
    tmp_path_factory: pytest.TempPathFactory,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[Store]:
    hosts = tmp_path_factory.mktemp("hosts")
    with django_db_blocker.unblock(), moved_to_a_bucket(system, object_store, hosts) as made:
        yield made


@pytest.fixture
def eager(system: System, s3: Store) -> Iterator[None]:
    with system.another_worker(EAGER, COLUMNS_CACHE_DIR=str(s3.cache("worker"))):
        yield


def check_going_on(trial: Asked, trouble: str) -> None:
    """An event that is sent now is accepted, and stored soon."""
    wait_until_stored(trial.load, f"during {trouble}", DRAINED_SECONDS)


BEARABLE: dict[str, dict[str, Any]] = {
    "slow, 0.4 s for each answer": {"seconds": 0.4},
    "failing half the time": {"share": 0.5, "status": 500, "code": "InternalError"},
}


@pytest.mark.parametrize("trouble", BEARABLE)
def test_a_store_that_answers_in_the_end(
    trouble: str, chaos: Chaos, s3: Store, eager: None
) -> None:
    """Segments are written, and questions answered."""
    with asked(chaos, f"a bucket {trouble}, 14 s") as trial:
        trial.wait_for_segments(1)
        with s3.failing(**BEARABLE[trouble]):
            before = list_segments_of(trial.project)
            time.sleep(AWAY_SECONDS)
            check_going_on(trial, trouble)
            trial.questions.wait_for("200", times=3)
            trial.wait_for_new_segments(before)


UNREACHABLE: dict[str, Callable[[Store], Any]] = {
    "gone": lambda s3: s3.proxy.failing(Mode.RESET),
    "that answers nothing": lambda s3: s3.proxy.failing(Mode.HANG),
    "that throttles": lambda s3: s3.failing(share=1, status=503, code="SlowDown"),
    "whose keys are not valid any more": lambda s3: s3.failing(
        share=1, status=403, code="InvalidAccessKeyId"
    ),
    "of another deployment": lambda s3: s3.of_another_deployment(),
}


@pytest.mark.parametrize("trouble", UNREACHABLE)
def test_a_store_that_cannot_be_used(trouble: str, chaos: Chaos, s3: Store, eager: None) -> None:
    """Nothing is made anew, nothing is written there, and nothing is answered without it."""
    with asked(chaos, f"a bucket {trouble}, 14 s") as trial:
        trial.wait_for_segments(2)
        with UNREACHABLE[trouble](s3):
            time.sleep(AWAY_SECONDS)
            before = list_segments_of(trial.project)
            answered = trial.questions.outcomes["200"]
            trial.questions.wait_for(UNAVAILABLE, times=3)
            check_going_on(trial, trouble)
            assert trial.questions.outcomes["200"] == answered
            assert list_segments_of(trial.project) == before
            assert count_damaged(trial.project) == 0
        trial.questions.wait_for("200")


def test_a_store_that_is_full(chaos: Chaos, s3: Store, eager: None) -> None:
    """What is there stays, and questions are answered with what is fresh."""
    with asked(chaos, "a bucket out of space, 14 s") as trial:
        trial.wait_for_segments(1)
        with s3.failing(share=1, status=507, code="XMinioStorageFull", methods=["PUT"]):
            time.sleep(AWAY_SECONDS)
            before = list_segments_of(trial.project)
            check_going_on(trial, "full")
            trial.questions.wait_for("200", times=3)
            assert list_segments_of(trial.project) == before
        trial.wait_for_new_segments(before)


def test_an_object_that_is_half_there(chaos: Chaos, s3: Store, eager: None) -> None:
    """No host has a copy of it. It is made anew: nobody else helps."""
    with asked(chaos, "a half-written object in the bucket") as trial:
        trial.wait_for_segments(2)
        with lease_project(trial.project.id, 30) as entered:  # so that nobody replaces it now
            assert entered
            segments = list_segments(read_head(trial.project.id))
            largest = max(segments, key=lambda segment: segment.rows)
            name = name_of(largest.id)
            data = s3.bucket.read(name)
            s3.bucket.write(name, data[: len(data) // 2])
            s3.empty_caches()
            trial.questions.wait_for("200", times=3)
            assert count_damaged(trial.project) == 1
        trial.wait_until_repaired()
        assert largest.id not in list_segments_of(trial.project)


def test_an_exporter_that_dies_at_random(chaos: Chaos, s3: Store) -> None:
    fault = "workers at a bucket killed at random steps, 25 s"
    cache = {"COLUMNS_CACHE_DIR": str(s3.cache("worker"))}
    dying = chaos.system.another_worker("tests.chaos.faults.dying_exporter", **cache)
    with asked(chaos, fault) as trial, dying:
        end = time.monotonic() + DYING_SECONDS
        while time.monotonic() < end:
            look_after()
            time.sleep(0.5)
        trial.wait_for_segments(1)


@pytest.mark.skipif(not find_compiler(), reason="no C compiler: host.c cannot be built")
def test_a_cache_on_a_full_disk(
    chaos: Chaos, s3: Store, eager: None, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Of questions those are answered that need no file that is not there yet."""
    folder = tmp_path_factory.mktemp("full")
    cache = folder / "cache"
    host = Host(build_library(folder), folder / "host", cache)
    on_it = {**host.environment, "COLUMNS_CACHE_DIR": str(cache)}
    with chaos.system.restarted(chaos.system.web, **on_it):  # noqa: SIM117
        with asked(chaos, "a cache of a bucket on a full disk, 14 s") as trial:
            trial.wait_for_segments(1)
            trial.questions.wait_for("200")
            with host.full_disk():
                time.sleep(AWAY_SECONDS)
                check_going_on(trial, "full disk")
                trial.questions.wait_for(UNAVAILABLE, times=3)
                assert count_damaged(trial.project) == 0
            trial.questions.wait_for("200")


def test_a_cache_on_a_disk_that_is_read_only(chaos: Chaos, s3: Store, eager: None) -> None:
    with asked(chaos, "a cache of a bucket on a read-only disk, 14 s") as trial:
        trial.wait_for_segments(1)
        trial.questions.wait_for("200")
        with read_only(s3.cache("web")):
            time.sleep(AWAY_SECONDS)
            check_going_on(trial, "read-only")
            trial.questions.wait_for(UNAVAILABLE, times=3)
            assert count_damaged(trial.project) == 0
        trial.questions.wait_for("200")


def test_an_erasure_beside_two_hosts(chaos: Chaos, s3: Store, eager: None) -> None:
    """Once it says done no object and no cache has the user, and no answer ever again."""
    project = make_unlimited_project("to be erased from")
    for path in ("/a", "/b", "/c"):
        store_segment(project, [{"path": path, "userId": user} for user in USERS] * 200)
    left = {"web": 600, "second": 600}

    def make_check(host: str) -> Callable[[Any], str | None]:
        def check(answer: Any) -> str | None:
            views = {row["dimensions"][0]: row["metrics"][0] for row in answer["results"]}
            theirs = views.pop("mallory", 0)
            if theirs not in (0, 600) or theirs > left[host] or views != {"alice": 600}:
                return f"a moment that never was: {answer['results']}, {left} before"
            left[host] = theirs
            return None

        return check

    with (
        asked(chaos, "a user is erased from a bucket, beside two hosts with caches"),
        second_host(chaos.system, s3) as port,
        Questions(
            chaos.system, project, question=make_question("userId"), check=make_check("web")
        ) as questions,
        Questions(
            chaos.system,
            project,
            question=make_question("userId"),
            check=make_check("second"),
            port=port,
        ) as at_second,
    ):
        for asking in (questions, at_second):
            asking.wait_for("200", times=3)
        copies = {Path(path).parts[-3] for path in s3.find_holding("mallory") if path[0] == "/"}
        assert copies >= {"web", "second"}
        erasure = ask_to_erase(project, "mallory")
        reach_everything(erasure)
        wait_for(lambda: reach(erasure, "files"), 90, "the user is in no segment")
        soon = {"$set": {"dueAt": {"$subtract": ["$dueAt", PASSED_MS]}}}
        collection(mongo.COLUMN_GARBAGE).update_many({"project": project.id}, [soon])
        wait_for(lambda: reach(erasure, "done"), DONE_SECONDS, "the erasure says done")
        assert s3.find_holding("mallory") == []
        for asking in (questions, at_second):
            asking.wait_for("200", times=2)
    assert left == {"web": 0, "second": 0}


def reach(erasure_id: str, step: str) -> bool:
    signal_jobs(Erasure)
    look_after()
    time.sleep(0.5)
    return bool(read_job(erasure_id)["step"] == step)
