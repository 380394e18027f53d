"""An import is killed at each of its steps, and stores the same events once."""

from typing import Any

import pytest

from analytics.databases import mongo
from analytics.databases.mongo import collection
from exchange.incoming import readings, taking
from tests.conftest import TestProject
from tests.exchange.exports import export, stored
from tests.imports.dying import POINTS, die_at
from tests.imports.imports import TABLE, ask, bring, run, table
from tests.stored import store_events
from upkeep.ledger.lines import read_ledger

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
    for point in POINTS:
        die_at(point, import_id)
    done = run(project, import_id)
    assert done["counts"] == {"imported": 60, "stored": 0, "erased": 0}
    assert done["report"]["rows"] == 60
    events = list_events(project)
    assert len(events) == 60
    [line] = read_ledger(project.id)
    assert (line.accepted, line.stored, line.duplicate, line.imported) == (60, 60, 0, 60)
    again = bring(project, content, TABLE)
    assert again["counts"] == {"imported": 0, "stored": 60, "erased": 0}
    assert list_events(project) == events
    [line] = read_ledger(project.id)
    assert line.accepted == 60


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
