"""`manage.py ledger --check`: it finds what is wrong, and takes nothing in flight for wrong."""

import threading
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.databases.mongo import DUPLICATES, EVENTS, LEDGER_SUMMARIES, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import accepted_key, stream_key, waiting_key
from ingestion.drain.acks import ack
from ingestion.drain.loop import drain
from ingestion.drain.reader import Reader
from ingestion.store.prepare import prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.consumers import this_consumer
from tests.conftest import Api, TestProject
from tests.poison import accept_poison
from upkeep.ledger import check as ledger_check
from upkeep.ledger.check import check_ledger
from upkeep.ledger.lines import read_counters, read_ledger


@pytest.fixture(autouse=True)
def books(project: TestProject, ingest: Api) -> None:
    """Four accepted and stored, one duplicate, one dead, one that waits."""
    send(ingest, "a", "b", "c", "d")
    drain(0)
    send(ingest, "a")
    accept_poison(project)
    drain(0)
    send(ingest, "waits")


def send(ingest: Api, *ids: str) -> None:
    events = [{"path": "/a", "eventId": event_id} for event_id in ids]
    assert ingest.post("/events", events).status_code == 202


def run_check(*options: str, wait: float = 0) -> str:
    output = StringIO()
    call_command("ledger", "--check", *options, wait=wait, stdout=output)
    return output.getvalue()


def fail_check(*options: str, wait: float = 0) -> str:
    output = StringIO()
    with pytest.raises(CommandError, match="do not balance") as refusal:
        call_command("ledger", "--check", *options, wait=wait, stdout=output)
    assert refusal.value.returncode == 1
    return output.getvalue()


def field_of(project: TestProject) -> str:
    return f"{project.id.hex()}:{read_ledger(project.id)[0].day}"


def test_books_that_balance_pass_and_it_says_what_was_compared() -> None:
    told = run_check("--deep")

    assert "1 entries of the stream (0 of their events settled and not acked yet)" in told
    assert "1 lines: 1 balance, 0 differ, 0 never held still" in told
    assert "5 columns of days counted in documents, 0 differences" in told


def test_an_entry_that_vanished_from_the_stream_is_a_difference(project: TestProject) -> None:
    stream: Any = stream_client()
    [(raw_id, _)] = stream.xrange(stream_key(0))
    stream.xdel(stream_key(0), raw_id)
    assert read_ledger(project.id)[0].difference == 0  # by the counters all is well

    told = fail_check()

    assert "1 accepted events are nowhere" in told
    assert "the counter says that 1 wait, the stream holds 0" in told


def test_more_settled_than_accepted_is_a_difference(project: TestProject) -> None:
    day = read_ledger(project.id)[0].day
    collection(LEDGER_SUMMARIES).insert_one({"project": project.id, "day": day, "stored": 2})

    assert "2 more events are accounted for than were accepted" in fail_check()


def test_a_total_that_drifted_is_a_difference() -> None:
    stream_client().hincrby(waiting_key(0), "total", 5)

    assert "the total of waiting events is 5 off from its own lines" in fail_check()


def test_what_is_committed_and_not_acked_yet_is_no_difference(
    project: TestProject, ingest: Api
) -> None:
    send(ingest, "a", "e")  # one of the two will be a duplicate
    reader = Reader(0, this_consumer())
    batch = reader.next_batch()
    write_batch(0, prepare(batch))
    assert read_ledger(project.id)[0].difference == -3

    assert "2 entries of the stream (3 of their events settled and not acked yet)" in run_check()
    ack(0, batch)
    assert "0 differ" in run_check()


def test_a_line_that_moves_is_read_again_until_it_holds_still(
    ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    moves = iter(["x", "y"])

    def move() -> None:
        for event_id in moves:
            send(ingest, event_id)
            break

    move_between_counters(monkeypatch, move)
    monkeypatch.setattr(ledger_check, "PAUSE_SECONDS", 0.01)

    told = run_check(wait=30)

    assert "1 balance, 0 differ, 0 never held still" in told
    assert "3 readings" in told


def test_a_line_that_never_holds_still_is_said_to_and_is_no_difference(
    ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    move_between_counters(monkeypatch, lambda: send(ingest, "again"))

    assert "0 balance, 0 differ, 1 never held still" in run_check()


def test_a_loss_shows_on_a_line_that_moves_as_well(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream_client().hincrby(accepted_key(0), field_of(project), 50)
    move_between_counters(monkeypatch, lambda: send(ingest, "again"))

    assert "50 accepted events are nowhere" in fail_check()


def move_between_counters(monkeypatch: pytest.MonkeyPatch, move: Any) -> None:
    """Something happens between the first and the second look at Redis's counters."""
    looks = iter(range(1_000))

    def move_and_read() -> Any:
        if next(looks) % 2:
            move()
        return read_counters()

    monkeypatch.setattr(ledger_check, "read_counters", move_and_read)


@pytest.mark.slow
def test_under_a_load_that_is_drained_meanwhile_no_reading_finds_a_difference(
    ingest: Api, drained_load: None
) -> None:
    for _ in range(15):
        check = check_ledger(wait_seconds=0)
        assert check.wrong == []


@pytest.fixture
def drained_load(ingest: Api) -> Iterator[None]:
    """Requests and drains without a pause, until the test ends."""
    stopped = threading.Event()

    def send_on() -> None:
        while not stopped.is_set():
            ingest.post("/events", [{"path": "/load"}] * 20)

    def drain_on() -> None:
        while not stopped.is_set():
            drain(0, 0.5)

    threads = [threading.Thread(target=work) for work in (send_on, drain_on)]
    for thread in threads:
        thread.start()
    yield
    stopped.set()
    for thread in threads:
        thread.join()


def test_a_document_that_is_missing_is_found_by_counting_documents(project: TestProject) -> None:
    assert "0 differ" in run_check()
    collection(EVENTS).delete_one({"project": project.id})

    assert "4 stored in the books, 3 documents" in fail_check("--deep")


def test_days_whose_documents_may_have_expired_are_not_counted(
    project: TestProject, settings: Any
) -> None:
    collection(DUPLICATES).delete_many({})
    assert "1 duplicate in the books, 0 documents" in fail_check("--deep")
    settings.DUPLICATES_KEPT_DAYS = 0

    assert "3 columns of days counted in documents, 0 differences" in run_check("--deep")


def test_a_project_id_that_is_none_is_refused() -> None:
    with pytest.raises(CommandError, match="16 hex digits"):
        call_command("ledger", project="shop")
