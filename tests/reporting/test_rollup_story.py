"""Random stories of storing, compacting, copying, rebuilding and dying: answers equal raw ones."""

import random
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.rollups import BOT, DIMENSIONS, EXACT_MAX, RELATIVE_ERROR
from analytics.rollups.calendar import month_of
from reporting.answers import Counts
from reporting.questions.bots import BOTS, Bots
from reporting.questions.fields import Field
from reporting.questions.query import BreakdownQuery, SeriesQuery, StatsQuery, Window
from reporting.questions.units import INTERVALS, list_boundaries
from reporting.raw.answer_source import RawAnswerSource
from reporting.rollups.answer_source import RollupAnswerSource
from tests.conftest import TestProject, make_project
from tests.drain.kill_points import resolve
from tests.stored import ENRICHED, Batch, store_events
from upkeep.rollups.compaction import compact_day, compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.rollups.runs import collect_garbage
from upkeep.verify.rebuild import rebuild_day
from upkeep.verify.verify import verify_day, verify_month

pytestmark = pytest.mark.slow

DAY = datetime(2026, 3, 27, tzinfo=UTC)  # two days before the clocks of Europe change
FIRST = int(DAY.timestamp()) // 86_400
NOW = timedelta(0)
FOUR_SIGMA = 2 * RELATIVE_ERROR
ZONES = ["UTC", "Europe/Berlin", "Asia/Kolkata", "Asia/Kathmandu", "America/New_York"]


class Died(BaseException):
    """What a process that is killed does not survive; nothing catches it."""


# Where a maintenance process may die: each just before and just after.
DEATHS = [
    "upkeep.rollups.runs.RunWriter.flush",
    "upkeep.rollups.runs.RunWriter.adopt",
    "upkeep.rollups.heads.DayChange.apply",
    "upkeep.rollups.copies._replace",
    "upkeep.rollups.copies._mark_month",
]


def make_batch(chance: random.Random) -> Batch:
    """Events of one to six days, some on the very border of a bucket, from few or many people.

    And from bots, in some batches: few runs know any.
    """
    people = chance.choice([3, 3, 3, 1_000])
    bots = chance.choice([0, 0, 0.3, 1])
    span = chance.choice([1, 60, 4 * 1_440, 6 * 1_440])
    batch = []
    for _ in range(chance.choice([1, 7, 40, 300 if people > 3 else 40])):
        moment = DAY + timedelta(minutes=chance.uniform(0, span))
        if chance.random() < 0.3:
            moment = moment.replace(minute=chance.choice([0, 15, 30]), second=0, microsecond=0)
        event: dict[str, Any] = {
            "timestamp": moment,
            "path": f"/{chance.randrange(4)}?utm_source=s{chance.randrange(2)}",
            "event": chance.choice(["pageview", "pageview", "signup"]),
        }
        if chance.random() < 0.7:
            event["userId"] = f"u{chance.randrange(people)}"
        event[ENRICHED] = {
            "hostname": chance.choice(["example.org", "example.net", None]),
            "bot": chance.choice(["Googlebot", "headless"]) if chance.random() < bots else None,
        }
        if "userId" not in event and chance.random() < 0.2:
            event[ENRICHED]["visitor"] = None
        batch.append(event)
    return batch


def step(name: str, project: TestProject, chance: random.Random) -> None:
    day = FIRST + chance.randrange(6)
    steps: dict[str, Callable[[], object]] = {
        "store": lambda: store_events(project, make_batch(chance)),
        "compact": compact_summaries,
        "compact a day": lambda: compact_day(project.id, day),
        "copy days": lambda: build_days(quiet=NOW),
        "copy months": lambda: build_months(quiet=NOW),
        "rebuild": lambda: rebuild_day(project.id, day),
        "collect": collect_due,
    }
    steps[name]()


def collect_due() -> None:
    collection(mongo.ROLLUP_GARBAGE).update_many({}, {"$set": {"dueAt": DAY}})
    collect_garbage()


