"""An import is killed at each of its steps, and stores the same events once."""

from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from exchange.incoming import readings, taking
from exchange.incoming.job import Import
from exchange.incoming.mapping import Mapping
from exchange.incoming.reading import Reading, open_source
from exchange.incoming.run import IMPORTS
from tests.conftest import TestProject
from tests.exchange.exports import export, stored
from tests.imports.dying import POINTS
from tests.imports.imports import MAPPING, TABLE, ask, bring, find, read_books, run, table
from tests.mortals import start_mortals
from tests.stored import store_events
from upkeep.jobs.job import MustWait

ROWS = [(f"2024-05-{day:02}T10:00:00Z", f"/{n % 3}", "", "c1", "", "NZ")
        for day in (1, 2) for n in range(30)]  # fmt: skip


def list_events(project: TestProject) -> list[dict[str, Any]]:
    """Without what depends on when it was imported."""
    events = collection(mongo.EVENTS).find({"project": project.id})
    return sorted(
        ({name: value for name, value in event.items() if name not in ("place", "ingestedAt")}
         for event in events),
        key=lambda event: bytes(event["_id"]),
    )  # fmt: skip


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_each_step_and_repeated_it_stores_each_event_once(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = table(*ROWS)
    import_id = ask(project, content, TABLE)
    with start_mortals("tests.imports.dying") as mortals:
        for point in POINTS:
            mortals.die(point, import_id)
    done = run(project, import_id)
    assert done["counts"] == {"imported": 60, "stored": 0, "erased": 0}
    assert done["report"]["rows"] == 60
    events = list_events(project)
    assert len(events) == 60
    assert read_books(project) == (60, 60, 0, 60)
    again = bring(project, content, TABLE)
    assert again["counts"] == {"imported": 0, "stored": 60, "erased": 0}
    assert list_events(project) == events
    assert read_books(project)[0] == 60


def test_equal_rows_are_as_many_events_and_the_same_ones_each_time(project: TestProject) -> None:
    row = ("2024-05-01T10:00:00Z", "/a", "", "", "", "")
    first = bring(project, table(row, row, row), TABLE)
    assert first["counts"]["imported"] == 3
    second = bring(project, table(row, row, row, row), TABLE)
    assert second["counts"] == {"imported": 1, "stored": 3, "erased": 0}
    assert len(list_events(project)) == 4


def test_an_id_that_stands_in_a_file_twice_is_imported_once(
    project: TestProject, other_project: TestProject
) -> None:
    store_events(project, [{"path": "/a"}, {"path": "/b"}])
    from exchange.outgoing.job import file_of

    content = file_of(export(project)).read_bytes()
    done = bring(other_project, content + content)
    assert done["report"]["doubles"] == done["counts"]["imported"] == 2
    assert stored(other_project) == stored(project)


def test_strides_of_a_row_each_make_the_same_of_a_file(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each goes on where the one before was, also with a reading of its own."""
    monkeypatch.setattr(taking, "STRIDE_SECONDS", 0.0)
    monkeypatch.setattr(readings.READINGS, "give_back", lambda job, reading: reading.close())
    import_id = ask(project, table(*ROWS[:6]), TABLE)
    done = run(project, import_id)
    assert done["counts"]["imported"] == 6
    assert done["report"]["rows"] == 6


def stride(project: TestProject, import_id: str) -> None:
    """One, of the step that it is at."""
    job = Import.parse(find(project, import_id))
    with suppress(MustWait):
        IMPORTS.strides[job.step](job)


def test_the_rows_before_are_passed_in_strides_of_their_own(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So a file of which much is read already is gone on with, however long that takes."""
    import_id = ask(project, table(*ROWS), TABLE)
    monkeypatch.setattr(taking, "STRIDE_SECONDS", 0.0)
    passing, is_there = 3, Reading.is_there

    def pass_slowly(reading: Reading, deadline: float) -> bool:
        nonlocal passing
        passing -= 1
        return passing < 0 and is_there(reading, deadline)

    monkeypatch.setattr(Reading, "is_there", pass_slowly)
    for _ in range(2):  # to the reading
        stride(project, import_id)
    for rows in (0, 0, 0, 1, 2):
        stride(project, import_id)
        done = find(project, import_id).get("readSoFar")
        assert (done or {"rows": 0})["rows"] == rows
    assert run(project, import_id)["counts"]["imported"] == 60


def test_a_reading_gives_the_rows_behind_those_that_it_passes(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(table(*ROWS))
    mapping = msgspec.convert(MAPPING, Mapping)
    with open_source(path, "csv", mapping, skip=57) as reading:
        while not reading.is_there(0.0):
            pass
        assert reading.row == 57
        assert [item.row for item in reading] == [58, 59, 60]


def test_an_import_beyond_those_that_are_read_at_once_waits_and_comes_after(
    project: TestProject, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(taking, "STRIDE_SECONDS", 0.0)
    monkeypatch.setattr(readings, "MOST_KEPT", 1)
    first, second = ask(project, table(*ROWS), TABLE), ask(project, table(*ROWS[:2]), TABLE)
    for import_id in (first, second):
        for _ in range(2):  # to the reading
            stride(project, import_id)
    for import_id in (first, second, first, second):
        stride(project, import_id)
    assert find(project, first)["readSoFar"]["rows"] == 2
    assert "readSoFar" not in find(project, second)
    assert run(project, first)["counts"]["imported"] == 60
    assert run(project, second)["counts"] == {"imported": 0, "stored": 2, "erased": 0}


def test_blocks_that_were_lost_end_the_import_and_say_so(project: TestProject) -> None:
    import_id = ask(project, table(*ROWS), TABLE, confirmed=False)
    run(project, import_id)
    from exchange.incoming.job import confirm
    from upkeep.imports.folder import folder_of

    path = folder_of(project.id, import_id) / "spool"
    path.write_bytes(path.read_bytes()[:-5])
    confirm(project.id, import_id, "a test")
    done = run(project, import_id)
    assert (done["outcome"], done["error"]) == ("failed", "import_lost")
    assert not folder_of(project.id, import_id).exists()
    assert list_events(project) == []
