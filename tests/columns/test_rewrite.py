"""Ranges of columns are made anew from the stored events: old ones, damaged ones, all of them."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.databases.transactions import Conflict
from analytics.events.ids import ms_of_datetime
from analytics.remembered import forget_everything
from columns import rewrite
from columns.change import Change
from columns.export import export_project, list_tails
from columns.files.folder import ColumnsUnavailable
from columns.garbage import collect_files
from columns.rewrite import cut_before, export_old, rebuild, repair, replace_range
from columns.segments import (
    DamagedSegment,
    Segment,
    read_head,
)
from columns.stored import EVER_MS, find_start
from tests.columns.folders import (
    in_either_place,
    local_folder,
    make_local_folder,
    read_file,
    remove_file,
    write_file,
)
from tests.columns.held import forget_columns, held, segments_of
from tests.conftest import TestProject
from tests.stored import store_events

pytestmark = in_either_place

DAY = datetime(2026, 3, 5, tzinfo=UTC)


def events(*days: int, name: str = "") -> list[dict[str, Any]]:
    return [{"path": f"/{name}{n}", "timestamp": DAY + timedelta(days=n)} for n in days]


def paths(*days: int, name: str = "") -> list[str]:
    return sorted(f"/{name}{n}" for n in days)


def ms_of_day(day: int) -> int:
    return ms_of_datetime(DAY + timedelta(days=day))


def export(project: TestProject, *days: int, name: str = "") -> Segment:
    """A segment of events of these days."""
    before = {segment.id for segment in segments_of(project)}
    store_events(project, events(*days, name=name))
    export_project(project.id)
    [made] = [segment for segment in segments_of(project) if segment.id not in before]
    return made


def damage(segment: Segment) -> None:
    written = bytearray(read_file(segment.id))
    written[len(written) // 2] ^= 1
    write_file(segment.id, bytes(written))


def export_all_old(project: TestProject) -> list[int | None]:
    """What the head's `oldUntil` was after each stride."""
    untils = []
    while export_old(project.id):
        untils.append(read_head(project.id).old_until)
    return untils


def test_old_events_are_exported_newest_first_in_strides(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "OLD_EVENTS", 3)
    store_events(project, events(*range(8)))
    forget_columns(project)

    assert export_old(project.id)
    assert held(project) == paths(4, 5, 6, 7)
    assert read_head(project.id).old_until == ms_of_day(4)

    assert export_all_old(project) == [ms_of_day(0)]
    assert held(project) == paths(*range(8))
    assert read_head(project.id).old_until is None
    assert not export_old(project.id)
    assert held(project) == paths(*range(8))


def test_old_events_of_one_millisecond_are_one_stride(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "OLD_EVENTS", 2)
    store_events(project, events(1, 1, 1, 1, 1, 0))
    forget_columns(project)

    assert export_all_old(project) == [ms_of_day(1)]

    assert held(project) == paths(0, 1, 1, 1, 1, 1)


def test_old_events_wait_for_the_workers_of_the_release_before(project: TestProject) -> None:
    store_events(project, events(1))
    forget_columns(project)
    soon = datetime.now(UTC) + timedelta(minutes=1)
    collection(mongo.COLUMN_HEADS).update_one({}, {"$set": {"oldFrom": soon}})

    assert not export_old(project.id)
    assert held(project) == []

    collection(mongo.COLUMN_HEADS).update_one({}, {"$set": {"oldFrom": DAY}})
    assert not export_old(project.id)
    assert held(project) == paths(1)
    assert collection(mongo.COLUMN_HEADS).find_one({}, {"_id": 0, "revision": 0}) == {
        "generation": 0
    }


