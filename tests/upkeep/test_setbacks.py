"""What fails each time rests, ever longer, and starves nobody: a test for each kind of work."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from bson import ObjectId
from pymongo.errors import AutoReconnect

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.databases.transactions import durable_transaction
from analytics.projects.models import Project
from analytics.rollups.calendar import month_of
from analytics.rollups.heads import day_key, month_key
from columns.files.folder import ColumnsUnavailable
from tests.conftest import Api, TestProject
from tests.stored import store_events
from tests.upkeep.erasure.erasures import ask_to_erase, read_job
from upkeep import retention, tasks
from upkeep.deletion.data import delete_summaries
from upkeep.erasure.job import Erasure
from upkeep.erasure.run import ERASURES
from upkeep.jobs import job as jobs
from upkeep.jobs import setbacks
from upkeep.jobs.engine import run_jobs
from upkeep.jobs.job import JobKind
from upkeep.jobs.setbacks import (
    ALARMING_FAILURES,
    EXPORT_COLUMNS,
    LONGEST_REST,
    WORKS,
    Turns,
    count_failing,
)
from upkeep.ledger import checkpoints
from upkeep.ledger import lines as ledger
from upkeep.ledger.lines import compact_ledger, read_ledger
from upkeep.rollups import compaction, copies
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.rollups.heads import read_heads
from upkeep.rollups.runs import collect_garbage
from upkeep.verify.rebuild import rebuild_day
from upkeep.verify.verify import verify_day, verify_month

NOW = timedelta(0)
MOMENT = datetime(2026, 3, 5, 9, tzinfo=UTC)
DAY = (MOMENT - datetime(1970, 1, 1, tzinfo=UTC)).days
MONTH = month_of(DAY)
EARLIER = MOMENT - timedelta(days=90)


def make_due() -> None:
    """Let the time pass for which what failed rests."""
    collection(mongo.SETBACKS).update_many({}, {"$set": {"retryAt": EARLIER}})


def read_setbacks() -> list[tuple[str, int]]:
    found = collection(mongo.SETBACKS).find().sort("_id", 1)
    return [(row["work"], row["failures"]) for row in found]


def copy_everything(project: TestProject) -> None:
    store_events(project, [{"timestamp": MOMENT, "path": "/a", "userId": "mallory"}])
    compact_summaries()
    build_days(quiet=NOW)
    build_months(quiet=NOW)


# --- Empty runs -------------------------------------------------------------------------------


def test_a_day_and_a_month_whose_only_events_were_erased_have_copies_that_can_be_read(
    project: TestProject,
) -> None:
    copy_everything(project)
    collection(mongo.EVENTS).delete_many({})
    rebuild_day(project.id, DAY)

    assert (build_days(quiet=NOW), build_months(quiet=NOW)) == (1, 1)

    assert (verify_day(project.id, DAY), verify_month(project.id, MONTH)) == ([], [])
    assert (build_days(quiet=NOW), build_months(quiet=NOW)) == (0, 0)
    assert Api(project.read_key).get("/stats").json()["totalViews"] == 0


def test_copies_without_a_piece_that_an_older_release_left_heal_by_themselves(
    project: TestProject,
) -> None:
    """As it stored them: the copy of a day without events, a month that waits to be built."""
    empty = {"r": b"\x01" * 12, "n": 0}
    collection(mongo.ROLLUP_DAYS).insert_one(
        {"_id": day_key(project.id, DAY), "project": project.id, "day": DAY, "version": 3,
         "buckets": {"36": []}, "dirty": False, "changedAt": EARLIER,
         "whole": {"run": empty, "version": 3, "parts": True}}
    )  # fmt: skip
    collection(mongo.ROLLUP_MONTHS).insert_one(
        {"_id": month_key(project.id, MONTH), "project": project.id, "month": MONTH,
         "dirty": True, "changedAt": EARLIER, "days": {str(DAY): 2},
         "run": {"r": b"\x02" * 12, "n": 0}}
    )  # fmt: skip

    assert build_months(quiet=NOW) == 1

    assert verify_month(project.id, MONTH) == []
    assert collection(mongo.ROLLUP_MONTHS).count_documents({"dirty": True}) == 0
    store_events(project, [{"timestamp": MOMENT, "path": "/again"}])
    compact_summaries()
    assert (build_days(quiet=NOW), build_months(quiet=NOW)) == (1, 1)
    assert verify_day(project.id, DAY) == []
    assert Api(project.read_key).get("/stats").json()["totalViews"] == 1


# --- Those that fail, before those that would not -----------------------------------------------


@pytest.fixture
def one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each kind of work takes as little at once as it can: one unit that fails is enough."""
    monkeypatch.setattr(copies, "STEP_UNITS", 1)
    monkeypatch.setattr(compaction, "FIND_SUMMARIES", 1)
    monkeypatch.setattr(ledger, "COMPACT_SUMMARIES", 1)


