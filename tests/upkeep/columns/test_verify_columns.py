"""The columns are compared with the stored events, row by row, and made anew by command."""

import hashlib
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from io import StringIO
from typing import Any

import duckdb
import pytest
from bson.binary import Binary
from django.core.management import CommandError, call_command

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.events.ids import PROJECT_ID_BYTES, day_of, ms_of_datetime
from analytics.metrics.sightings import Sightings
from analytics.remembered import forget_everything
from columns.change import Change
from columns.cuts import Box, make_cut
from columns.export import export_project
from columns.files.folder import ColumnsUnavailable, find_folder
from columns.files.rows import PROJECTION
from columns.merge import merge_project
from columns.rewrite import repair_next
from columns.segments import (
    Segment,
    hold_file,
)
from tests.columns.folders import in_either_place, local_folder, read_file, remove_file, write_file
from tests.columns.held import forget_columns, held, segments_of
from tests.conftest import TestProject, make_project
from tests.stored import ENRICHED, store_events
from tests.upkeep.erasure.test_erasure_of_columns import run_until
from upkeep.columns import differences, verify
from upkeep.columns.differences import Difference
from upkeep.columns.verify import Verification, verify_columns_sample
from upkeep.columns.visits import list_overlapping
from upkeep.jobs.leases import lease_project

pytestmark = in_either_place

DAY = datetime(2026, 3, 5, tzinfo=UTC)
FIRST = day_of(DAY)


def events(*days: float, **fields: Any) -> list[dict[str, Any]]:
    return [
        {
            **{"path": f"/{day}", "timestamp": DAY + timedelta(days=day), "userId": "alice"},
            **{"properties": {"n": day, "list": [1, "ü"]}, "referrer": "https://example.com/x"},
            **fields,
        }
        for day in days
    ]


def export(project: TestProject, *days: float, **fields: Any) -> None:
    store_events(project, events(*days, **fields))
    export_project(project.id)


def find_differences(project: TestProject) -> list[Difference]:
    verification = Verification(project.id)
    found = []
    for day in verification.list_days():
        count, told = verification.verify_day(day)
        assert count == len(told)
        found += told
    return found


def replace_rows(
    project: TestProject, change_events: Callable[[list[Document]], Sequence[Document]]
) -> None:
    """Have the only segment hold what somebody made of its events."""
    [segment] = segments_of(project)
    stored = read_events(project)
    with Change(project.id, find_folder()) as change:
        change.apply(change.writer.write_events(change_events(stored)), [segment])


def read_events(project: TestProject) -> list[Document]:
    """As they are encoded from."""
    found = collection(mongo.EVENTS).find({"project": project.id}, PROJECTION)
    return list(found.sort("timestamp", 1))


def name_of(event: Document) -> str:
    return bytes(event["_id"][PROJECT_ID_BYTES:]).hex()


def test_what_was_exported_is_what_is_stored(project: TestProject) -> None:
    export(project, 0, 0.5, 1, 40)
    export(project, 0.2, 1)
    store_events(project, events(0.3, 41))
    store_events(project, [{"path": "/bare", "timestamp": DAY}])

    assert Verification(project.id).list_days() == [FIRST, FIRST + 1, FIRST + 40, FIRST + 41]
    assert find_differences(project) == []


def test_a_missing_row_is_found(project: TestProject) -> None:
    export(project, 0, 1, 2)
    replace_rows(project, lambda stored: stored[:1] + stored[2:])

    [found] = find_differences(project)

    gone = collection(mongo.EVENTS).find_one({"path": "/1"})
    assert gone is not None
    assert found == Difference(project.id, FIRST + 1, "missing", name_of(gone))


def test_an_event_in_no_segment_and_not_fresh_is_missing(project: TestProject) -> None:
    export(project, 0)
    store_events(project, events(5))
    collection(mongo.COLUMN_FRESH).delete_many({})

    [found] = find_differences(project)
    assert (found.day, found.what) == (FIRST + 5, "missing")


