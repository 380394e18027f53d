"""What a later release counted is left alone, with an error: never added up without its tables."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.rollups import FACTS_FORMAT, CorruptTable, runs
from tests.conftest import Api, TestProject, make_project
from tests.stored import store_events
from tests.upkeep.erasure.erasures import ask_to_erase, finish_erasure, reach_everything, read_job
from upkeep.jobs.setbacks import COMPACT_DAY, COPY_DAY, COPY_MONTH
from upkeep.rollups.compaction import MAX_RUNS, compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.rollups.heads import read_head
from upkeep.verify.rebuild import rebuild_day
from upkeep.verify.verify import verify_day, verify_month

pytestmark = pytest.mark.slow

NOW = timedelta(0)
DAY = datetime(2026, 3, 5, tzinfo=UTC)
NUMBER = int(DAY.timestamp()) // 86_400
LATER = FACTS_FORMAT + 1
USER = "u"


def store_one(project: TestProject, day: datetime = DAY) -> None:
    store_events(project, [{"timestamp": day, "path": "/", "userId": USER}])


def make_summary_of_later_release(project: TestProject) -> None:
    store_one(project)
    collection(mongo.SUMMARIES).update_many({"project": project.id}, {"$set": {"v": LATER}})


def make_run_of_later_release(project: TestProject) -> None:
    store_one(project)
    compact_summaries()
    changed = collection(mongo.ROLLUP_DAYS).update_one(
        {"project": project.id}, {"$set": {"buckets.0.0.v": LATER}}
    )
    assert changed.modified_count


makers = pytest.mark.parametrize("make", [make_summary_of_later_release, make_run_of_later_release])
Maker = Callable[[TestProject], None]


def read_all(project: TestProject) -> list[Document]:
    """Everything that the rollups of a project are made of."""
    names = (mongo.SUMMARIES, mongo.ROLLUP_DAYS, mongo.ROLLUP_MONTHS)
    return [
        found for name in names for found in collection(name).find({"project": project.id})
    ] + list(collection(mongo.ROLLUP_CHUNKS).find().sort("_id", 1))


def list_setbacks() -> list[tuple[str, str]]:
    return [(row["work"], row["error"]) for row in collection(mongo.SETBACKS).find()]


def test_a_summary_of_a_later_release_waits_and_other_projects_go_on(
    project: TestProject,
) -> None:
    make_summary_of_later_release(project)
    before = read_all(project)
    other = make_project("Other")
    store_one(other)

    assert compact_summaries() == 1

    assert read_all(project)[:1] == before
    [(work, error)] = list_setbacks()
    assert (work, f"format {LATER}" in error) == (COMPACT_DAY, True)
    assert Api(other.read_key).get("/stats").json()["totalViews"] == 1


def test_a_run_of_a_later_release_is_merged_into_no_other(project: TestProject) -> None:
    make_run_of_later_release(project)
    for _ in range(MAX_RUNS - 1):
        store_one(project)
        compact_summaries()
    store_one(project)
    before = read_all(project)

    compact_summaries()

    assert read_all(project) == before
    assert [work for work, _ in list_setbacks()] == [COMPACT_DAY]


def test_a_run_of_a_later_release_is_copied_to_no_day_and_no_month(project: TestProject) -> None:
    make_run_of_later_release(project)
    before = read_all(project)

    assert (build_days(quiet=NOW), build_months(quiet=NOW)) == (0, 0)

    assert read_all(project) == before
    assert [work for work, _ in list_setbacks()] == [COPY_DAY]

    project = make_project("Other")
    store_one(project)
    compact_summaries()
    build_days(quiet=NOW)
    days = collection(mongo.ROLLUP_DAYS)
    days.update_one({"project": project.id}, {"$set": {"whole.run.v": LATER}})
    assert build_months(quiet=NOW) == 0
    assert {work for work, _ in list_setbacks()} == {COPY_DAY, COPY_MONTH}


@makers
def test_what_a_later_release_counted_is_not_rebuilt(project: TestProject, make: Maker) -> None:
    make(project)
    before = read_all(project)

    with pytest.raises(CorruptTable, match=f"format {LATER}"):
        rebuild_day(project.id, NUMBER)

    assert read_all(project) == before


@makers
def test_an_erasure_waits_for_a_release_that_knows_what_was_counted(
    store: None, make: Maker, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = make_project()
    make(project)
    before = read_all(project)
    erasure_id = ask_to_erase(project, USER)
    reach_everything(erasure_id)

    with pytest.raises(CorruptTable):
        finish_erasure(erasure_id)

    assert read_all(project) == before
    assert read_job(erasure_id)["step"] == "buckets"
    for known in ("TABLES_FORMAT", "FACTS_FORMAT"):
        monkeypatch.setattr(runs, known, LATER)  # the newer release
    assert finish_erasure(erasure_id)["step"] == "done"
    assert verify_day(project.id, NUMBER) == []


def test_an_old_bucket_of_a_later_release_forgets_nobody_yet(store: None) -> None:
    project = make_project(retention_days=30)
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=40)
    store_one(project, day)
    compact_summaries()
    collection(mongo.EVENTS).delete_many({})
    number = int(day.timestamp()) // 86_400
    collection(mongo.ROLLUP_DAYS).update_one({}, {"$set": {"buckets.0.0.v": LATER}})
    head = read_head(project.id, number)
    erasure_id = ask_to_erase(project, USER)
    reach_everything(erasure_id)

    with pytest.raises(CorruptTable):
        finish_erasure(erasure_id)

    assert read_head(project.id, number) == head
    assert read_job(erasure_id)["step"] == "old_buckets"


@makers
def test_verify_says_what_it_cannot_compare(project: TestProject, make: Maker) -> None:
    make(project)

    [found] = verify_day(project.id, NUMBER)

    assert (found.unit, found.raw) == ("day", "not compared")
    assert f"format {LATER}" in found.rollup


def test_verify_says_that_it_cannot_compare_a_month(project: TestProject) -> None:
    store_one(project)
    compact_summaries()
    build_days(quiet=NOW)
    build_months(quiet=NOW)
    months = collection(mongo.ROLLUP_MONTHS)
    months.update_one({"project": project.id}, {"$set": {"run.v": LATER}})
    [month] = months.find({"project": project.id})

    [found] = verify_month(project.id, month["month"])

    assert (found.unit, f"format {LATER}" in found.rollup) == ("month", True)


@makers
@pytest.mark.parametrize("path", ["/stats", "/stats/timeseries", "/stats/breakdown"])
def test_a_report_is_an_error_rather_than_less_than_everything(
    project: TestProject, make: Maker, path: str
) -> None:
    make(project)
    query: dict[str, Any] = {"start": "2026-03-05", "end": "2026-03-06"}
    query |= {"by": "path"} if path == "/stats/breakdown" else {}

    with pytest.raises(CorruptTable, match=f"format {LATER}"):
        Api(project.read_key).get(path, **query)

    assert Api(project.read_key).get(path, **query, exact="true").status_code == 200
    assert Api(make_project("Other").read_key).get(path, **query).status_code == 200