def damage_a_day(project: TestProject) -> None:
    """A day, and its month, that wait the longest and cannot be read."""
    gone = [{"r": b"\x03" * 12, "n": 1}]
    for name, key, unit in (
        (mongo.ROLLUP_DAYS, day_key(project.id, DAY), {"day": DAY}),
        (mongo.ROLLUP_MONTHS, month_key(project.id, MONTH), {"month": MONTH}),
    ):
        head: Document = {"project": project.id, "version": 1, "buckets": {"0": gone}, **unit}
        head |= {"dirty": True, "changedAt": EARLIER, "days": {}}
        collection(name).insert_one({"_id": key, **head})


def test_a_day_that_cannot_be_copied_lets_others_go_first(
    project: TestProject, other_project: TestProject, one_at_a_time: None
) -> None:
    damage_a_day(project)
    store_events(other_project, [{"timestamp": MOMENT, "path": "/a"}])
    compact_summaries()

    assert [build_days(quiet=NOW) for _ in range(2)] == [0, 1]

    assert read_setbacks() == [("copy_day", 1)]
    [head] = read_heads(other_project.id, range(DAY, DAY + 1))
    assert head.state.is_copied


def test_a_month_that_cannot_be_copied_lets_others_go_first(
    project: TestProject, other_project: TestProject, one_at_a_time: None
) -> None:
    damage_a_day(project)
    copied = {"run": {"r": b"\x03" * 12, "n": 1}, "version": 1}
    collection(mongo.ROLLUP_DAYS).update_one({}, {"$set": {"whole": copied, "dirty": False}})
    store_events(other_project, [{"timestamp": MOMENT, "path": "/a"}])
    compact_summaries()
    build_days(quiet=NOW)

    assert [build_months(quiet=NOW) for _ in range(2)] == [0, 1]

    assert read_setbacks() == [("copy_month", 1)]


def test_a_month_that_waits_for_a_day_lets_others_go_first(
    project: TestProject, other_project: TestProject, one_at_a_time: None
) -> None:
    damage_a_day(project)
    collection(mongo.ROLLUP_DAYS).update_one(
        {}, {"$set": {"changedAt": datetime.now(UTC) + timedelta(days=1)}}
    )
    store_events(other_project, [{"timestamp": MOMENT, "path": "/a"}])
    compact_summaries()
    build_days(quiet=NOW)

    assert [build_months(quiet=NOW) for _ in range(2)] == [0, 1]

    assert read_setbacks() == []  # to wait is no failure


def test_a_day_that_cannot_be_compacted_lets_others_go_first(
    project: TestProject, other_project: TestProject, one_at_a_time: None
) -> None:
    """Also where its summaries are all the oldest there are."""
    oldest = {"_id": ObjectId(b"\0" * 12), "project": project.id, "bucket": MOMENT}
    collection(mongo.SUMMARIES).insert_one(oldest)
    for days in range(3):
        store_events(other_project, [{"timestamp": MOMENT + timedelta(days=days), "path": "/a"}])
    with pytest.raises(KeyError, match="tables"):
        compact_summaries()

    assert compact_summaries() == 3

    assert [row["_id"] for row in collection(mongo.SUMMARIES).find()] == [oldest["_id"]]
    assert verify_day(other_project.id, DAY) == []


