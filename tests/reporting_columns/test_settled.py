"""Of a view for a question that needs visits: which segments' visits hold, and where not all do."""

from datetime import UTC, datetime, timedelta

from analytics.databases.mongo import COLUMN_SEGMENTS, COLUMN_VEILS, collection
from analytics.events.ids import ms_of_datetime
from columns.export import export_project
from columns.merge import merge_project
from columns.segments import list_segments, read_head
from reporting.columns.view import View
from reporting.questions.window import Window
from tests.columns.folders import local_folder
from tests.conftest import TestProject
from tests.reporting_columns.views import open_one
from tests.stored import store_events

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=3)


def store(project: TestProject, *moments: datetime, user: str = "ann") -> None:
    store_events(project, [{"path": "/", "timestamp": each, "userId": user} for each in moments])


def settle(project: TestProject) -> None:
    while export_project(project.id):
        pass
    while merge_project(project.id, datetime.now(UTC) + timedelta(days=2)):
        pass


def range_of(*moments: datetime) -> tuple[int, int]:
    return ms_of_datetime(min(moments)), ms_of_datetime(max(moments)) + 1


def counts(view: View) -> tuple[int, int, int]:
    return len(view.cut), len(view.loose), len(view.stored)


def test_visits_hold_in_segments_cut_by_the_zone(project: TestProject) -> None:
    store(project, NOON)
    settle(project)

    assert counts(open_one(project, zone="UTC")) == (1, 0, 0)
    assert open_one(project, zone="UTC").unsettled == (0, 0)
    # A zone of the same midnights is as good, and one of others is not.
    assert counts(open_one(project, zone="Africa/Abidjan")) == (1, 0, 0)
    other = open_one(project, zone="Asia/Tokyo")
    assert (counts(other), other.unsettled) == ((0, 1, 0), range_of(NOON))


def test_a_question_without_visits_learns_nothing_of_them(project: TestProject) -> None:
    store(project, NOON)
    settle(project)
    view = open_one(project)
    assert (view.cut, view.unsettled) == ((), None)


def test_what_is_loose_bounds_where_visits_are_worked_out_anew(project: TestProject) -> None:
    store(project, NOON - timedelta(days=20), NOON)
    settle(project)
    store(project, NOON + timedelta(hours=1))
    export_project(project.id)
    store(project, NOON - timedelta(hours=1))

    view = open_one(project, zone="UTC")

    assert counts(view) == (1, 2, 0)
    assert view.unsettled == range_of(NOON - timedelta(hours=1), NOON + timedelta(hours=1))
    early = open_one(project, Window(None, NOON - timedelta(days=5)), zone="UTC")
    assert (counts(early), early.unsettled) == ((1, 0, 0), (0, 0))


def test_a_veil_may_hide_an_event_anywhere(project: TestProject) -> None:
    store(project, NOON - timedelta(days=20), NOON)
    settle(project)
    collection(COLUMN_VEILS).insert_one(
        {"_id": "e", "project": project.id, "userId": "ann", "lastPlace": b"\xff" * 14}
    )

    view = open_one(project, zone="UTC")

    assert counts(view) == (1, 0, 0)
    assert view.unsettled == range_of(NOON - timedelta(days=20), NOON)


def test_stored_events_in_the_place_of_a_damaged_segment_are_unsettled(
    project: TestProject,
) -> None:
    store(project, NOON)
    settle(project)
    store(project, NOON + timedelta(minutes=5), user="ben")
    export_project(project.id)
    [damaged] = [each for each in list_segments(read_head(project.id)) if each.cut]
    local_folder().path_of(damaged.id).unlink()

    view = open_one(project, zone="UTC")

    assert counts(view) == (0, 1, 1)
    assert view.unsettled == range_of(NOON, NOON + timedelta(minutes=5))


def test_segments_of_the_format_before_are_loose(project: TestProject) -> None:
    store(project, NOON)
    settle(project)
    collection(COLUMN_SEGMENTS).update_many(
        {"project": project.id}, {"$set": {"v": 1}, "$unset": {"midnights": ""}}
    )
    assert counts(open_one(project, zone="UTC")) == (0, 1, 0)
