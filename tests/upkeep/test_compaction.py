"""Compaction and copies: safe to repeat, to race and to kill; equal to the raw events always."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from importlib import import_module
from typing import Any

import pytest
from bson import ObjectId

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict
from analytics.metrics.names import ROLLUP_DRIFT
from analytics.rollups import DAY_PARTS, counts_pieces
from analytics.rollups.calendar import month_of
from tests.conftest import TestProject
from tests.stored import Batch, store_events
from upkeep.rollups.compaction import MAX_RUNS, compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.rollups.heads import read_head, read_heads
from upkeep.rollups.runs import collect_garbage
from upkeep.tasks import verify_sample_task
from upkeep.verify.days import find_days
from upkeep.verify.differences import Difference
from upkeep.verify.rebuild import rebuild_day
from upkeep.verify.verify import verify_day, verify_month

pytestmark = pytest.mark.slow

mark_days_without_parts = import_module("upkeep.migrations.0003_copy_parts_of_days").mark_days

NOW = timedelta(0)
DAY = datetime(2026, 3, 5, tzinfo=UTC)


def verify(project: TestProject) -> list[Difference]:
    days = {
        int(event["timestamp"].timestamp()) // 86_400
        for event in collection(mongo.EVENTS).find({"project": project.id}, {"timestamp": 1})
    }
    differences = [found for day in days for found in verify_day(project.id, day)]
    for month in {month_of(day) for day in days}:
        differences += verify_month(project.id, month)
    return differences


def batch_of(count: int, start: datetime = DAY, step: timedelta = timedelta(minutes=7)) -> Batch:
    return [
        {"timestamp": start + step * n, "path": f"/{n % 5}", "userId": f"u{n % 11}"}
        for n in range(count)
    ]


def test_summaries_become_runs_that_equal_the_raw_events(project: TestProject) -> None:
    for start in range(3):
        store_events(project, batch_of(40, DAY + timedelta(hours=start)))

    assert compact_summaries() > 0

    assert collection(mongo.SUMMARIES).count_documents({}) == 0
    assert verify(project) == []


def test_a_day_that_cannot_be_compacted_holds_up_no_other(project: TestProject) -> None:
    """And the task fails, which alerts."""
    oldest = {"_id": ObjectId(b"\0" * 12), "project": b"12345678", "bucket": DAY}
    collection(mongo.SUMMARIES).insert_one(oldest)
    store_events(project, batch_of(40))

    with pytest.raises(KeyError, match="tables"):
        compact_summaries()

    assert list(collection(mongo.SUMMARIES).find({}, {"_id": 1})) == [{"_id": oldest["_id"]}]
    assert verify(project) == []


def test_a_bucket_never_has_many_runs(project: TestProject) -> None:
    for n in range(10):
        store_events(project, [{"timestamp": DAY, "path": f"/{n}"}])
        compact_summaries()

    [head] = read_heads(project.id, _days_around(DAY))
    assert len(head.buckets[0]) <= 4
    assert verify(project) == []


def test_a_closed_day_and_month_are_copied_and_a_late_event_makes_them_anew(
    project: TestProject,
) -> None:
    store_events(project, batch_of(200))
    compact_summaries()
    assert build_days(quiet=NOW) >= 1
    assert build_months(quiet=NOW) == 1
    month = collection(mongo.ROLLUP_MONTHS).find_one({})
    assert month is not None and month["days"]

    store_events(project, [{"timestamp": DAY, "path": "/late"}])
    compact_summaries()
    [head] = read_heads(project.id, _days_around(DAY))
    assert not head.state.is_copied
    assert verify(project) == []

    assert build_days(quiet=NOW) == 1
    assert build_months(quiet=NOW) == 1
    assert verify(project) == []


def test_a_copy_from_before_there_were_day_parts_gets_them_and_nothing_else_changes(
    project: TestProject,
) -> None:
    store_events(project, batch_of(200))
    compact_summaries()
    build_days(quiet=NOW)
    build_months(quiet=NOW)
    days = collection(mongo.ROLLUP_DAYS)
    days.update_many({}, {"$unset": {"whole.parts": ""}})

    mark_days_without_parts(None, None)
    assert days.count_documents({"dirty": True}) == days.count_documents({}) > 0
    assert build_days(quiet=NOW) == days.count_documents({"whole.parts": True})

    assert days.count_documents({"dirty": True}) == 0
    assert build_months(quiet=NOW) == 0
    assert verify(project) == []


def test_verify_finds_a_copy_whose_day_parts_are_wrong(project: TestProject) -> None:
    store_events(project, batch_of(20))
    compact_summaries()
    build_days(quiet=NOW)
    [head] = read_heads(project.id, _days_around(DAY))
    assert head.whole
    piece = collection(mongo.ROLLUP_CHUNKS).find_one(
        {"_id": {"$in": counts_pieces(head.whole["run"], DAY_PARTS)}}
    )
    assert piece
    wrong = bytes(len(piece["t"][DAY_PARTS]["v"]))
    collection(mongo.ROLLUP_CHUNKS).update_one(
        {"_id": piece["_id"]}, {"$set": {f"t.{DAY_PARTS}.v": wrong}}
    )

    [found] = verify(project)

    assert (found.unit, found.dimension) == ("day", DAY_PARTS)


def test_verify_finds_a_copy_of_a_month_that_is_not_what_its_days_are(
    project: TestProject,
) -> None:
    store_events(project, batch_of(20))
    compact_summaries()
    build_days(quiet=NOW)
    build_months(quiet=NOW)
    month = collection(mongo.ROLLUP_MONTHS).find_one({})
    assert month and verify(project) == []
    store_events(project, [{"timestamp": DAY, "path": "/late"}])
    compact_summaries()
    build_days(quiet=NOW)
    assert verify(project) == []  # the month's copy is not in force

    [head] = read_heads(project.id, _days_around(DAY))
    in_force = {"$set": {f"days.{head.day}": head.version}}
    collection(mongo.ROLLUP_MONTHS).update_one({"_id": month["_id"]}, in_force)

    assert {found.unit for found in verify(project)} == {"month"}


def test_the_sample_of_the_night_finds_the_days_that_have_events_and_counts_what_is_wrong(
    project: TestProject,
) -> None:
    ancient = DAY - timedelta(days=9_000)
    store_events(project, [{"timestamp": when, "path": "/"} for when in (ancient, DAY)])
    compact_summaries()
    collection(mongo.EVENTS).update_many({}, {"$set": {"path": "/changed"}})
    before = ROLLUP_DRIFT.labels("bucket")._value.get()

    verify_sample_task.run()

    assert ROLLUP_DRIFT.labels("bucket")._value.get() > before


def test_compacting_at_once_in_many_threads_counts_each_summary_once(project: TestProject) -> None:
    for n in range(30):
        store_events(project, batch_of(20, DAY + timedelta(minutes=n)))

    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda _: compact_summaries(), range(4)))
    compact_summaries()

    assert verify(project) == []


@pytest.mark.parametrize(
    "step",
    [
        "upkeep.rollups.heads.DayChange.apply",
        "upkeep.rollups.runs.RunWriter.adopt",
        "upkeep.rollups.runs.RunWriter.flush",
    ],
)
def test_a_compaction_that_dies_leaves_only_garbage(
    step: str, project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_events(project, batch_of(50))

    def die(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(step, die)
        with pytest.raises(KeyboardInterrupt):
            compact_summaries()
    assert verify(project) == []
    compact_summaries()
    assert verify(project) == []
    _make_garbage_due()
    collect_garbage()
    assert collection(mongo.ROLLUP_GARBAGE).count_documents({}) == 0
    assert verify(project) == []
    assert _orphan_pieces(project) == []


def test_what_was_replaced_is_cleared_away(project: TestProject) -> None:
    for n in range(12):
        store_events(project, batch_of(10, DAY + timedelta(minutes=n)))
        compact_summaries()
        build_days(quiet=NOW)
    _make_garbage_due()

    assert collect_garbage() > 0

    assert _orphan_pieces(project) == []
    assert verify(project) == []


def test_verify_finds_a_wrong_bucket_and_rebuild_mends_it(project: TestProject) -> None:
    store_events(project, batch_of(60))
    compact_summaries()
    collection(mongo.EVENTS).delete_one({"project": project.id, "path": "/3"})

    differences = verify(project)
    assert {found.dimension for found in differences} >= {"total", "path"}

    for day in find_days(project.id):
        rebuild_day(project.id, day)
    assert verify(project) == []


def test_a_damaged_day_is_found_holds_up_no_other_and_is_mended(
    project: TestProject, other_project: TestProject
) -> None:
    for _ in range(MAX_RUNS + 1):
        store_events(project, [{"timestamp": DAY, "path": "/a"}])
        compact_summaries()
    collection(mongo.ROLLUP_CHUNKS).delete_many({})
    for each in (project, other_project):
        store_events(each, [{"timestamp": DAY, "path": "/a"}])

    assert [found.dimension for found in verify(project)] == ["all"]
    assert compact_summaries() >= 1
    assert build_days(quiet=NOW) == 1
    assert verify(other_project) == []

    for day in find_days(project.id):
        rebuild_day(project.id, day)
    assert verify(project) == []


def test_a_rebuild_beside_drains_and_compaction_counts_everything_once(
    project: TestProject,
) -> None:
    def drain_on() -> None:
        for n in range(15):
            store_events(project, batch_of(10, DAY + timedelta(minutes=n)))

    def compact_on() -> None:
        for _ in range(15):
            compact_summaries()

    def rebuild_on() -> None:
        for _ in range(5):
            rebuild_day(project.id, int(DAY.timestamp()) // 86_400)

    with ThreadPoolExecutor(3) as threads:
        for done in [threads.submit(work) for work in (drain_on, compact_on, rebuild_on)]:
            with suppress(Conflict):  # a day that keeps changing may refuse, not be wrong
                done.result()

    assert verify(project) == []
    compact_summaries()
    assert verify(project) == []


def _days_around(moment: datetime) -> range:
    day = int(moment.timestamp()) // 86_400
    return range(day, day + 1)


def _make_garbage_due() -> None:
    collection(mongo.ROLLUP_GARBAGE).update_many({}, {"$set": {"dueAt": DAY}})


def _orphan_pieces(project: TestProject) -> list[bytes]:
    """Pieces of no run that is in force."""
    alive = set()
    for row in collection(mongo.ROLLUP_DAYS).find({}):
        head = read_head(bytes(row["project"]), row["day"])
        alive |= {bytes(run["r"]) for runs in head.buckets.values() for run in runs}
        alive |= {bytes(head.whole["run"]["r"])} if head.whole else set()
    for row in collection(mongo.ROLLUP_MONTHS).find({}):
        alive |= {bytes(row["run"]["r"])} if "run" in row else set()
    pieces = collection(mongo.ROLLUP_CHUNKS).find({}, {"_id": 1})
    return [piece["_id"] for piece in pieces if bytes(piece["_id"])[:12] not in alive]