def test_events_of_any_year_are_exported(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "OLD_EVENTS", 1)
    moments = [
        datetime(1970, 1, 1, tzinfo=UTC),
        datetime(1970, 1, 1, 0, 0, 0, 1_000, UTC),
        DAY,
        datetime(9999, 12, 31, 23, 59, 59, 999_000, UTC),
    ]
    store_events(project, [{"path": "/a", "timestamp": DAY}] * 4)
    stored = collection(mongo.EVENTS)
    for event, moment in zip(list(stored.find()), moments, strict=True):
        stored.update_one({"_id": event["_id"]}, {"$set": {"timestamp": moment}})
    forget_columns(project)

    export_all_old(project)

    expected = sorted(map(ms_of_datetime, moments))
    assert held(project, "timestamp") == expected
    for _ in rebuild(project.id):
        pass
    assert held(project, "timestamp") == expected


def test_what_was_exported_before_its_time_came_is_not_there_twice(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "OLD_EVENTS", 2)
    store_events(project, events(*range(6)))
    forget_columns(project)
    export(project, 1, 3, 9, name="new")
    store_events(project, events(2, name="fresh"))

    export_all_old(project)

    assert held(project) == sorted(paths(*range(6)) + paths(1, 3, 9, name="new"))
    [tail] = list_tails()
    assert tail.events == 1
    export_project(project.id)
    assert "/fresh2" in held(project)


def test_only_the_range_and_the_project_are_made_anew(
    project: TestProject, other_project: TestProject
) -> None:
    early, late = export(project, 0, 1, 2), export(project, 4, 5)
    theirs = export(other_project, 0, 1, 2, 3)
    collection(mongo.EVENTS).delete_many({"path": {"$in": ["/1", "/4"]}})
    mine = {"path": "/2", "project": project.id}
    collection(mongo.EVENTS).update_one(mine, {"$set": {"path": "/!"}})

    assert replace_range(project.id, ms_of_day(1), ms_of_day(3)) == 1

    assert held(project) == sorted(["/!", *paths(0, 4, 5)])
    ids = {segment.id for segment in segments_of(project)}
    assert late.id in ids
    assert early.id not in ids
    assert segments_of(other_project) == [theirs]