def test_a_ledger_row_that_cannot_be_added_lets_others_go_first(
    project: TestProject, one_at_a_time: None
) -> None:
    row = {"_id": ObjectId(b"\0" * 12), "project": project.id, "day": 1, "stored": "one"}
    collection(mongo.LEDGER_SUMMARIES).insert_one(row)
    store_events(project, [{"path": "/a"}])
    with pytest.raises(TypeError):
        compact_ledger()

    assert compact_ledger() == 1

    assert [left["_id"] for left in collection(mongo.LEDGER_SUMMARIES).find()] == [row["_id"]]


def test_one_ledger_row_among_many_is_found_and_the_others_are_added(project: TestProject) -> None:
    for _ in range(5):
        store_events(project, [{"path": "/a"}])
    row = {"project": project.id, "day": 1, "stored": "one"}
    collection(mongo.LEDGER_SUMMARIES).insert_one(row)
    store_events(project, [{"path": "/a"}])

    with pytest.raises(TypeError):
        compact_ledger()

    collection(mongo.LEDGER_SUMMARIES).delete_one(row)
    assert collection(mongo.LEDGER_SUMMARIES).count_documents({}) == 0
    assert sum(line.stored for line in read_ledger(project.id)) == 6


def test_a_checkpoint_is_taken_though_the_ledger_cannot_be_compacted(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"_id": ObjectId(b"\0" * 12), "project": project.id, "day": 1, "stored": "one"}
    collection(mongo.LEDGER_SUMMARIES).insert_one(row)
    taken: list[bool] = []
    monkeypatch.setattr(tasks, "take_checkpoints", lambda: taken.append(True))

    with pytest.raises(TypeError):
        tasks.compact_ledger_task()

    assert taken == [True]


