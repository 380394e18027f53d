"""Answers from rollups: equal to those from raw events, for every window and every mixture."""

import os
import random
from dataclasses import replace
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.rollups import BOT, DIMENSIONS, RELATIVE_ERROR, CorruptTable
from reporting.answers import AnswerSource, Row, StatsAnswer
from reporting.questions.bots import BOTS, Bots
from reporting.questions.fields import PATH, Field
from reporting.questions.query import BreakdownQuery, SeriesQuery, StatsQuery, Window
from reporting.questions.units import INTERVALS, list_boundaries
from reporting.raw.answer_source import RawAnswerSource
from reporting.rollups.answer_source import RollupAnswerSource
from reporting.snapshot import Snapshot
from tests import stored
from tests.conftest import Api, TestProject, make_project
from tests.reporting.rollup_builder import (
    Events,
    Mixture,
    store_events,
    store_rollups,
    store_summaries,
)
from upkeep.rollups.compaction import compact_summaries
from upkeep.rollups.copies import build_days, build_months
from upkeep.rollups.runs import collect_garbage

pytestmark = [pytest.mark.usefixtures("store"), pytest.mark.slow]


BUCKET = timedelta(minutes=15)
TICK = timedelta(milliseconds=1)
HOUR = timedelta(hours=1)
NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
BUCKETS_ONLY = Mixture(clean_days=0, outdated_days=0, valid_months=0, outdated_months=0)
COPIES_ONLY = Mixture(summaries=0, clean_days=1, valid_months=0.5)

several = settings(max_examples=25)

# Around the ends of months and of a year, and days on which clocks change.
MOMENTS = [
    datetime(2026, 2, 28, 20, tzinfo=UTC),
    datetime(2025, 12, 31, 23, 50, tzinfo=UTC),
    datetime(2026, 3, 29, 0, 30, tzinfo=UTC),
    datetime(2026, 4, 4, 14, 10, tzinfo=UTC),
]
SPREADS = [timedelta(minutes=20), timedelta(hours=6), timedelta(days=3), timedelta(days=70)]
RULES: list[Bots] = list(BOTS.values())
ZONES = ["UTC", "Europe/Berlin", "Australia/Lord_Howe", "Asia/Kathmandu", "America/St_Johns"]


