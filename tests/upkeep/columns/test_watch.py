"""What watches the columns: gauges, and the doctor on their folder, their tail and their damage."""

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import LazySettings

from analytics.databases import mongo
from analytics.databases.mongo import collection
from analytics.events.fresh import describe_fresh
from analytics.events.ids import ms_of_datetime
from analytics.metrics.sightings import Sightings, note_columns_verified
from columns.export import export_project
from columns.files.folder import MARKER
from tests.columns.folders import local_folder
from tests.conftest import TestProject
from tests.stored import store_events
from tests.upkeep.test_state_metrics import scrape
from upkeep.tasks import verify_sample_task
from upkeep.watch.columns import check_columns
from upkeep.watch.finding import Level


def found(level: Level) -> str:
    return "\n".join(finding.what for finding in check_columns() if finding.level is level)


@pytest.fixture
def folder(project: TestProject) -> Path:
    """With one segment of three events."""
    store_events(project, [{"path": "/"}] * 3)
    assert export_project(project.id) == 3
    return local_folder().root


def leave_fresh(project: TestProject, events: int, age: timedelta) -> None:
    keys = [project.id + n.to_bytes(16, "big") for n in range(events)]
    made_ms = ms_of_datetime(datetime.now(UTC) - age)
    collection(mongo.COLUMN_FRESH).insert_one(describe_fresh(project.id, keys, made_ms))


def test_what_is_fresh_and_what_is_listed_is_told(
    project: TestProject, other_project: TestProject, folder: Path
) -> None:
    leave_fresh(project, 2, timedelta(minutes=3))
    leave_fresh(project, 3, timedelta(minutes=2))
    leave_fresh(other_project, 4, timedelta(minutes=1))
    collection(mongo.COLUMN_HEADS).insert_one({"_id": other_project.id, "oldUntil": 2**62})
    note_columns_verified(7)

    scraped = scrape()

    assert scraped("analytics_columns_fresh_events") == 9
    assert scraped("analytics_columns_tail_events") == 5
    assert 180 <= scraped("analytics_columns_fresh_seconds") < 200
    assert scraped("analytics_columns_segments") == 1
    [file] = (folder / project.id.hex()).iterdir()
    assert scraped("analytics_columns_bytes") == file.stat().st_size
    assert scraped("analytics_columns_damaged_segments") == 0
    assert scraped("analytics_columns_old_projects") == 1
    assert scraped("analytics_columns_drift") == 7
    assert scraped("analytics_columns_verified_timestamp_seconds") > 1_700_000_000
    assert scraped("analytics_component_up", component="columns") == 1


def test_a_folder_that_is_not_ours_is_a_component_that_is_down(
    project: TestProject, folder: Path, settings: LazySettings
) -> None:
    (folder / MARKER).write_text('{"deployment": "another", "format": 1}')
    try:
        scraped = scrape()
        assert scraped("analytics_component_up", component="columns") == 0
        assert scraped("analytics_columns_segments") == 1  # the list is MongoDB's
        assert "this one is" in found(Level.WRONG)
        settings.ROLE = "ingest"
        assert ("analytics_component_up", (("component", "columns"),)) not in scrape().samples
    finally:
        shutil.rmtree(folder)
    assert "it is not there, or not mounted" in found(Level.WRONG)


def test_a_deployment_without_columns_yet_is_well(project: TestProject) -> None:
    assert scrape()("analytics_component_up", component="columns") == 1
    assert "nothing was exported yet" in found(Level.WELL)
    assert found(Level.WRONG) == found(Level.DOUBTFUL) == ""


def test_a_good_folder_is_well(project: TestProject, folder: Path) -> None:
    assert f"{folder} is ours" in found(Level.WELL) + found(Level.DOUBTFUL)
    assert found(Level.WRONG) == ""


@pytest.mark.parametrize(
    ("events", "age"), [(1, timedelta(hours=1, minutes=1)), (20_001, timedelta(0))]
)
def test_an_exporter_that_is_behind_is_named(
    project: TestProject, events: int, age: timedelta
) -> None:
    leave_fresh(project, events, age)

    assert f"{events:,} events wait for a segment" in found(Level.WRONG)


def test_damage_drift_and_old_events_are_named(project: TestProject, folder: Path) -> None:
    damaged = {"$set": {"damagedAt": datetime.now(UTC)}}
    collection(mongo.COLUMN_SEGMENTS).update_one({}, damaged)
    collection(mongo.COLUMN_HEADS).update_one({"_id": project.id}, {"$set": {"oldUntil": 1}})
    note_columns_verified(2)

    assert "1 of 1 segments are damaged or missing" in found(Level.WRONG)
    assert "2 events or files of the columns were not as stored" in found(Level.WRONG)
    assert "events of 1 projects" in found(Level.DOUBTFUL)
    assert scrape()("analytics_columns_damaged_segments") == 1


def test_the_nightly_sample_verifies_columns_as_well(project: TestProject, folder: Path) -> None:
    verify_sample_task.run()
    assert Sightings().columns_verified_at > 1_700_000_000
    assert Sightings().column_drift == 0

    collection(mongo.EVENTS).delete_one({"project": project.id})
    verify_sample_task.run()

    assert Sightings().column_drift == 1


def test_the_nightly_sample_is_well_before_anything_was_exported(project: TestProject) -> None:
    store_events(project, [{"path": "/"}])

    verify_sample_task.run()

    assert Sightings().column_drift == 0
