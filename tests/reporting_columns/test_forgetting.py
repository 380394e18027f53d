"""What a process keeps for questions is bounded, and goes when MongoDB lists it no more."""

import errno
import os
import shutil
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from pymongo.errors import ExecutionTimeout

from analytics.databases.mongo import COLUMN_HEADS, COLUMN_VEILS, collection
from analytics.web.asker import asked_by
from analytics.web.problems import BadRequest, Unavailable
from columns.export import export_project
from columns.files.scratch import make_scratch
from reporting.columns.read import remember, rows_file, sweeping, tail
from reporting.columns.read.remembered import Answers
from reporting.columns.read.sweeping import sweep
from reporting.columns.view import View
from tests.columns.folders import in_either_place
from tests.conftest import TestProject, make_project
from tests.reporting_columns.views import open_one, read_paths, soon
from tests.stored import store_events

pytestmark = in_either_place


def store(project: TestProject, *paths: str) -> None:
    store_events(project, [{"path": path} for path in paths])


def list_files(project: TestProject) -> list[Path]:
    return sorted((make_scratch() / project.id.hex()).iterdir())


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Any:
    """No question is under way any more."""

    def come() -> None:
        monkeypatch.setattr(tail, "read_seconds", lambda: 0.0)

    return come


def test_a_sweep_deletes_what_was_exported_but_not_under_a_question(
    project: TestProject, later: Any
) -> None:
    store(project, "/a")
    view = open_one(project)
    export_project(project.id)
    sweep()
    assert read_paths(project, view) == ["/a"]

    later()
    sweep()

    assert list_files(project) == []
    assert read_paths(project, open_one(project)) == ["/a"]


def test_a_sweep_leaves_what_is_still_fresh(project: TestProject, later: Any) -> None:
    store(project, "/a")
    [path] = open_one(project).tail
    later()
    sweep()
    assert open_one(project).tail == (path,)


def test_a_question_deletes_what_became_of_use_to_nobody(
    project: TestProject, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tail, "MOST_FILES", 2)
    later()
    for n in range(3):
        store(project, f"/{n}")
        open_one(project)
    store(project, "/3")
    view = open_one(project)
    assert [str(path) for path in list_files(project)] == sorted(view.tail)
    assert len(view.tail) == 2


