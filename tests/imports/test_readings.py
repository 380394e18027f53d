"""A process reads a few files at once: the projects share these places, each has its turn."""

import time
from collections.abc import Iterator

import pytest

from exchange.incoming import readings, taking
from exchange.incoming.job import give_up
from exchange.incoming.reading import Reading, open_source
from tests.conftest import TestProject, make_project
from tests.imports.imports import TABLE, ask, find, run, table
from tests.imports.test_crash_safety import ROWS, stride

Asked = tuple[TestProject, str]


@pytest.fixture(autouse=True)
def of_a_row(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Each stride takes a row, and no place is held for long."""
    monkeypatch.setattr(taking, "STRIDE_SECONDS", 0.0)
    yield
    readings.READINGS.close()


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The import of each reading that was begun anew."""
    found: list[str] = []

    def note(path, *args, **more) -> Reading:  # type: ignore[no-untyped-def]
        found.append(path.parent.name)
        return open_source(path, *args, **more)

    monkeypatch.setattr(readings, "open_source", note)
    return found


def ask_to_read(*projects: TestProject) -> list[Asked]:
    """An import of each, at its reading."""
    asked = [(project, ask(project, table(*ROWS), TABLE)) for project in projects]
    for project, import_id in asked:
        for _ in range(2):
            stride(project, import_id)
    return asked


def read_on(*asked: Asked) -> None:
    for project, import_id in asked:
        stride(project, import_id)


def rows_of(asked: Asked) -> int:
    return find(*asked).get("readSoFar", {"rows": 0})["rows"]


def test_a_project_that_has_none_read_has_its_turn_at_once_and_nobody_begins_anew_each_time(
    project: TestProject, other_project: TestProject, opened: list[str]
) -> None:
    four = ask_to_read(project, project, other_project, other_project)
    [fifth] = ask_to_read(make_project("Third"))
    read_on(*four)
    for rows in (1, 2, 3):
        read_on(fifth)
        assert rows_of(fifth) == rows
        read_on(*four)
    assert [rows_of(each) for each in four] == [1, 4, 4, 4]  # its project has another read
    assert sorted(opened) == sorted(import_id for _, import_id in [*four, fifth])
    assert run(*fifth)["counts"]["imported"] == 60
    assert run(*four[0])["counts"]["imported"] == 60


def test_an_import_that_has_ended_holds_no_place(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(readings, "MOST_KEPT", 1)
    first, second = ask_to_read(project, project)
    read_on(first, second)
    assert (rows_of(first), rows_of(second)) == (1, 0)
    give_up(project.id, first[1], "a test")
    read_on(second)
    assert rows_of(second) == 1


def test_where_each_place_is_of_another_project_they_take_turns(
    project: TestProject,
    other_project: TestProject,
    monkeypatch: pytest.MonkeyPatch,
    opened: list[str],
) -> None:
    monkeypatch.setattr(readings, "MOST_KEPT", 1)
    first, second = ask_to_read(project, other_project)
    for _ in range(3):
        read_on(first, second)
    assert (rows_of(first), rows_of(second)) == (3, 0)
    assert len(opened) == 1
    monkeypatch.setattr(readings, "TURN_SECONDS", 0.0)
    until = time.monotonic() + 30
    while not rows_of(second):  # the first had its turn once it read for as long as it began
        read_on(second)
        assert time.monotonic() < until
    assert (rows_of(first), rows_of(second)) == (3, 1)
