"""Erasing a user from rollups whose raw events are gone: exact sets forget, counts stay."""

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from analytics.databases.mongo import EVENTS, collection
from analytics.rollups import EXACT_MAX, Table, hash_user, summarize
from tests.conftest import Api, TestProject, make_project
from tests.stored import store_events
from tests.upkeep.erasure.erasures import erase
from tests.upkeep.erasure.test_erasure import MALLORY, visits
from upkeep.erasure import buckets as forgetting
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months

NOW = timedelta(0)


@pytest.fixture
def brief(store: None) -> TestProject:
    """A project that keeps its raw events for 30 days."""
    return make_project("Brief", retention_days=30)


def days_ago(days: int) -> datetime:
    midnight = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=days)


def compact_and_expire() -> None:
    """Rollups of everything, and no raw event left."""
    compact_summaries()
    build_days(quiet=NOW)
    build_months(quiet=NOW)
    collection(EVENTS).delete_many({})


def read_day(project: TestProject, day: datetime) -> tuple[int, int, int]:
    query = {"start": day.isoformat(), "end": (day + timedelta(days=1)).isoformat()}
    answer: Any = Api(project.read_key).get("/stats", **query).json()
    return answer["totalViews"], answer["uniqueUsers"], answer["visitors"]


def test_exact_sets_forget_the_user_and_counts_stay(
    brief: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(forgetting, "OLD_DAYS", 2)
    days = [days_ago(n) for n in range(40, 45)]
    for day in days:
        store_events(brief, visits(MALLORY, [day] * 2) + visits("alice", [day]))
    compact_and_expire()
    assert [read_day(brief, day) for day in days] == [(3, 2, 2)] * 5

    counts = erase(brief, MALLORY)

    assert (counts["events"], counts["sketchedBuckets"]) == (0, 0)
    assert counts["exactSets"] > 0
    assert [read_day(brief, day) for day in days] == [(3, 1, 1)] * 5
    build_days(quiet=NOW)
    build_months(quiet=NOW)
    assert [read_day(brief, day) for day in days] == [(3, 1, 1)] * 5
    assert erase(brief, MALLORY)["exactSets"] == 0


def test_events_that_have_not_expired_yet_are_erased_and_their_old_buckets_forget(
    brief: TestProject,
) -> None:
    day = days_ago(40)
    store_events(brief, visits(MALLORY, [day] * 2) + visits("alice", [day]))
    compact_summaries()

    counts = erase(brief, MALLORY)

    assert (counts["events"], counts["buckets"]) == (2, 0)
    assert read_day(brief, day) == (3, 1, 1)


def test_a_sketch_cannot_forget_and_is_told(brief: TestProject) -> None:
    day = days_ago(40)
    crowd = [visits(f"user-{n}", [day])[0] for n in range(EXACT_MAX + 10)]
    store_events(brief, [*crowd, *visits(MALLORY, [day], path="/rare")])
    compact_and_expire()

    counts = erase(brief, MALLORY)

    assert counts["sketchedBuckets"] == 1
    # The row of the path that few saw is exact.
    assert counts["exactSets"] >= 2


def test_recent_rollups_of_other_users_are_left_alone(brief: TestProject) -> None:
    day = days_ago(3)
    store_events(brief, visits("alice", [day]))
    compact_summaries()

    assert set(erase(brief, MALLORY).values()) == {0}
    assert read_day(brief, day) == (1, 1, 1)


def test_a_column_without_a_member_counts_the_others() -> None:
    project = b"12345678"
    moment = datetime(2026, 3, 5, tzinfo=UTC)
    events = [
        {"timestamp": moment, "event": "pageview", "path": path, "userId": user, "visitor": 1}
        for path, user in (("/a", "x"), ("/a", "y"), ("/b", "y"), ("/c", "z"))
    ]
    table = Table.decode_all(summarize(project, events)[moment]["path"])
    assert table.users is not None

    left = table.users.without(hash_user(project, "y"))

    assert sorted(left.sizes.tolist()) == [0, 1, 1]
    assert set(left.members.tolist()) == {hash_user(project, user) for user in ("x", "z")}
    assert np.array_equal(left.without(7).members, left.members)