def test_a_change_beside_it_is_a_conflict_and_nothing_is_done(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(project, 0, 1)
    store_events(project, events(2))
    enter = Change.__enter__

    def others_first(change: Change) -> Change:
        monkeypatch.setattr(Change, "__enter__", enter)
        export_project(project.id)
        return change

    monkeypatch.setattr(Change, "__enter__", others_first)
    with pytest.raises(Conflict):
        replace_range(project.id, ms_of_day(0), ms_of_day(9))

    assert held(project) == paths(0, 1, 2)
    collect_files()
    [folder] = [path for path in make_local_folder().root.iterdir() if path.is_dir()]
    assert len(list(folder.iterdir())) == len(segments_of(project)) == 2


def test_a_damaged_segment_is_made_good_from_the_stored_events(project: TestProject) -> None:
    broken, beside = export(project, 0, 2, 4), export(project, 1, 3, 9)
    damage(broken)

    repair(broken)

    assert held(project) == paths(0, 1, 2, 3, 4, 9)
    assert broken.id not in {segment.id for segment in segments_of(project)}
    assert beside.id not in {segment.id for segment in segments_of(project)}


@pytest.mark.parametrize("stride", [1, 2, 100])
def test_damage_beside_damage_is_made_good_in_strides(
    project: TestProject, monkeypatch: pytest.MonkeyPatch, stride: int
) -> None:
    monkeypatch.setattr(rewrite, "REBUILD_EVENTS", stride)
    broken = [export(project, 0, 2, 4), export(project, 1, 3, 9), export(project, 2, 3)]
    export(project, 0, 5, 10)
    for segment in broken:
        remove_file(segment.id)

    repair(broken[0])

    assert held(project) == sorted(paths(0, 0, 1, 2, 2, 3, 3, 4, 5, 9, 10))
    assert all(segment.damaged_at is None for segment in segments_of(project))


def test_until_it_is_made_good_a_damaged_segment_covers_what_remains(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "REBUILD_EVENTS", 1)
    broken = export(project, 0, 2, 4, 6)
    rewrite.note_damage(broken)

    assert rewrite.repair_next(project.id)

    [rest] = [segment for segment in segments_of(project) if segment.damaged_at]
    assert (rest.id, rest.from_ms, rest.to_ms) == (broken.id, ms_of_day(0), ms_of_day(4) - 1)
    with pytest.raises(DamagedSegment):
        replace_range(project.id, ms_of_day(1), ms_of_day(2))
    while rewrite.repair_next(project.id):
        pass
    assert held(project) == paths(0, 2, 4, 6)


def test_old_events_are_exported_where_a_segment_is_damaged(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "OLD_EVENTS", 2)
    store_events(project, events(*range(6)))
    forget_columns(project)
    damage(export(project, 1, 3, 9, name="new"))

    export_all_old(project)

    assert held(project) == sorted(paths(*range(6)) + paths(1, 3, 9, name="new"))


def test_rebuilding_makes_all_of_a_project_anew(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "REBUILD_EVENTS", 3)
    export(project, 0, 2, 4)
    lost = export(project, 1, 3, 9)
    before = {segment.id for segment in segments_of(project)}
    remove_file(lost.id)
    collection(mongo.EVENTS).update_one({"path": "/2"}, {"$set": {"path": "/!"}})
    collection(mongo.EVENTS).delete_one({"path": "/4"})

    strides = list(rebuild(project.id))

    assert held(project) == sorted(["/!", *paths(0, 1, 3, 9)])
    assert before.isdisjoint(segment.id for segment in segments_of(project))
    assert [end for end, _ in strides] == sorted((end for end, _ in strides), reverse=True)
    assert sum(events for _, events in strides) >= 5


def test_a_rebuild_takes_smaller_strides_while_others_are_faster(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rewrite, "LEAST_EVENTS", 1)
    monkeypatch.setattr(rewrite, "REBUILD_EVENTS", 8)
    export(project, *range(6))
    sizes: list[int] = []

    def note_size(project_id: bytes, from_ms: int, to_ms: int, events: int) -> int:
        sizes.append(events)
        return find_start(project_id, from_ms, to_ms, events)

    def refuse_large(project_id: bytes, from_ms: int, to_ms: int) -> int:
        if sizes[-1] > 2:
            raise Conflict
        return replace_range(project_id, from_ms, to_ms)

    monkeypatch.setattr(rewrite, "find_start", note_size)
    monkeypatch.setattr(rewrite, "replace_range", refuse_large)
    list(rebuild(project.id))

    assert sizes[:3] == [8, 4, 2]
    assert held(project) == paths(*range(6))


def test_rows_from_before_the_horizon_go(project: TestProject) -> None:
    export(project, 0, 1)
    export(project, 1, 2, 3)
    kept = export(project, 2, 4)

    assert cut_before(project.id, ms_of_day(2)) == 2

    assert held(project) == paths(2, 2, 3, 4)
    assert kept in segments_of(project)
    head = collection(mongo.COLUMN_HEADS).find_one({})
    assert head is not None
    assert datetime.now(UTC) - head["cutAt"] < timedelta(minutes=1)
    assert cut_before(project.id, ms_of_day(2)) == 0
    assert cut_before(project.id, EVER_MS) == 2
    assert held(project) == []


def test_a_damaged_segment_lets_go_what_is_before_the_horizon(project: TestProject) -> None:
    damage(export(project, 0, 1, 2, 3))
    remove_file(export(project, 0, 1).id)

    cut_before(project.id, ms_of_day(2))

    assert held(project) == paths(2, 3)


def test_an_unreachable_folder_changes_nothing(project: TestProject) -> None:
    export(project, 0, 1)
    before = segments_of(project)
    root = local_folder().root
    hidden = root.rename(root.with_name("hidden"))
    forget_everything()
    try:
        for act in (
            lambda: replace_range(project.id, 0, EVER_MS),
            lambda: cut_before(project.id, ms_of_day(1)),
            lambda: repair(before[0]),
        ):
            with pytest.raises(ColumnsUnavailable):
                act()
    finally:
        hidden.rename(root)
        forget_everything()

    assert [segment.id for segment in segments_of(project)] == [before[0].id]
    while rewrite.repair_next(project.id):
        pass
    assert held(project) == paths(0, 1)
