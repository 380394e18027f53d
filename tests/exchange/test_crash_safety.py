"""An export is killed at each of its steps, while events arrive, and is the same in the end."""

import json
from typing import Any

import pytest

from columns.export import export_project
from columns.merge import merge_project
from columns.pins import list_pinned
from exchange.outgoing import ending
from exchange.outgoing.job import Export, file_of, find_export
from exchange.outgoing.work import hold_work
from exchange.outgoing.writer import RowWriter
from tests.conftest import TestProject
from tests.exchange.dying import POINTS
from tests.exchange.exports import ask, export, read, run, stored
from tests.mortals import start_mortals
from tests.stored import store_events
from tests.upkeep.erasure.erasures import pass_time
from upkeep.exports.folder import delete_project
from upkeep.jobs.job import MustWait


def fill(project: TestProject) -> None:
    for part in range(3):
        store_events(project, [{"path": f"/{part}/{n}", "userId": f"u{n}"} for n in range(5)])
        if part < 2:
            export_project(project.id)


def go_on_living(project: TestProject, number: int) -> None:
    """What is stored later goes into the columns, and files that were replaced are deleted."""
    store_events(project, [{"path": f"/later/{number}"}])
    export_project(project.id)
    merge_project(project.id)
    pass_time()


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.parametrize("format_", ["parquet", pytest.param("jsonl", marks=pytest.mark.nightly)])
def test_killed_at_each_step_and_repeated_it_has_the_same_bytes(
    project: TestProject, format_: str
) -> None:
    fill(project)
    expected = stored(project)
    calm = export(project, format_)
    export_id = ask(project, format_)
    with start_mortals("tests.exchange.dying") as mortals:
        mortals.die(POINTS[0], export_id)
        for number, point in enumerate(POINTS[1:]):
            mortals.die(point, export_id)
            go_on_living(project, number)
    done = run(project, export_id)

    assert read(done) == expected
    assert file_of(done).read_bytes() == file_of(calm).read_bytes()
    assert _without_moment(done) == _without_moment(calm)


def _without_moment(done: Any) -> Any:
    return {name: value for name, value in json.loads(done["manifest"]).items() if name != "asOf"}


def test_what_is_stored_after_its_moment_is_not_in_it(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the files of its moment were replaced before it read them."""
    fill(project)
    expected = stored(project)
    writing = RowWriter.write

    def write(self: Any, done: Any) -> Any:
        go_on_living(project, done.source)
        return writing(self, done)

    monkeypatch.setattr(RowWriter, "write", write)
    done = export(project)
    assert read(done) == expected
    assert len(stored(project)) > len(expected)


def test_once_an_export_has_done_what_it_read_is_let_go_of(project: TestProject) -> None:
    fill(project)
    done = export(project)
    assert done["step"] == "done"
    assert list_pinned(project.id) == set()


def test_one_process_at_a_time_writes(project: TestProject) -> None:
    fill(project)
    found = find_export(project.id, ask(project))
    assert found is not None
    job = Export.parse(found)
    with hold_work(job), pytest.raises(MustWait), hold_work(job):
        pass


def test_an_export_whose_work_was_lost_begins_anew(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(project)
    export_id = ask(project)
    summing = ending._sum

    def lose(job: Any, path: Any, size: int) -> Any:
        monkeypatch.setattr(ending, "_sum", summing)
        delete_project(project.id)
        return summing(job, path, size)

    monkeypatch.setattr(ending, "_sum", lose)
    run(project, export_id)
    done = run(project, export_id)
    assert done["attempt"] == 2
    assert read(done) == stored(project)