def test_the_project_that_was_asked_for_longest_ago_goes_first(
    project: TestProject, later: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [make_project(f"Other {n}") for n in range(2)]
    for each in (project, *others):
        store(each, "/a")
        open_one(each)
    later()
    monkeypatch.setattr(
        tail, "MAX_BYTES", sum(len(f.read_bytes()) for f in list_files(project)) * 2
    )

    open_one(project)  # so that another was not asked for longest
    store(others[1], "/b")
    open_one(others[1])

    assert list_files(others[0]) == []
    assert read_paths(others[0], open_one(others[0])) == ["/a"]


def test_stored_events_are_kept_for_their_question_alone(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, "/a")
    collection(COLUMN_HEADS).insert_one(
        {"_id": project.id, "revision": 1, "generation": 0, "oldUntil": 2**62}
    )
    monkeypatch.setattr("reporting.columns.read.stored.read_seconds", lambda: 0.0)
    view = open_one(project)
    [path] = view.stored[0].files
    assert Path(path).exists()
    sweep()
    assert not Path(path).exists()


def ask(view: View, question: str, answers: list[str]) -> str:
    def make() -> str:
        answers.append(question)
        return f"{question} {len(answers)}"

    return remember(view, question, soon(), make)


def test_an_equal_question_of_an_equal_view_is_answered_once(project: TestProject) -> None:
    store(project, "/a")
    asked: list[str] = []
    assert [ask(open_one(project), "q", asked) for _ in range(3)] == ["q 1"] * 3
    assert ask(open_one(project), "other", asked) == "other 2"
    store(project, "/b")
    assert ask(open_one(project), "q", asked) == "q 3"
    export_project(project.id)
    assert ask(open_one(project), "q", asked) == "q 4"


def test_a_neighbour_is_answered_anew(project: TestProject, other_project: TestProject) -> None:
    asked: list[str] = []
    assert ask(open_one(project), "q", asked) == "q 1"
    assert ask(open_one(other_project), "q", asked) == "q 2"


def test_a_sweep_forgets_the_answers_of_what_is_gone(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = Answers()
    monkeypatch.setattr(sweeping, "answers", answers)
    store(project, "/a")
    answers.remember(open_one(project), "q", soon(), lambda: 1)
    sweep()
    assert answers.list_projects() == {project.id}
    collection(COLUMN_VEILS).insert_one(
        {"_id": "e", "project": project.id, "userId": "alice", "lastPlace": b"p"}
    )
    sweep()
    assert answers.list_projects() == set()
    answers.remember(open_one(project), "q", soon(), lambda: 1)
    export_project(project.id)
    sweep()
    assert answers.list_projects() == set()


def test_answers_take_no_more_than_their_bytes(project: TestProject) -> None:
    answers = Answers(max_bytes=50_000)
    view = open_one(project)
    asked: list[int] = []

    def make(n: int) -> str:
        asked.append(n)
        return "x" * 1_000

    for n in [*range(20), 19, 0]:
        answers.remember(view, n, soon(), partial(make, n))
    assert asked == [*range(20), 0]


def test_a_long_question_counts_among_these_bytes(project: TestProject) -> None:
    answers = Answers(max_bytes=50_000)
    view = open_one(project)
    asked: list[str] = []

    def make(question: str) -> int:
        asked.append(question[0])
        return 1

    for question in ("a" * 20_000, "b", "a" * 20_000, "b"):
        answers.remember(view, question, soon(), partial(make, question))
    assert asked == ["a", "b", "a"]


def test_nothing_is_put_into_the_folder_of_another_user(
    project: TestProject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store(project, "/a")
    if os.geteuid():
        pytest.skip("only root gives folders away")
    os.chown(tmp_path, 12_345, -1)
    monkeypatch.setattr(settings, "QUERY_TEMP_DIR", tmp_path)

    with pytest.raises(Unavailable) as refused:
        open_one(project)
    assert refused.value.code == "columns_unavailable"
    assert list(tmp_path.iterdir()) == []


def test_the_folder_is_made_anew_where_somebody_removed_it(project: TestProject) -> None:
    store(project, "/a")
    open_one(project)
    shutil.rmtree(settings.QUERY_TEMP_DIR)
    assert read_paths(project, open_one(project)) == ["/a"]
    assert rows_file.read_seconds() > settings.QUERY_TIMEOUT_SECONDS


def test_a_full_disk_is_no_fault_of_the_question(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> bool:
        raise OSError(errno.ENOSPC, "No space left on device")

    store(project, "/a")
    monkeypatch.setattr(rows_file, "_write_lines", fail)
    with pytest.raises(Unavailable) as refusal:
        open_one(project)
    assert refusal.value.code == "columns_unavailable"


@pytest.mark.parametrize("late", [True, False])
def test_who_fails_to_write_events_leaves_none(
    project: TestProject, monkeypatch: pytest.MonkeyPatch, late: bool
) -> None:
    """Nobody would look for them where they are, and drop those of an erased user."""
    endless = "SELECT i, hash(i)::VARCHAR FROM range(100000000000) t(i)"
    monkeypatch.setattr(rows_file, "select_rows", lambda _: endless)
    events = [{"_id": project.id + bytes(16), "path": "/a"}]

    # Who asked has left, which ends it soon, whatever the machine does before it begins.
    with pytest.raises(ExecutionTimeout if late else BadRequest), asked_by(lambda: True):
        rows_file.write_events(project.id, soon(-1 if late else 20), events)
    assert list_files(project) == []