def test_a_doubled_row_is_found(project: TestProject) -> None:
    export(project, 0, 1)
    replace_rows(project, lambda stored: [*stored, stored[0]])
    assert [found.what for found in find_differences(project)] == ["doubled"]


def test_a_row_that_is_in_a_segment_and_fresh_is_found(project: TestProject) -> None:
    store_events(project, events(0))
    [fresh] = collection(mongo.COLUMN_FRESH).find()
    export_project(project.id)
    collection(mongo.COLUMN_FRESH).insert_one(fresh)

    assert [found.what for found in find_differences(project)] == ["unknown"]


def test_a_row_of_another_project_is_found(
    project: TestProject, other_project: TestProject
) -> None:
    export(project, 0)
    store_events(other_project, events(3))
    [foreign] = read_events(other_project)
    replace_rows(project, lambda stored: [*stored, foreign])

    assert find_differences(project) == [
        Difference(project.id, FIRST + 3, "unknown", name_of(foreign))
    ]


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("path", "/other"),
        ("properties", {"n": 1}),
        ("properties", None),
        ("referrer", None),
        ("visitor", 7),
        ("userId", "Alice"),
        ("place", b"\0" * 14),
        ("title", "one that it has not"),
        ("timestamp", ms_of_datetime(DAY) + 1_000),
    ],
)
def test_a_changed_value_is_found_and_its_column_named(
    project: TestProject, column: str, value: Any
) -> None:
    export(project, 0, 1)

    def change_first(stored: list[Document]) -> list[Document]:
        return [{**stored[0], column: value}, *stored[1:]]

    replace_rows(project, change_first)

    [found] = find_differences(project)
    assert (found.day, found.what, found.columns) == (FIRST, "changed", [column])


@pytest.mark.parametrize("trouble", ["missing", "flipped", "list", "bounds", "foreign"])
def test_a_file_that_is_not_as_listed_is_found(
    project: TestProject, other_project: TestProject, trouble: str
) -> None:
    export(project, 0)
    export(other_project, 0)
    [segment] = segments_of(project)
    listed: Document = {}
    if trouble == "missing":
        remove_file(segment.id)
    elif trouble == "flipped":
        written = bytearray(read_file(segment.id))
        written[-1] ^= 1
        write_file(segment.id, bytes(written))
    elif trouble == "list":
        listed = {"rows": 2}
    elif trouble == "bounds":
        listed = {"from": segment.from_ms - 1}
    else:
        [theirs] = segments_of(other_project)
        write_file(segment.id, read_file(theirs.id))
        listed = {"sum": Binary(theirs.sum)}
    if listed:
        collection(mongo.COLUMN_SEGMENTS).update_one({"_id": segment.id}, {"$set": listed})

    [found] = find_differences(project)
    assert (found.what, found.name) == ("unreadable", segment.id.hex())

    assert repair_next(project.id)  # as a task does with what is known as damaged
    assert find_differences(project) == []
    assert held(project) == ["/0"]


