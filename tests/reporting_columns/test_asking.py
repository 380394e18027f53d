"""Through HTTP: from segments and the tail, once for equal questions, several of one moment."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from columns.export import export_project
from reporting.ask import answer_all
from reporting.columns.read import open_view
from reporting.columns.slots import run
from reporting.questions.table import Metric, Span, TableQuery, Unit
from reporting.questions.window import Window
from tests.columns.folders import in_either_place
from tests.conftest import Api, TestProject
from tests.service import Gunicorn
from tests.stored import store_events

pytestmark = in_either_place

NOW = datetime.now(UTC)
EVER = Window(None, NOW + timedelta(days=2))


def store(project: TestProject, *paths: str) -> None:
    store_events(project, [{"path": path} for path in paths])


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The projects for which an engine was asked."""
    projects: list[bytes] = []

    def note(project_id: bytes, *given: object) -> object:
        projects.append(project_id)
        return run(project_id, *given)  # type: ignore[arg-type]

    monkeypatch.setattr("reporting.columns.answer_source.run", note)
    return projects


def count_views(read: Api) -> int:
    answer = read.get("/stats", filter="path:is:/a")
    assert answer.status_code == 200, answer.content
    return int(answer.json()["totalViews"])


def test_an_answer_is_computed_once_until_there_is_something_new(
    project: TestProject, read: Api, ran: list[bytes]
) -> None:
    store(project, "/a", "/b")
    export_project(project.id)
    assert [count_views(read) for _ in range(3)] == [1, 1, 1]
    assert ran == [project.id]
    store(project, "/a")
    assert [count_views(read) for _ in range(3)] == [2, 2, 2]
    assert ran == [project.id] * 2


def test_a_remembered_answer_is_as_fresh_as_the_question(project: TestProject) -> None:
    store(project, "/a")
    query = ask_for(project, "views")
    [first], [second] = answer_all([query]), answer_all([query])
    assert first.provenance.fresh_as_of < second.provenance.fresh_as_of
    assert replace(first, provenance=second.provenance) == second


def test_a_unit_that_begins_at_this_very_moment_is_not_remembered_as_one_to_come(
    project: TestProject,
) -> None:
    store(project, "/a")
    start = NOW.replace(second=0, microsecond=0)
    boundaries = tuple(start + timedelta(minutes=n) for n in (-1, 0, 1))
    query = replace(
        ask_for(project, "users"),
        dimensions=(Unit("minute"),),
        span=Span(window=Window(boundaries[0], boundaries[-1]), boundaries=boundaries),
    )

    [at] = answer_all([replace(query, now=start)])
    [after] = answer_all([replace(query, now=start + timedelta(milliseconds=1))])

    assert [row.metrics for row in at.rows] == [(0,), (None,)]
    assert [row.metrics for row in after.rows] == [(0,), (0,)]


def test_an_hour_of_all_that_has_begun_meanwhile_is_told(project: TestProject) -> None:
    store(project, "/a")
    asked = ask_for(project, "views")
    asked = replace(asked, dimensions=(Unit("hour"),), span=Span(window=EVER))

    for hours in range(3):
        now = asked.now + timedelta(hours=hours)
        [answer] = answer_all([replace(asked, now=now)])
        unknown = [row.dimensions[0] for row in answer.rows if row.metrics == (None,)]
        assert unknown[0] - timedelta(hours=1) < now <= unknown[0]


def ask_for(project: TestProject, metric: str, days: int = 1) -> TableQuery:
    now = datetime.now(UTC)
    window = Window(now - timedelta(days=days), now + timedelta(days=1))
    return TableQuery(
        project=project.id,
        metrics=(Metric(metric, metric),),
        span=Span(window=window),
        timezone=UTC,
        now=now,
    )


def test_all_questions_of_a_request_are_of_one_moment(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, "/a")

    def open_and_store(*given: object, **named: object) -> object:
        view = open_view(*given, **named)  # type: ignore[arg-type]
        store(project, "/late")
        return view

    monkeypatch.setattr("reporting.columns.answer_source.open_view", open_and_store)
    asked = [ask_for(project, "views", days) for days in (1, 2, 3)]

    answers = answer_all(asked)

    assert [answer.totals.metrics for answer in answers] == [(1,)] * 3
    assert len({answer.provenance.fresh_as_of for answer in answers}) == 1
    assert answer_all([]) == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Gunicorn]:
    server = Gunicorn(tmp_path / "gunicorn.log")
    server.start()
    yield server
    server.stop()


@pytest.mark.slow
def test_gunicorn_answers_from_the_columns(server: Gunicorn, project: TestProject) -> None:
    store(project, "/a", "/b")
    export_project(project.id)
    store(project, "/a")
    for _ in range(2):
        answer = server.request("GET", "/stats?filter=path:is:/a", key=project.read_key)
        assert (answer.status, answer.json()["totalViews"]) == (200, 2), server.read_log()
