"""Visits of the last minutes: those that began in them, and not those that go on."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from analytics.remembered import forget_everything
from analytics.web.problems import Unavailable
from columns.export import export_project
from reporting.ask import answer
from reporting.columns.realtime import add_visits
from reporting.questions.conditions import Compare, Condition
from reporting.questions.fields import PATH
from reporting.questions.query import RealtimeQuery
from tests.columns.folders import local_folder
from tests.conftest import Api, TestProject
from tests.query.asking import get
from tests.stored import ENRICHED, store_events

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=1)
NOW = NOON + timedelta(seconds=30)


def ask(project: TestProject, condition: Condition | None = None, **more: Any) -> Any:
    return answer(RealtimeQuery(project=project.id, condition=condition, now=NOW, **more))


def store_story(project: TestProject) -> None:
    """Ann's visit began before, Bob's began just now, and Eve is a bot."""

    def ago(minutes: float, user: str, path: str, **fields: Any) -> dict[str, Any]:
        moment = NOW - timedelta(minutes=minutes)
        return {"timestamp": moment, "userId": user, "path": path, **fields}

    store_events(
        project,
        [
            ago(50, "ann", "/"),
            ago(25, "ann", "/x"),
            ago(4, "bob", "/"),
            ago(3, "bob", "/x"),
            ago(2, "cem", "/x", event="signup"),
            ago(1, "eve", "/x", **{ENRICHED: {"bot": "GPTBot"}}),
            ago(-1, "dan", "/"),
        ],
    )


@pytest.mark.parametrize("exported", [False, True])
def test_a_visit_that_goes_on_did_not_begin(project: TestProject, exported: bool) -> None:
    store_story(project)
    if exported:
        export_project(project.id)

    found = ask(project)
    filtered = ask(project, Compare(PATH, "is", ("/x",)))

    assert (found.visits, found.visitors, found.visits_refusal) == (1, 3, None)
    assert (filtered.visits, filtered.visitors) == (1, 3)
    assert sum(views for _, views in found.views) == 4
    assert ask(project, Compare(PATH, "is", ("/y",))).visits == 0
    assert ask(project, bots="only").visits == 0


def test_a_neighbours_visits_are_not_counted(
    project: TestProject, other_project: TestProject
) -> None:
    store_story(other_project)
    assert ask(project).visits == 0


def test_midnight_of_the_projects_zone_begins_a_visit(project: TestProject) -> None:
    store_events(
        project,
        [
            {"userId": "ann", "timestamp": NOW - timedelta(minutes=each), "path": "/"}
            for each in (40, 20, 0.1)
        ],
    )
    assert ask(project, visit_zone="UTC").visits == 0
    # There it is midnight.
    assert ask(project, visit_zone="Etc/GMT+12").visits == 1


def test_without_columns_the_rest_is_answered_and_visits_are_null(
    project: TestProject, read: Api
) -> None:
    just_now = datetime.now(UTC) - timedelta(seconds=1)
    store_events(project, [{"timestamp": just_now, "userId": "ann", "path": "/"}])
    export_project(project.id)
    root = local_folder().root
    forget_everything()
    away = root.with_name("away")
    root.rename(away)
    try:
        body = get(read, "/stats/realtime")
        refused = read.get("/stats/realtime", filter="path:is:/")
    finally:
        away.rename(root)
        forget_everything()

    assert (body["visitors"], body["visits"]) == (1, None)
    assert body["meta"]["visits"] == {"code": "columns_unavailable"}
    assert (refused.status_code, refused.json()["code"]) == (503, "columns_unavailable")
    after = get(read, "/stats/realtime")
    assert after["visits"] == 1
    assert "visits" not in after["meta"]


def test_without_the_store_nothing_is_answered(project: TestProject) -> None:
    class Gone:
        def answer_table(self, query: object) -> object:
            raise Unavailable("It does not answer.", code="store_unavailable")

    query = RealtimeQuery(project=project.id, now=NOW)
    with pytest.raises(Unavailable):
        add_visits(Gone(), query, ask(project))  # type: ignore[arg-type]
