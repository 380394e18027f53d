"""Segments that are cut hold the visits of their rows, whatever wrote them."""

import hashlib
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import combinations
from typing import Any

import duckdb
import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.events.ids import ms_of_datetime
from analytics.projects.models import Project
from analytics.projects.zones import ZoneChange, write_zones
from analytics.remembered import forget_everything
from columns import plan, rewrite, writer
from columns.cuts import SHARES, Box, count_rows, make_cut, read_cut
from columns.export import export_project
from columns.files.days import day_of
from columns.files.engine import read_files
from columns.files.layout import TYPES, VISIT_TYPES
from columns.forget import Forgotten, forget_in_next
from columns.merge import list_merges, merge_project
from columns.segments import Segment
from tests.columns.cuts.visits import find_visits
from tests.columns.folders import in_either_place, local_folder, make_local_folder
from tests.columns.segments import listed, read_rows, read_segment
from tests.conftest import TestProject, make_project
from tests.paths import GOLDEN
from tests.stored import ENRICHED, store_events

pytestmark = in_either_place

ZONE = "America/Havana"  # its clocks skip the midnight of the 8th of March 2026
DAY = datetime(2026, 3, 6, tzinfo=UTC)
NOW = DAY + timedelta(days=4, hours=12)
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)


@pytest.fixture
def havana(store: None) -> TestProject:
    return make_project(time_zone=ZONE)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if ten rows were many."""
    monkeypatch.setattr(plan, "MIN_ROWS", 10)
    monkeypatch.setattr(plan, "MAX_ROWS", 60)


def make_events(chance: random.Random, count: int, user: str | None = None) -> list[dict[str, Any]]:
    """Of a few people over some days, with all that can be of one."""
    return [
        {
            "path": f"/{chance.randrange(4)}",
            "timestamp": DAY + chance.choice((5 * HOUR, 29 * HOUR)) + chance.randrange(300) * MINUTE
            + chance.randrange(3) * 24 * HOUR,
            "event": chance.choice(("pageview", "pageview", "signup", "$engagement")),
            **({"userId": user} if user else {}),
            ENRICHED: {
                "visitor": chance.choice((None, *range(-(2**62), 2**62, 2**60))),
                "anonymous": chance.choice((None, None, 7 << 55)),
                "bot": chance.choice((None, None, None, "Googlebot")),
                "source": chance.choice((None, "Google", "Bing")),
                "country": chance.choice((None, "CU", "DE")),
            },
        }
        for _ in range(count)
    ]  # fmt: skip


def export(project: TestProject, events: list[dict[str, Any]]) -> None:
    store_events(project, events)
    export_project(project.id)


def merge_all(project: TestProject, now: datetime = NOW) -> None:
    while merge_project(project.id, now):
        pass


def make_late(project: TestProject) -> None:
    """As if all segments had been made before midnight."""
    made = {"$set": {"madeAt": DAY, "since": DAY}}
    collection(mongo.COLUMN_SEGMENTS).update_many({"project": project.id}, made)


def check_visits(project: TestProject, zone: str = ZONE) -> list[Segment]:
    """Compare those of all segments that are cut with the brute force's; which they are."""
    cut = [segment for segment in listed(project.id) if segment.cut]
    for segment in cut:
        rows = read_segment(segment)
        expected = find_visits(rows, lambda ms: day_of(ms, zone))
        for index, row in enumerate(rows):
            assert {name: row[name] for name in VISIT_TYPES} == expected[index]
    for one, other in combinations([segment.cut.box for segment in cut if segment.cut], 2):
        assert not one.overlaps(other)
    return cut


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(2))
def test_what_is_merged_has_the_visits_of_its_rows(
    havana: TestProject, small: None, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    chance = random.Random(seed)
    if seed % 2:  # a few rows at a time
        monkeypatch.setattr(writer, "_SORT_BYTES", 5_000)
    for _ in range(2):
        for _ in range(3):
            export(havana, make_events(chance, chance.randrange(1, 40)))
        if chance.random() < 0.5:
            make_late(havana)
        merge_all(havana)
        assert check_visits(havana)
    stored = collection(mongo.EVENTS).count_documents({"project": havana.id})
    ids = {row["id"] for row in read_rows(havana.id)}
    assert len(ids) == stored == sum(segment.rows for segment in listed(havana.id))
    make_late(havana)
    merge_all(havana)
    assert all(segment.holds_visits(ZONE) for segment in listed(havana.id))


def test_rows_of_a_cut_lie_by_local_day_then_person_then_time(
    havana: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(havana, make_events(random.Random(5), 60))
    monkeypatch.setattr(writer, "_SORT_BYTES", 10_000)

    merge_all(havana)

    [segment] = check_visits(havana)
    rows = [row for row in read_segment(segment) if row["visitor"] is not None]

    def owner_of(row: dict[str, Any]) -> int:
        owner: int = row["visitor"] if row["anonymous"] is None else row["anonymous"]
        return owner

    keys = [(day_of(row["timestamp"], ZONE), owner_of(row), row["timestamp"]) for row in rows]
    assert keys == sorted(keys)


def test_a_late_event_waits_in_a_segment_that_is_cut_for_no_days(
    havana: TestProject, small: None
) -> None:
    export(havana, make_events(random.Random(6), 50))
    merge_all(havana)
    before = check_visits(havana)
    export(havana, make_events(random.Random(7), 1))
    merge_all(havana)

    assert [segment.rows for segment in listed(havana.id) if not segment.cut] == [1]
    assert check_visits(havana) == before
    make_late(havana)
    assert [loose.project_id for loose in list_merges(NOW)] == [havana.id]
    merge_all(havana)
    assert all(segment.cut for segment in listed(havana.id))
    check_visits(havana)
    assert list_merges(NOW) == []


@pytest.mark.slow
def test_what_waits_goes_on_waiting_since_when_it_did(
    havana: TestProject, small: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is put together with others."""
    for share in ("OPEN_SHARE", "CLOSED_SHARE"):
        monkeypatch.setattr(plan, share, 1.0)  # so few events are worth no merge
    export(havana, make_events(random.Random(6), 60))
    make_late(havana)
    merge_all(havana)
    for seed in range(plan.MOST_LOOSE):
        export(havana, make_events(random.Random(seed), 1)[:1])
    oldest = min(segment.since for segment in listed(havana.id) if not segment.cut)
    merge_all(havana)

    loose = [segment for segment in listed(havana.id) if not segment.cut]
    assert [segment.since for segment in loose] == [oldest]


def forget_mallory(project: TestProject) -> None:
    last = max(row["place"] for row in read_rows(project.id))
    whom = Forgotten("erasure", "mallory", last)
    while forget_in_next(project.id, whom, lambda _: None):
        pass


def cut_horizon(project: TestProject) -> None:
    rewrite.cut_before(project.id, ms_of_datetime(DAY + 31 * HOUR))


def make_some_anew(project: TestProject) -> None:
    begin = ms_of_datetime(DAY + 30 * HOUR)
    rewrite.replace_range(project.id, begin, begin + 2 * 3_600_000)


@pytest.mark.slow
@pytest.mark.parametrize("rewrite_some", [forget_mallory, cut_horizon, make_some_anew])
@pytest.mark.parametrize("is_large", [False, pytest.param(True, marks=pytest.mark.nightly)])
def test_what_is_left_of_a_segment_has_the_visits_of_what_is_left(
    havana: TestProject,
    monkeypatch: pytest.MonkeyPatch,
    rewrite_some: Callable[[TestProject], None],
    is_large: bool,
) -> None:
    if is_large:
        monkeypatch.setattr(plan, "MAX_ROWS", 40)
        monkeypatch.setattr(plan, "MIN_ROWS", 10)
    export(havana, make_events(random.Random(8), 60))
    export(havana, make_events(random.Random(9), 60, "mallory"))
    merge_all(havana)
    before = {segment.id: segment for segment in check_visits(havana)}

    rewrite_some(havana)

    after = check_visits(havana)
    changed = [segment for segment in after if segment.id not in before]
    assert changed
    assert {segment.cut for segment in changed} <= {segment.cut for segment in before.values()}
    merge_all(havana)
    check_visits(havana)


def move(project: TestProject, zone: str) -> None:
    """As if the project's zone had been changed, and the change were in effect."""
    zones = (ZoneChange(0, 0, ZONE), ZoneChange(1, 1, zone))
    Project.objects.filter(pk=project.row.pk).update(zones=write_zones(zones))
    forget_everything()


@pytest.mark.slow
def test_another_zone_has_the_segments_cut_anew(havana: TestProject, small: None) -> None:
    export(havana, make_events(random.Random(10), 150))
    merge_all(havana)
    before = check_visits(havana)
    assert list_merges(NOW) == []

    move(havana, "Asia/Tokyo")

    assert not any(segment.holds_visits("Asia/Tokyo") for segment in before)
    assert [loose.project_id for loose in list_merges(NOW)] == [havana.id]
    rows = sorted(row["id"] for row in read_rows(havana.id))
    merge_all(havana)
    after = check_visits(havana, "Asia/Tokyo")
    assert after
    assert all(segment.holds_visits("Asia/Tokyo") for segment in after)
    assert not any(segment.holds_visits(ZONE) for segment in after)
    assert sorted(row["id"] for row in read_rows(havana.id)) == rows
    assert list_merges(NOW) == []


def test_a_zone_with_the_same_midnights_changes_nothing() -> None:
    berlin = make_cut(Box(20_000, 20_031), "Europe/Berlin")

    assert berlin.holds("Europe/Paris")
    assert not berlin.holds("Europe/London")


def test_where_the_rules_of_its_zone_are_others_since_a_rest_is_of_whatever_days(
    havana: TestProject,
) -> None:
    export(havana, make_events(random.Random(11), 30))
    merge_all(havana)
    other = {"$set": {"midnights": bytes(8)}}
    collection(mongo.COLUMN_SEGMENTS).update_many({"project": havana.id}, other)

    cut_horizon(havana)

    [segment] = listed(havana.id)
    assert segment.cut is None
    assert set(read_segment(segment)[0]) == set(TYPES)
    merge_all(havana)
    assert check_visits(havana)


def test_segments_of_the_first_format_are_loose_and_merged_anew(store: None) -> None:
    """The file in `golden/`, and what its release listed it with."""
    written = (GOLDEN / "segment-1.parquet").read_bytes()
    with duckdb.connect() as engine:
        told = engine.execute(
            "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)",
            [str(GOLDEN / "segment-1.parquet")],
        ).fetchall()
    said = dict(told)
    project = make_project(id=said["project"], time_zone=ZONE)
    key = project.id + bytes.fromhex(said["segment"])
    path = make_local_folder().path_of(key)
    path.parent.mkdir()
    path.write_bytes(written)
    document = {
        "_id": key, "project": project.id, "generation": 0, "from": 1_772_668_800_000,
        "to": 1_772_776_680_000, "days": [20_517, 20_518], "zone": None, "tz": None, "rows": 24,
        "bytes": len(written), "sum": hashlib.sha256(written).digest(), "v": 1, "madeAt": DAY,
    }  # fmt: skip
    collection(mongo.COLUMN_SEGMENTS).insert_one(document)
    [segment] = listed(project.id)
    assert (segment.cut, segment.holds_visits(ZONE)) == (None, False)
    assert [loose.project_id for loose in list_merges(NOW)] == [project.id]

    merge_all(project)

    [segment] = check_visits(project)
    assert (segment.rows, segment.version, segment.holds_visits(ZONE)) == (24, 2, True)


def test_a_column_that_a_file_lacks_is_an_error_and_never_null(havana: TestProject) -> None:
    export(havana, make_events(random.Random(13), 10))
    merge_all(havana)
    export(havana, make_events(random.Random(14), 1))
    folder = local_folder()
    segments = sorted(listed(havana.id), key=lambda segment: segment.cut is None)
    paths = [folder.path_of(segment.id) for segment in segments]
    with duckdb.connect() as engine:
        for files in (paths, paths[::-1]):
            named = ", ".join(f'"{name}"' for name in TYPES)
            found = engine.execute(f"SELECT {named} FROM {read_files(files)}").fetchall()
            assert len(found) == 11
            with pytest.raises(duckdb.Error):
                engine.execute(f'SELECT "visitStart" FROM {read_files(files)}').fetchall()


def test_a_row_of_nobody_lies_where_every_release_of_the_engine_finds_it() -> None:
    key = bytes(range(17))
    share = hashlib.md5(key).digest()[-1]
    with duckdb.connect() as engine:
        engine.execute(
            'CREATE TABLE events AS SELECT ?::BLOB AS id, 0::BIGINT AS "timestamp", '
            "NULL::BIGINT AS visitor, NULL::BIGINT AS anonymous",
            [key],
        )
        assert count_rows(engine, "events", (0, 0), "UTC") == {(0, share): 1}


def test_a_row_that_lies_outside_of_its_cut_is_never_left_out(havana: TestProject) -> None:
    export(havana, make_events(random.Random(15), 30))
    merge_all(havana)
    [segment] = check_visits(havana)
    assert segment.cut
    half = {"owners": list(Box(0, 0, 0, SHARES // 2 - 1).owners or ())}
    collection(mongo.COLUMN_SEGMENTS).update_one({"_id": segment.id}, {"$set": half})

    with pytest.raises(AssertionError):
        cut_horizon(havana)

    assert [each.id for each in listed(havana.id)] == [segment.id]


@pytest.mark.parametrize("low", [0, 17, 255])
def test_a_box_is_listed_as_it_is(low: int) -> None:
    for box in (Box(3, 4, low, 255), Box(3, 4, 0, low)):
        cut = make_cut(box, ZONE)
        assert read_cut(cut.days, box.owners, ZONE, cut.midnights) == cut
    assert Box(3, 4, 0, 127).owners == (-(2**63), -1)
    assert Box(3, 4).owners is None
