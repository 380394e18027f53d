"""Segments are merged: every row stays, once, cut by the project's local days."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict
from columns import merge, plan, writer
from columns.export import export_project
from columns.files.folder import find_folder
from columns.files.layout import TYPES
from columns.garbage import collect_files
from columns.merge import list_merges, merge_project
from columns.segments import (
    DamagedSegment,
    Segment,
    list_segments,
    read_head,
)
from tests.columns.dying import POINTS
from tests.columns.folders import in_either_place, list_files, read_file, write_file
from tests.conftest import TestProject, make_project
from tests.mortals import start_mortals
from tests.stored import ENRICHED, store_events
from tests.workers import wait_until

pytestmark = in_either_place

NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)
FEW, MANY = 10, 100
DAY = timedelta(days=1)


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if ten rows were many."""
    monkeypatch.setattr(plan, "MIN_ROWS", FEW)
    monkeypatch.setattr(plan, "MAX_ROWS", MANY)


def add_segment(project: TestProject, rows: int, moment: datetime = NOW, **enriched: Any) -> None:
    """A fresh segment of so many events, a second apart."""
    events = [
        {"timestamp": moment + timedelta(seconds=n), "path": f"/{n}", "userId": f"u{n % 50}"}
        | ({ENRICHED: enriched} if enriched else {})
        for n in range(rows)
    ]
    store_events(project, events)
    assert export_project(project.id) == rows


def segments_of(project: TestProject) -> list[Segment]:
    return list_segments(read_head(project.id))


def read_rows(*segments: Segment) -> list[tuple[Any, ...]]:
    files = [str(find_folder().bring(segment)) for segment in segments]
    names = ", ".join(f'"{name}"' for name in TYPES)
    with duckdb.connect() as engine:
        return engine.execute(
            f'SELECT {names} FROM read_parquet(?, hive_partitioning = false) ORDER BY "id"', [files]
        ).fetchall()


def check_folder_of(project: TestProject) -> None:
    """Nothing is in the folder but what is listed, once what is due is collected."""
    collection(mongo.COLUMN_GARBAGE).update_many({}, {"$set": {"dueAt": NOW - 99 * DAY}})
    collect_files()
    found = {found for found in list_files() if found.startswith(project.id)}
    assert found == {segment.id for segment in segments_of(project)}
    assert collection(mongo.COLUMN_GARBAGE).count_documents({}) == 0


def test_a_small_project_has_one_segment_afterwards(project: TestProject) -> None:
    for n in range(5):
        add_segment(project, 4, NOW - n * 20 * DAY)
    before = read_rows(*segments_of(project))

    assert merge_project(project.id, NOW) == 5

    [segment] = segments_of(project)
    assert segment.rows == 20
    assert segment.days == ((NOW - 80 * DAY).toordinal() - 719_163, NOW.toordinal() - 719_163)
    assert read_rows(segment) == before
    assert merge_project(project.id, NOW) == 0
    check_folder_of(project)


@pytest.mark.parametrize("zone", ["Europe/Berlin", "Asia/Kathmandu", "America/Havana"])
def test_segments_are_cut_at_the_local_midnights_of_the_project(
    store: None, small: None, zone: str
) -> None:
    """Among them those of a night in which the clocks change, in Havana at midnight itself."""
    project = make_project(time_zone=zone)
    for hours in range(0, 72, 6):
        add_segment(project, 24, datetime(2026, 3, 7, tzinfo=UTC) + timedelta(hours=hours))
    before = read_rows(*segments_of(project))

    while merge_project(project.id, datetime(2026, 3, 20, tzinfo=UTC)):
        pass

    found = segments_of(project)
    assert len(found) > 2
    assert read_rows(*found) == before
    for segment in found:
        first, last = (
            datetime.fromtimestamp(ms / 1000, ZoneInfo(zone)).toordinal() - 719_163
            for ms in (segment.from_ms, segment.to_ms)
        )
        assert segment.days == (first, last)
    days = [segment.days for segment in found if segment.days]
    assert all(before[1] < after[0] for before, after in pairwise(days))


def test_a_large_day_is_split_by_whose_its_rows_are(project: TestProject, small: None) -> None:
    for n in range(3):
        add_segment(project, MANY, NOW - DAY + timedelta(minutes=5 * n))
    before = read_rows(*segments_of(project))

    merge_project(project.id, NOW)

    found = segments_of(project)
    assert 3 <= len(found) <= 5  # hashes of visitors are the project's own
    assert read_rows(*found) == before
    visitor = list(TYPES).index("visitor")
    owners = [{row[visitor] for row in read_rows(segment)} for segment in found]
    assert sum(map(len, owners)) == len(set.union(*owners)) == 50


def test_rows_of_nobody_are_split_as_well(project: TestProject, small: None) -> None:
    add_segment(project, MANY * 2, NOW - DAY, visitor=None)
    before = read_rows(*segments_of(project))

    merge_project(project.id, NOW)

    found = segments_of(project)
    assert read_rows(*found) == before
    assert 2 <= len(found) <= 4  # their ids are drawn by chance
    assert all(segment.rows < 2 * MANY for segment in found)