def test_more_differences_than_are_told_are_counted(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(differences, "DESCRIBED", 2)
    export(project, *(n / 10 for n in range(9)))
    replace_rows(project, lambda stored: stored[:1])

    count, told = Verification(project.id).verify_day(FIRST)

    assert (count, len(told)) == (8, 2)


def test_what_an_erasure_under_way_hides_is_no_difference(project: TestProject) -> None:
    export(project, 0, 1)
    export(project, 0, 1, userId="bob")
    for step in ("events", "letters", "columns", "files"):
        run_until(project, step, "alice")
        assert find_differences(project) == []


def test_old_events_that_wait_are_no_difference_and_exported_ones_may_be(
    project: TestProject,
) -> None:
    store_events(project, events(0, 1))
    forget_columns(project, ms_of_datetime(DAY + timedelta(hours=12)))

    assert [found.day for found in find_differences(project)] == [FIRST + 1]


def test_events_from_before_the_horizon_are_left_out(store: None) -> None:
    project = make_project(retention_days=30)
    now = datetime.now(UTC)
    for days in (40, 20):
        store_events(project, [{"path": "/", "timestamp": now - timedelta(days=days)}])
    export_project(project.id)
    replace_rows(project, lambda stored: [])

    assert [found.day for found in find_differences(project)] == [day_of(now - timedelta(days=20))]


def test_a_segment_that_is_replaced_meanwhile_is_no_difference(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(project, 0, 1)

    def replace_first(folder: Any, segment: Segment, **how: Any) -> Any:
        monkeypatch.setattr(verify, "hold_file", hold_file)
        call_command("rebuild_columns", project.id.hex(), stdout=StringIO())
        folder.delete([segment.id])
        return hold_file(folder, segment, **how)

    monkeypatch.setattr(verify, "hold_file", replace_first)
    assert Verification(project.id).verify_day(FIRST) == (0, [])


def test_a_folder_that_cannot_be_reached_is_no_difference(project: TestProject) -> None:
    export(project, 0)
    root = local_folder().root
    hidden = root.rename(root.with_name("hidden"))
    forget_everything()
    try:
        with pytest.raises(ColumnsUnavailable):
            find_differences(project)
        with pytest.raises(CommandError, match="cannot be used"):
            call_command("verify_columns")
    finally:
        hidden.rename(root)
        forget_everything()


def test_the_nightly_sample_notes_what_it_found(project: TestProject) -> None:
    export(project, 0, 1)
    verify_columns_sample()
    assert Sightings().column_drift == 0
    assert abs(Sightings().columns_verified_at - datetime.now(UTC).timestamp()) < 60

    replace_rows(project, lambda stored: [])
    verify_columns_sample()
    assert Sightings().column_drift == 2


def run(command: str, *options: str, **named: Any) -> list[str]:
    output = StringIO()
    try:
        call_command(command, *options, **named, stdout=output)
    except CommandError as error:
        return [*output.getvalue().splitlines(), str(error)]
    return output.getvalue().splitlines()


def test_commands_find_differences_and_mend_them(
    project: TestProject, other_project: TestProject
) -> None:
    export(project, 0, 1, 2)
    export(other_project, 0)
    assert run("verify_columns") == ["4 days verified, 0 differences"]
    replace_rows(project, lambda stored: [{**stored[0], "path": "/!"}, stored[2]])

    found = run("verify_columns", "Test")
    assert [line.split()[1:3] for line in found[:2]] == [
        ["2026-03-05", "changed"],
        ["2026-03-06", "missing"],
    ]
    assert found[0].endswith(": path")
    assert found[2:] == [
        "3 days verified, 2 differences",
        "the columns differ from the stored events",
    ]
    days = ("--from", "2026-03-06", "--to", "2026-03-06")
    assert run("verify_columns", project.id.hex(), *days)[-2] == "1 days verified, 1 differences"

    assert run("rebuild_columns", "Test", *days) == [
        f"{project.id.hex()}: rebuilt from 1 events",
    ]
    assert run("verify_columns")[-2] == "4 days verified, 1 differences"
    run("rebuild_columns", "Test")
    assert run("verify_columns") == ["4 days verified, 0 differences"]


def test_commands_tell_what_they_do_not_understand(project: TestProject) -> None:
    assert run("verify_columns", "nobody") == ["There is no project 'nobody'."]
    assert "is no day" in run("rebuild_columns", "Test", "--from", "yesterday")[0]


def test_a_rebuild_has_the_project_so_that_no_exporter_is_faster_each_time(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    export(project, 0, 1)
    real, entered = Change.apply, []

    def apply(self: Change, *args: Any, **kwargs: Any) -> None:
        with lease_project(project.id) as exporter_entered:
            entered.append(exporter_entered)
        real(self, *args, **kwargs)

    monkeypatch.setattr(Change, "apply", apply)
    assert run("rebuild_columns", "Test")[-1].endswith("from 2 events")
    assert entered == [False]


def test_a_lost_folder_is_begun_again_and_filled_by_command(project: TestProject) -> None:
    export(project, 0, 1)
    root = local_folder().root
    lost = root.rename(root.with_name("lost"))
    forget_everything()
    assert "cannot be used" in run("rebuild_columns", "Test")[0]

    assert run("rebuild_columns", "Test", "--begin-folder")[-1].endswith("from 2 events")

    assert held(project) == ["/0", "/1"]
    assert find_differences(project) == []
    assert "is not empty" in run("rebuild_columns", "Test", "--begin-folder")[0]
    lost.rename(root / "lost")


def add_visits(project: TestProject) -> Segment:
    """A segment that is cut, with two visits on each of two days."""
    for n in range(8):
        store_events(
            project,
            [
                {
                    "path": f"/{n}", "timestamp": DAY + timedelta(days=n // 4, hours=1 + n % 2),
                    ENRICHED: {"visitor": 7, "source": f"{n}"},
                }
            ],
        )  # fmt: skip
    export_project(project.id)
    assert merge_project(project.id, DAY + timedelta(days=9))
    [segment] = segments_of(project)
    assert segment.cut
    return segment


def change_file(segment: Segment, columns: str) -> None:
    """Have the file of a segment hold other values, and the list what it is then."""
    path = local_folder().path_of(segment.id)
    with duckdb.connect() as engine:
        found = engine.execute(
            "SELECT decode(key), decode(value) FROM parquet_kv_metadata(?)", [str(path)]
        ).fetchall()
        told = ", ".join(f"{key}: '{value}'" for key, value in found)
        engine.execute(
            f"COPY (SELECT * REPLACE ({columns}) FROM '{path}') TO '{path}.new' "
            f"(FORMAT parquet, KV_METADATA {{{told}}})"
        )
    path.with_name(f"{path.name}.new").rename(path)
    changed = {"$set": {"sum": hashlib.sha256(path.read_bytes()).digest()}}
    collection(mongo.COLUMN_SEGMENTS).update_one({"_id": segment.id}, changed)


def test_visits_are_those_that_the_rows_make_up(project: TestProject) -> None:
    segment = add_visits(project)
    assert find_differences(project) == []

    change_file(segment, '"visitViews" + ("path" = \'/6\')::BIGINT AS "visitViews"')

    [found] = find_differences(project)
    event = collection(mongo.EVENTS).find_one({"path": "/6"})
    assert event is not None
    assert found == Difference(project.id, FIRST + 1, "visit", name_of(event), ["visitViews"])


def test_a_row_that_is_not_of_its_segments_days_is_found(project: TestProject) -> None:
    segment = add_visits(project)
    assert segment.cut
    first = segment.cut.box.first
    cut = make_cut(Box(first, first), segment.cut.zone)
    described = {"days": list(cut.days), "midnights": cut.midnights}
    collection(mongo.COLUMN_SEGMENTS).update_one({"_id": segment.id}, {"$set": described})

    assert {(found.day, found.what, *found.columns) for found in find_differences(project)} == {
        (FIRST + 1, "visit")
    }


def test_two_segments_that_share_an_owners_day_are_found(project: TestProject) -> None:
    add_visits(project)
    document = collection(mongo.COLUMN_SEGMENTS).find_one({"project": project.id})
    assert document is not None
    store_events(project, events(0))
    export_project(project.id)
    described = {name: document[name] for name in ("days", "zone", "midnights")}
    fresh = {"project": project.id, "days": None}
    collection(mongo.COLUMN_SEGMENTS).update_one(fresh, {"$set": described})

    found = list(list_overlapping(segments_of(project), "UTC", FIRST))

    assert [each.what for each in found] == ["overlapping"]


def test_visits_that_were_cut_by_midnights_that_are_no_more_are_not_looked_at(
    project: TestProject,
) -> None:
    segment = add_visits(project)
    change_file(segment, '0 AS "visitViews"')
    assert len(find_differences(project)) == 8
    other = {"$set": {"midnights": bytes(8)}}
    collection(mongo.COLUMN_SEGMENTS).update_one({"_id": segment.id}, other)

    assert find_differences(project) == []