def die_in(name: str, project: TestProject, chance: random.Random) -> None:
    """Do a step, and die where `chance` says, if the step comes there."""
    owner, function = resolve(chance.choice(DEATHS))
    original, is_after = getattr(owner, function), chance.random() < 0.5

    def die(*args: Any, **kwargs: Any) -> None:
        if is_after:
            original(*args, **kwargs)
        raise Died

    with patch.object(owner, function, die), suppress(Died):
        step(name, project, chance)


def make_window(chance: random.Random) -> Window:
    """Ends on a day, on a bucket, or anywhere."""
    ends = []
    for _ in range(2):
        moment = DAY + timedelta(minutes=chance.uniform(-60, 6 * 1_440))
        moment = moment.replace(second=0, microsecond=chance.choice([0, 1_000]))
        if chance.random() < 0.5:
            moment = moment.replace(minute=chance.choice([0, 15]), microsecond=0)
        if chance.random() < 0.3:
            moment = moment.replace(hour=0, minute=0, microsecond=0)
        ends.append(moment)
    return Window(min(ends), max(ends) + timedelta(milliseconds=1))


def assert_answers_equal(project: TestProject, chance: random.Random) -> None:
    window, field = make_window(chance), Field(chance.choice((*DIMENSIONS, BOT)))
    bots: Bots = chance.choice(list(BOTS.values()))
    of: Any = {"project": project.id, "window": window, "bots": bots}
    stats = StatsQuery(**of, group_by=field, limit=100)
    rows = BreakdownQuery(**of, by=field, limit=100)
    assert window.start and window.end
    zone, interval = ZoneInfo(chance.choice(ZONES)), chance.choice(INTERVALS)
    boundaries = tuple(list_boundaries(window.start, window.end, interval, zone))
    series = SeriesQuery(**of, interval=interval, timezone=zone, boundaries=boundaries)
    ours, raw = RollupAnswerSource(), RawAnswerSource()

    left, right = ours.answer_stats(stats), raw.answer_stats(stats)
    assert left.top_paths == right.top_paths
    assert_near([left.totals], [right.totals])
    assert_near(
        [replace(group.counts, visitors=0) for group in left.groups or ()],
        [replace(group.counts, visitors=0) for group in right.groups or ()],
    )
    page, counted = ours.answer_breakdown(rows), raw.answer_breakdown(rows)
    assert [row.value for row in page.rows] == [row.value for row in counted.rows]
    assert (page.total, page.whole) == (counted.total, counted.whole)
    assert_near([row.counts for row in page.rows], [row.counts for row in counted.rows])
    assert_near(ours.answer_series(series).points, raw.answer_series(series).points)


def assert_near(counted: Sequence[Counts], expected: Sequence[Counts]) -> None:
    """Views and events are equal; people too while they are few, then at four sigma at most."""
    assert [(c.views, c.events) for c in counted] == [(c.views, c.events) for c in expected]
    for left, right in zip(counted, expected, strict=True):
        for ours, true in ((left.users, right.users), (left.visitors, right.visitors)):
            assert ours == true or (true > EXACT_MAX and abs(ours - true) <= FOUR_SIGMA * true)


steps_of_a_story = st.tuples(
    st.sampled_from(
        ["store", "store", "compact", "compact", "compact a day", "copy days", "copy days",
         "copy months", "rebuild", "collect"]
    ),
    st.sampled_from([False, False, True]),
)  # fmt: skip


@settings(max_examples=8)
@given(st.lists(steps_of_a_story, min_size=4, max_size=16), st.integers(0, 2**32))
def test_whatever_happens_in_whatever_order_the_rollups_equal_the_raw_events(
    store: None, story: list[tuple[str, bool]], seed: int
) -> None:
    project, chance = make_project(), random.Random(seed)
    step("store", project, chance)
    for name, dies in story:
        (die_in if dies and name != "store" else step)(name, project, chance)
        assert_answers_equal(project, chance)
    for day in range(FIRST, FIRST + 7):
        assert verify_day(project.id, day) == []
    for month in {month_of(FIRST), month_of(FIRST + 6)}:
        assert verify_month(project.id, month) == []