def test_what_is_merged_is_clear_of_what_all_its_sources_were_clear_of(
    project: TestProject,
) -> None:
    for clear in (["a", "b"], ["b", "c"]):
        add_segment(project, 3)
        collection(mongo.COLUMN_SEGMENTS).update_one(
            {"clearOf": None}, {"$set": {"clearOf": clear}}
        )

    merge_project(project.id, NOW)

    [segment] = segments_of(project)
    assert segment.clear_of == {"b"}


def test_a_merge_that_somebody_else_was_faster_than_changes_nothing(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_segment(project, 3)
    add_segment(project, 3)
    write = merge._write

    def write_late(*args: Any) -> Iterator[Any]:
        yield from write(*args)
        add_segment(project, 2)

    monkeypatch.setattr(merge, "_write", write_late)
    with pytest.raises(Conflict):
        merge_project(project.id, NOW)

    assert sorted(segment.rows for segment in segments_of(project)) == [2, 3, 3]
    check_folder_of(project)
    monkeypatch.setattr(merge, "_write", write)
    assert merge_project(project.id, NOW) == 3


def test_a_damaged_source_is_told_and_nothing_changed(project: TestProject) -> None:
    add_segment(project, 3)
    add_segment(project, 4)
    broken = segments_of(project)[1]
    write_file(broken.id, read_file(broken.id)[:-1])

    with pytest.raises(DamagedSegment) as raised:
        merge_project(project.id, NOW)

    assert raised.value.segment == broken
    assert len(segments_of(project)) == 2
    collection(mongo.COLUMN_SEGMENTS).update_one({"_id": broken.id}, {"$set": {"damagedAt": NOW}})
    assert merge_project(project.id, NOW) == 1  # the other one
    left = segments_of(project)
    assert replace(broken, damaged_at=left[0].damaged_at) in left


def test_a_merge_that_would_lose_a_row_is_not_done(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_segment(project, 3)
    add_segment(project, 3)
    before = segments_of(project)
    monkeypatch.setattr(merge, "cut", lambda *_: iter(()))

    with pytest.raises(AssertionError, match="rows of"):
        merge_project(project.id, NOW)

    assert segments_of(project) == before
    check_folder_of(project)


def test_a_project_is_due_with_many_loose_segments_or_one_from_before_midnight(
    store: None,
) -> None:
    one, many, cut = (make_project(name, time_zone="Asia/Tokyo") for name in ("1", "8", "cut"))
    add_segment(one, 3)
    for _ in range(plan.MOST_LOOSE):
        add_segment(many, 1)
    add_segment(cut, 3)
    merge_project(cut.id)
    made_at = {"$set": {"madeAt": datetime(2026, 3, 5, 14, 59, tzinfo=UTC)}}
    collection(mongo.COLUMN_SEGMENTS).update_many({}, made_at)

    def due(hour: int) -> list[bytes]:
        return [loose.project_id for loose in list_merges(datetime(2026, 3, 5, hour, tzinfo=UTC))]

    assert due(14) == [many.id]
    assert due(15) == [many.id, one.id]  # it is midnight in Tokyo


def test_two_projects_are_merged_apart(project: TestProject, other_project: TestProject) -> None:
    for each in (project, other_project, project, other_project):
        add_segment(each, 3)
    theirs = segments_of(other_project)

    merge_project(project.id, NOW)

    assert segments_of(other_project) == theirs
    assert [segment.rows for segment in segments_of(project)] == [6]
    check_folder_of(project)


def is_merged(project: TestProject) -> bool:
    with suppress(Conflict):
        merge_project(project.id, NOW)
    return len(segments_of(project)) == 1


@pytest.mark.slow
@pytest.mark.parametrize("point", POINTS)
def test_every_row_is_there_once_whenever_a_merge_is_killed(
    project: TestProject, point: str
) -> None:
    for _ in range(3):
        add_segment(project, 4)
    before = read_rows(*segments_of(project))

    with start_mortals("tests.columns.dying") as mortals:
        mortals.die("columns.merge.merge_project", project.id.hex(), point)

    found = segments_of(project)
    assert len(found) == (1 if point == "after:apply" else 3)
    assert read_rows(*found) == before
    wait_until(partial(is_merged, project), 30, "the transaction that it left open has ended")
    [segment] = segments_of(project)
    assert read_rows(segment) == before
    check_folder_of(project)


@pytest.mark.parametrize(("bytes_to_sort", "is_sorted"), [(0, False), (1_000_000, True)])
def test_rows_too_many_and_large_to_be_sorted_are_merged_as_they_come(
    project: TestProject, bytes_to_sort: int, is_sorted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a merge of them would run out of memory each time, and small segments would pile up."""
    for n in range(2):
        store_events(project, [{"timestamp": NOW - k * DAY, "path": "/"} for k in (n, n + 2)])
        export_project(project.id)
    before = read_rows(*segments_of(project))

    monkeypatch.setattr(writer, "_SPILL_BYTES", bytes_to_sort)
    assert merge_project(project.id, NOW) == 2

    [segment] = segments_of(project)
    assert read_rows(segment) == before
    with duckdb.connect() as engine:
        path = str(find_folder().bring(segment))
        found = engine.execute('SELECT "timestamp" FROM read_parquet(?)', [path]).fetchall()
    assert (found == sorted(found)) == is_sorted
