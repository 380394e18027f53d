"""The books: compaction changes none of their numbers, and the command prints them."""

from io import StringIO

from django.core.management import call_command

from analytics.databases.mongo import LEDGER, LEDGER_SUMMARIES, collection
from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject
from tests.poison import accept_poison
from upkeep.ledger.lines import compact_ledger, read_ledger


def keep_books(project: TestProject, ingest: Api) -> None:
    """Three stored, one duplicate, one dead, in two summaries; one that still waits."""
    ingest.post("/events", [{"path": "/a", "eventId": f"id-{n}"} for n in range(3)])
    drain(0)
    ingest.post("/event", {"path": "/a", "eventId": "id-0"})
    accept_poison(project)
    drain(0)
    ingest.post("/event", {"path": "/waits"})


def test_compacting_the_ledger_leaves_the_same_books(project: TestProject, ingest: Api) -> None:
    keep_books(project, ingest)
    before = read_ledger()
    assert collection(LEDGER_SUMMARIES).count_documents({}) == 2

    assert compact_ledger() == 2
    assert read_ledger() == before
    assert compact_ledger() == 0
    assert read_ledger() == before

    assert collection(LEDGER_SUMMARIES).count_documents({}) == 0
    assert collection(LEDGER).count_documents({}) == 1


def test_a_later_compaction_adds_to_what_an_earlier_one_counted(
    project: TestProject, ingest: Api
) -> None:
    keep_books(project, ingest)
    compact_ledger()
    drain(0)
    assert compact_ledger() == 1

    [line] = read_ledger(project.id)

    books = (line.accepted, line.stored, line.duplicate, line.dead, line.waiting, line.difference)
    assert books == (6, 4, 1, 1, 0, 0)


def test_the_command_prints_a_line_for_the_project(project: TestProject, ingest: Api) -> None:
    keep_books(project, ingest)
    output = StringIO()

    call_command("ledger", stdout=output)

    header, line = output.getvalue().splitlines()
    names = ["accepted", "stored", "duplicate", "dead", "waiting", "difference"]
    parts = ["erased", "imported", "lost"]
    assert header.split() == ["project", "day", *names, *parts]
    [books] = read_ledger(project.id)
    numbers = ["6", "3", "1", "1", "1", "0", "0", "0", "0"]
    assert line.split() == [project.id.hex(), books.date.isoformat(), *numbers]


def test_the_command_prints_only_the_project_that_is_asked_for(
    project: TestProject, other_project: TestProject, ingest: Api
) -> None:
    ingest.post("/event", {"path": "/a"})
    Api(other_project.ingest_key).post("/event", {"path": "/a"})
    output = StringIO()

    call_command("ledger", project=other_project.id.hex(), stdout=output)

    [line] = output.getvalue().splitlines()[1:]
    assert line.split()[0] == other_project.id.hex()
