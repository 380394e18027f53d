"""Recounting, rebuilding, copying and erasing know bots, hostnames and events of nobody."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.rollups import BOTS_DAY_PARTS, BOTS_TOTAL, counts_pieces, has_bots
from analytics.rollups.calendar import month_of
from tests.conftest import Api, TestProject, make_project
from tests.stored import ENRICHED, store_events
from tests.upkeep.erasure.erasures import erase
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.rollups.heads import read_head
from upkeep.verify.rebuild import rebuild_day
from upkeep.verify.verify import verify_day, verify_month

pytestmark = pytest.mark.slow

NOW = timedelta(0)
DAY = datetime(2026, 3, 5, tzinfo=UTC)
NUMBER = int(DAY.timestamp()) // 86_400
MALLORY = "mallory@example.com"

Event = dict[str, Any]


def event(minutes: int, day: datetime = DAY, user: str | None = None, **enriched: Any) -> Event:
    made: Event = {"timestamp": day + timedelta(minutes=minutes), "path": f"/{minutes % 3}"}
    return made | ({"userId": user} if user else {}) | {ENRICHED: enriched}


def mixed_events(day: datetime = DAY) -> list[Event]:
    """People, bots and nobody in one bucket, people alone in another, bots alone in a third."""
    return [
        event(1, day, user="alice", hostname="example.org"),
        event(2, day, visitor=None),
        event(3, day, bot="GPTBot", hostname="example.org"),
        event(4, day, bot="headless", user=MALLORY),
        event(61, day, hostname="example.net"),
        event(121, day, bot="Googlebot"),
        event(122, day, bot="Googlebot", visitor=None),
    ]


def compact() -> None:
    while compact_summaries():
        pass


def copy() -> None:
    build_days(quiet=NOW)
    build_months(quiet=NOW)


def count(project: TestProject, bots: str, **query: Any) -> tuple[int, int, int]:
    answer: Any = Api(project.read_key).get("/stats", bots=bots, **query).json()
    return answer["totalViews"], answer["uniqueUsers"], answer["visitors"]


def test_bots_stay_apart_through_compaction_copies_and_rebuilding(project: TestProject) -> None:
    expected = {"false": (3, 1, 2), "only": (4, 1, 2), "true": (7, 2, 3)}
    for found in mixed_events():
        store_events(project, [found])

    for step in (None, compact, copy, lambda: rebuild_day(project.id, NUMBER), copy):
        if step:
            step()
        assert verify_day(project.id, NUMBER) == []
        assert verify_month(project.id, month_of(NUMBER)) == []
        for bots, counts in expected.items():
            assert count(project, bots) == count(project, bots, exact="true") == counts
    assert rebuild_day(project.id, NUMBER) == 7
    head = read_head(project.id, NUMBER)
    assert [has_bots(run) for slot in (0, 4, 8) for run in head.buckets[slot]] == [
        True, False, True,
    ]  # fmt: skip


@pytest.mark.parametrize("table", [BOTS_TOTAL, BOTS_DAY_PARTS, "bots_path", "bots_bot"])
def test_verify_finds_what_is_wrong_with_bots(project: TestProject, table: str) -> None:
    store_events(project, mixed_events())
    compact()
    copy()
    head = read_head(project.id, NUMBER)
    assert head.whole and verify_day(project.id, NUMBER) == []
    [piece] = counts_pieces(head.whole["run"], table)
    chunks = collection(mongo.ROLLUP_CHUNKS)
    found: Any = chunks.find_one({"_id": piece})
    wrong = bytes(len(found["t"][table]["v"]))

    chunks.update_one({"_id": piece}, {"$set": {f"t.{table}.v": wrong}})

    assert [(one.unit, one.dimension) for one in verify_day(project.id, NUMBER)] == [("day", table)]


def test_a_user_that_was_a_bot_is_erased_from_recent_rollups(project: TestProject) -> None:
    store_events(project, mixed_events())
    compact()
    copy()

    assert erase(project, MALLORY)["events"] == 1

    assert verify_day(project.id, NUMBER) == []
    for exact in ("false", "true"):
        assert count(project, "only", exact=exact) == (3, 0, 1)
        assert count(project, "false", exact=exact) == (3, 1, 2)


def test_a_user_that_was_a_bot_is_erased_from_rollups_whose_events_are_gone(store: None) -> None:
    project = make_project(retention_days=30)
    day = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) - timedelta(days=40)
    # Of a bucket of bots alone too, whose total of people knows nobody.
    store_events(project, [*mixed_events(day), event(200, day, bot="headless", user=MALLORY)])
    compact()
    copy()
    collection(mongo.EVENTS).delete_many({"project": project.id})
    window = {"start": day.isoformat(), "end": (day + timedelta(days=1)).isoformat()}
    assert count(project, "only", **window) == (5, 1, 2)

    counts = erase(project, MALLORY)

    assert counts["exactSets"] > 0
    assert count(project, "only", **window) == (5, 0, 1)
    assert count(project, "false", **window) == (3, 1, 2)
    copy()
    assert count(project, "only", **window) == (5, 0, 1)
    assert erase(project, MALLORY)["exactSets"] == 0