def make_events(chance: random.Random, count: int) -> Events:
    middle, spread = chance.choice(MOMENTS), chance.choice(SPREADS)
    events = []
    for _ in range(count):
        moment = middle + spread * chance.uniform(-1, 1)
        moment = moment.replace(microsecond=moment.microsecond // 1000 * 1000)
        if chance.random() < 0.2:
            moment = floor(moment, chance.choice([BUCKET, timedelta(days=1)]))
            moment += chance.choice([-1, 0, 1]) * TICK
        event: dict[str, Any] = {
            "timestamp": moment,
            "path": f"/{chance.choice(['', 'a', 'é', '日', chr(0x1F600)])}{chance.randrange(3)}",
            "event": chance.choice(["pageview", "pageview", "pageview", "signup"]),
            "visitor": chance.randrange(9),
        }
        if chance.random() < 0.5:
            event["userId"] = f"u{chance.randrange(9)}"
        for name in DIMENSIONS[2:]:
            if chance.random() < 0.4:
                event[name] = chance.choice(["", "x", "y", "Ü"])
        if chance.random() < 0.2:
            event[BOT] = chance.choice(["Googlebot", "headless", "x"])
        if "userId" not in event and chance.random() < 0.1:
            event["visitor"] = None
        events.append(event)
    return events


def make_window(chance: random.Random, events: Events, *, bounded: bool = False) -> Window:
    def moment() -> datetime:
        found: datetime = chance.choice(events)["timestamp"]
        match chance.randrange(5):
            case 0:
                return found + chance.choice([-1, 0, 1]) * TICK
            case 1:
                return floor(found, BUCKET) + chance.choice([-1, 0, 1]) * BUCKET
            case 2:
                return floor(found, timedelta(days=1)) + chance.choice([-1, 0, 1, 31]) * (
                    timedelta(days=1)
                )
            case 3:
                return found.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            case _:
                return found + TICK * chance.randrange(-(10**7), 10**7)

    start, end = sorted([moment(), moment()])
    window = Window(start, max(end, start + TICK * chance.choice([1, 10**6])))
    if bounded:
        return window
    return Window(
        chance.choice([window.start, window.start, None]),
        chance.choice([window.end, window.end, None]),
    )


def floor(moment: datetime, step: timedelta) -> datetime:
    return moment - (moment - datetime(1970, 1, 1, tzinfo=UTC)) % step


def make_series(
    project: bytes, window: Window, interval: Any, zone: tzinfo, bots: Bots = "included"
) -> SeriesQuery:
    assert window.start and window.end
    boundaries = tuple(list_boundaries(window.start, window.end, interval, zone))
    return SeriesQuery(
        project=project,
        window=window,
        interval=interval,
        timezone=zone,
        boundaries=boundaries,
        bots=bots,
    )


def assert_same(left: Any, right: Any) -> None:
    """Everything but where the answers come from."""
    assert replace(left, provenance=right.provenance) == right


def ask_stats(source: AnswerSource, query: StatsQuery) -> StatsAnswer:
    """The answer as it is shown: of groups, only users are."""
    answer = source.answer_stats(query)
    groups = [Row(row.value, replace(row.counts, visitors=0)) for row in answer.groups or ()]
    return replace(answer, groups=groups)


@several
@given(
    seed=st.integers(0, 2**32),
    count=st.integers(1, 60),
    mixture=st.sampled_from([Mixture(), BUCKETS_ONLY, COPIES_ONLY]),
)
def test_rollups_answer_what_raw_events_do(seed: int, count: int, mixture: Mixture) -> None:
    chance, project = random.Random(seed), os.urandom(8)
    events = store_events(project, make_events(chance, count))
    store_rollups(project, events, chance, mixture)
    rollups, raw = RollupAnswerSource(), RawAnswerSource()

    for _ in range(2):
        window = make_window(chance, events)
        field, bots = Field(chance.choice((*DIMENSIONS, BOT))), chance.choice(RULES)
        stats = StatsQuery(
            project=project,
            window=window,
            bots=bots,
            limit=chance.choice([1, 3, 100]),
            group_by=chance.choice([None, field]),
        )
        assert_same(ask_stats(rollups, stats), ask_stats(raw, stats))
        page = BreakdownQuery(
            project=project,
            window=window,
            bots=bots,
            by=field,
            limit=chance.choice([1, 2, 100]),
            offset=chance.choice([0, 0, 1, 3, 100]),
        )
        assert_same(rollups.answer_breakdown(page), raw.answer_breakdown(page))
    zone, interval = ZoneInfo(chance.choice(ZONES)), chance.choice(INTERVALS)
    window = make_window(chance, events, bounded=True)
    for bots in RULES:  # of one what is remembered must not answer for another
        series = make_series(project, window, interval, zone, bots)
        assert_same(rollups.answer_series(series), raw.answer_series(series))


def test_every_dimension_has_groups(store: None) -> None:
    chance, project = random.Random(3), os.urandom(8)
    events = store_events(project, make_events(chance, 200))
    store_rollups(project, events, chance)

    for name in (*DIMENSIONS, BOT):
        query = StatsQuery(project=project, group_by=Field(name), limit=3)
        answer = ask_stats(RollupAnswerSource(), query)
        assert answer.groups
        assert_same(answer, ask_stats(RawAnswerSource(), query))


@pytest.mark.parametrize(
    ("compacted_before", "moment"),
    [(False, 1), (False, 2), (True, 1), (True, 2), (True, 4), (True, 6)],
)
def test_an_answer_sees_one_moment_across_a_compaction(
    project: TestProject, monkeypatch: pytest.MonkeyPatch, compacted_before: bool, moment: int
) -> None:
    chance = random.Random(moment)
    events = make_events(chance, 12)
    spread = [event | {"timestamp": NOON + 7 * HOUR * n} for n, event in enumerate(events)]
    first = store_events(project.id, spread)
    store_summaries(project.id, first)
    if compacted_before:
        compact_everything()
        store_summaries(project.id, store_events(project.id, spread[:5]))
    query = StatsQuery(
        project=project.id,
        window=Window(NOON + timedelta(minutes=1), NOON + timedelta(days=9, minutes=8)),
        group_by=Field("country"),
    )
    expected = ask_stats(RawAnswerSource(), query)
    reads = 0
    find = Snapshot.find

    def interrupt(self: Snapshot, *args: Any) -> Any:
        nonlocal reads
        found = list(find(self, *args))
        reads += 1
        if reads == moment:
            store_summaries(project.id, store_events(project.id, spread))
            compact_everything()
        return iter(found)

    monkeypatch.setattr(Snapshot, "find", interrupt)

    assert_same(ask_stats(RollupAnswerSource(), query), expected)

    monkeypatch.undo()
    assert reads >= moment
    assert_same(ask_stats(RollupAnswerSource(), query), ask_stats(RawAnswerSource(), query))


def compact_everything() -> None:
    while compact_summaries():
        pass
    build_days(quiet=timedelta())
    build_months(quiet=timedelta())
    collection(mongo.ROLLUP_GARBAGE).update_many({}, {"$set": {"dueAt": NOON}})
    collect_garbage()


def test_what_the_drain_stored_is_answered_from_rollups(project: TestProject, read: Api) -> None:
    now = datetime.now(UTC)
    wire = [
        {"path": f"/{n % 7}", "userId": f"u{n % 5}", "timestamp": now - timedelta(hours=27 * n)}
        for n in range(40)
    ]
    stored.store_events(project, wire[:20])
    compact_everything()
    stored.store_events(project, wire[20:])
    start = {"start": (now - timedelta(days=40, minutes=7)).isoformat()}

    for path, query in (
        ("/stats", {"groupBy": "path"} | start),
        ("/stats/breakdown", {"by": "path"} | start),
        ("/stats/timeseries", {"end": now.isoformat(), "timezone": "Asia/Kathmandu"} | start),
    ):
        answer, raw = (get(read, path, **query, **exact) for exact in ({}, {"exact": "true"}))
        assert (answer["meta"].pop("source"), raw["meta"].pop("source")) == ("mixed", "raw")
        assert answer["meta"]["uniques"] == raw["meta"]["uniques"]
        del answer["meta"], raw["meta"]
        assert answer == raw


def test_two_projects_with_rollups_never_see_each_other(
    project: TestProject, other_project: TestProject, read: Api
) -> None:
    for owner, path in ((project, "/mine"), (other_project, "/theirs")):
        days = [{"path": path, "timestamp": NOON + timedelta(days=n)} for n in range(40)]
        store_rollups(owner.id, store_events(owner.id, days), random.Random(1))

    stats = get(read, "/stats", groupBy="path", start="2026-03-10T12:00:00.001Z")
    rows = get(read, "/stats/breakdown", by="path")

    assert (stats["totalViews"], stats["visitors"]) == (39, 1)
    assert stats["topPaths"] == [{"path": "/mine", "count": 39}]
    assert [group["value"] for group in stats["groups"]] == ["/mine"]
    assert [(row["value"], row["views"]) for row in rows["results"]] == [("/mine", 40)]


@pytest.mark.parametrize(
    ("query", "source"),
    [
        ({}, "rollup"),
        ({"start": "2026-03-10", "end": "2026-03-10T12:45:00Z"}, "rollup"),
        ({"start": "2026-03-10", "end": "2026-03-10T12:45:01Z"}, "mixed"),
        ({"start": "2026-03-10T12:31:00Z", "end": "2026-03-10T12:44:00Z"}, "raw"),
        ({"filter": "path:is:/"}, "columns"),
        ({"exact": "true"}, "raw"),
        ({"groupBy": "country"}, "rollup"),
        ({"groupBy": "userId"}, "columns"),
        ({"groupBy": "sessionId"}, "columns"),
        ({"groupBy": "properties.plan"}, "columns"),
    ],
)
def test_the_answer_tells_its_source(read: Api, query: dict[str, str], source: str) -> None:
    assert get(read, "/stats", **query)["meta"]["source"] == source


def test_an_hour_that_begins_within_a_bucket_is_counted_from_columns(
    project: TestProject, read: Api
) -> None:
    store_events(project.id, [{"timestamp": datetime(2010, 3, 14, 3, 30, 30, tzinfo=UTC)}])
    day = {"start": "2010-03-14", "end": "2010-03-15", "timezone": "America/St_Johns"}

    body = get(read, "/stats/timeseries", interval="hour", **day)  # clocks changed at 00:01

    assert [point["views"] for point in body["series"][:3]] == [1, 0, 0]
    assert body["meta"]["source"] == "columns"


def test_people_beyond_an_exact_set_are_counted_within_the_stated_error(read: Api) -> None:
    project, people = b"people!!", 2_000
    events = [
        {"timestamp": NOON + timedelta(minutes=n % 600), "userId": f"u{n}", "country": "NP"}
        for n in range(people)
    ]
    store_rollups(project, store_events(project, events), random.Random(1))

    answer = RollupAnswerSource().answer_stats(
        StatsQuery(project=project, group_by=Field("country"))
    )

    assert (answer.totals.views, answer.totals.events) == (people, people)
    assert answer.groups is not None
    for count in (answer.totals.users, answer.totals.visitors, answer.groups[0].counts.users):
        assert count == pytest.approx(people, rel=RELATIVE_ERROR)
    assert (answer.provenance.method, answer.provenance.error) == ("hll", RELATIVE_ERROR)


def test_a_list_of_more_values_than_a_piece_holds_is_paged_in_order(store: None) -> None:
    project, count = os.urandom(8), 12_000
    paths = [{"timestamp": NOON, "path": f"/{n}/{'x' * 40}", "visitor": n} for n in range(count)]
    twice = paths[: count // 2]
    store_rollups(project, store_events(project, paths + twice), random.Random(1), COPIES_ONLY)
    expected = sorted(str(path["path"]) for path in twice)
    expected += sorted(str(path["path"]) for path in paths[count // 2 :])

    for offset in (0, 5_990, 11_999):
        query = BreakdownQuery(project=project, by=PATH, limit=20, offset=offset)
        answer = RollupAnswerSource().answer_breakdown(query)
        assert [row.value for row in answer.rows] == expected[offset : offset + 20]
        assert all(row.counts.visitors == 1 for row in answer.rows)
        assert (answer.total, answer.whole) == (count, count * 3 // 2)


def test_a_missing_piece_is_an_error_and_never_a_smaller_number(store: None) -> None:
    project = os.urandom(8)
    events = store_events(project, [{"timestamp": NOON, "path": f"/{n}"} for n in range(5)])
    store_rollups(project, events, random.Random(1), COPIES_ONLY)
    collection(mongo.ROLLUP_CHUNKS).delete_many({})

    with pytest.raises(CorruptTable):
        RollupAnswerSource().answer_stats(StatsQuery(project=project))


@pytest.fixture
def short_memory(store: None) -> TestProject:
    """A project that keeps raw events for ten days."""
    return make_project("Short", retention_days=10)


RAW_ONLY: list[tuple[str, dict[str, str]]] = [
    ("/stats", {"filter": "path:is:/"}),
    ("/stats", {"exact": "true"}),
    ("/stats", {"groupBy": "userId"}),
    ("/stats/breakdown", {"by": "userId"}),
    ("/stats/timeseries", {"filter": "path:is:/"}),
]


@pytest.mark.parametrize(("path", "query"), RAW_ONLY)
def test_raw_events_from_before_the_horizon_are_refused(
    short_memory: TestProject, path: str, query: dict[str, str]
) -> None:
    api, now = Api(short_memory.read_key), datetime.now(UTC)
    window = {"end": now.isoformat()}

    def ask(**start: str) -> Any:
        return api.get(path, **query, **window, **start)

    assert ask(start=(now - timedelta(days=9)).isoformat()).status_code == 200
    old = [ask(start=(now - timedelta(days=11)).isoformat())]
    old += [ask()] if path != "/stats/timeseries" else []
    for answer in old:
        assert (answer.status_code, answer.json()["code"]) == (400, "raw_expired")
    assert api.get("/stats/realtime").status_code == 200


def test_edges_from_before_the_horizon_are_widened_and_told(short_memory: TestProject) -> None:
    api = Api(short_memory.read_key)
    bucket = floor(datetime.now(UTC) - timedelta(days=20), BUCKET)
    kept = [{"timestamp": bucket}, {"timestamp": bucket + BUCKET * 3}]
    store_summaries(short_memory.id, store_events(short_memory.id, kept))
    collection(mongo.EVENTS).delete_many({})  # as retention does, in the end

    def ask(path: str, start: timedelta, end: timedelta, **query: str) -> Any:
        window = {"start": (bucket + start).isoformat(), "end": (bucket + end).isoformat()}
        return get(api, path, **window, **query)

    counted = {
        "start": bucket.isoformat().replace("+00:00", "Z"),
        "end": (bucket + BUCKET * 4).isoformat().replace("+00:00", "Z"),
    }
    minute = timedelta(minutes=1)
    wide = [
        ask("/stats", minute, BUCKET * 3 + minute),
        ask("/stats/breakdown", minute, BUCKET * 3 + minute, by="path"),
        ask("/stats/timeseries", minute, BUCKET * 3 + minute),
    ]
    for body in wide:
        assert (body["meta"]["window"], body["meta"]["source"]) == (counted, "rollup")
    assert wide[0]["totalViews"] == wide[1]["results"][0]["views"] == 2
    assert sum(point["views"] for point in wide[2]["series"]) == 2
    whole = ask("/stats", BUCKET, BUCKET * 4)
    assert (whole["totalViews"], "window" in whole["meta"]) == (1, False)


def get(api: Api, path: str, **query: Any) -> Any:
    answer = api.get(path, **query)
    assert answer.status_code == 200, answer.content
    return answer.json()