def test_a_partition_without_a_checkpoint_keeps_no_other_from_its_own(
    store: None, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.STREAM_PARTITIONS = 2
    taken: list[int] = []

    def take(partition: int) -> None:
        taken.append(partition)
        if partition == 0:
            raise KeyError("epoch")

    monkeypatch.setattr(checkpoints, "take_checkpoint", take)

    with pytest.raises(KeyError):
        checkpoints.take_checkpoints()

    assert taken == [0, 1]


def test_garbage_that_cannot_be_collected_lets_others_go(store: None) -> None:
    garbage = collection(mongo.ROLLUP_GARBAGE)
    bad = {"_id": ObjectId(b"\0" * 12), "runs": [b"short"], "dueAt": EARLIER}
    garbage.insert_many([bad, {"runs": [b"\x04" * 12], "dueAt": EARLIER}])

    with pytest.raises(ValueError, match="12 bytes"):
        collect_garbage()

    assert [entry["_id"] for entry in garbage.find()] == [bad["_id"]]
    assert collect_garbage() == 0


def test_a_project_whose_retention_cannot_be_applied_lets_others_go(
    project: TestProject, other_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, well = sorted((project, other_project), key=lambda each: each.row.pk)
    for each in (broken, well):
        store_events(each, [{"path": "/a"}])
        Project.objects.filter(pk=each.row.pk).update(retention_days=100)
    collection(mongo.EVENTS).update_one({"project": broken.id}, {"$unset": {"place": ""}})

    with pytest.raises(KeyError, match="place"):
        retention.apply_retention()

    assert collection(mongo.EVENTS).count_documents(
        {"project": well.id, "expiresAt": {"$exists": True}}
    )
    assert retention.apply_retention() == 0


def test_garbage_is_collected_though_no_copy_can_be_built(
    store: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail() -> int:
        raise KeyError("a fault of ours")

    monkeypatch.setattr(tasks, "build_days", fail)
    garbage = collection(mongo.ROLLUP_GARBAGE)
    garbage.insert_one({"runs": [b"\x04" * 12], "dueAt": EARLIER})

    with pytest.raises(KeyError):
        tasks.build_copies_task()

    assert garbage.count_documents({}) == 0


def test_a_job_that_fails_slowly_or_never_ends_lets_others_go_first(
    project: TestProject, other_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All the time of a round goes into the first job of it."""
    failing, _, brief = (
        ask_to_erase(each, "mallory") for each in (project, project, other_project)
    )
    clock = [0.0]
    monkeypatch.setattr("upkeep.jobs.engine.time.monotonic", lambda: clock[0])

    def work(stride: Callable[[Erasure], Any]) -> Callable[[Erasure], Any]:
        def do(job: Erasure) -> Any:
            if job.id == brief:
                return stride(job)
            clock[0] += 10
            if job.id == failing:
                raise KeyError("a fault of ours")
            with durable_transaction() as session:
                jobs.save_progress(job, session, cursor=None)

        return do

    kind = JobKind(Erasure, {step: work(stride) for step, stride in ERASURES.strides.items()})

    assert [run_jobs(kind, 5.0) for _ in range(3)] == [True, True, True]

    assert read_job(brief)["step"] == "done"
    assert read_setbacks() == [("run_job", 1)]


# --- How long it rests, and who is told ---------------------------------------------------------


@pytest.fixture
def failing_day(project: TestProject) -> Iterator[None]:
    damage_a_day(project)
    yield


def test_each_failure_makes_the_rest_longer_up_to_a_bound_and_some_alarm(
    failing_day: None,
) -> None:
    rests = []
    for n in range(14):
        assert count_failing()["copy_day"] == (n >= ALARMING_FAILURES)
        before = datetime.now(UTC)
        assert build_days(quiet=NOW) == 0
        [setback] = collection(mongo.SETBACKS).find()
        rests.append(setback["retryAt"] - before)
        assert build_days(quiet=NOW) == 0  # it rests
        make_due()
        collection(mongo.SETBACKS).update_many({}, {"$set": {"retryAt": datetime.now(UTC)}})

    for seconds, rest in zip((5, 10, 20, 40), rests[:4], strict=True):
        assert seconds <= rest.total_seconds() + 0.001 < 2 * seconds
    assert LONGEST_REST <= rests[-1] < LONGEST_REST + timedelta(minutes=1)
    assert read_setbacks() == [("copy_day", 14)]


def test_what_a_full_disk_refused_is_tried_again_a_minute_after_there_is_room(store: None) -> None:
    for _ in range(14):
        with Turns(EXPORT_COLUMNS).attempt("full"):
            raise ColumnsUnavailable("No space left on device")
    [setback] = collection(mongo.SETBACKS).find()
    assert setback["failures"] == 14
    assert setback["retryAt"] - datetime.now(UTC) <= timedelta(minutes=1)


def test_what_succeeds_after_all_has_no_setback_any_more(failing_day: None) -> None:
    build_days(quiet=NOW)
    make_due()
    collection(mongo.ROLLUP_DAYS).update_one({}, {"$set": {"buckets": {}}})

    assert build_days(quiet=NOW) == 1

    assert read_setbacks() == []


def test_another_release_does_not_wait_for_what_this_one_could_not(
    failing_day: None, settings: Any
) -> None:
    build_days(quiet=NOW)
    settings.VERSION = "the next"

    build_days(quiet=NOW)

    assert read_setbacks() == [("copy_day", 1), ("copy_day", 1)]


def test_what_nobody_tries_any_more_alarms_nobody(failing_day: None) -> None:
    for _ in range(ALARMING_FAILURES):
        build_days(quiet=NOW)
        make_due()

    assert count_failing() == dict.fromkeys(WORKS, 0)


def test_an_error_of_the_moment_ends_the_round_and_is_a_setback_too(store: None) -> None:
    """For it may be of this unit alone: too large to be read in time."""
    turns = Turns(setbacks.COPY_DAY)
    with pytest.raises(AutoReconnect), turns.attempt("a unit"):
        raise AutoReconnect("gone")

    assert Turns(setbacks.COPY_DAY).is_resting("a unit")


def test_setbacks_go_with_their_project(
    project: TestProject, other_project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    damage_a_day(project)
    damage_a_day(other_project)
    build_days(quiet=NOW)
    monkeypatch.setattr("upkeep.deletion.data._delete", lambda *_: None)

    class Job:
        project_id = project.id

    delete_summaries(Job())  # type: ignore[arg-type]

    assert [row["project"] for row in collection(mongo.SETBACKS).find()] == [other_project.id]
