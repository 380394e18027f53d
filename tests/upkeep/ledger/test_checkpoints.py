"""Checkpoints: a Redis that forgot what it had accepted is noticed, and the books stay true."""

from datetime import timedelta
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from analytics.databases.mongo import LEDGER, LEDGER_CHECKPOINTS, LEDGER_GAPS, collection
from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_keys import accepted_key, stream_key, waiting_key
from analytics.events.ids import MS_PER_DAY, now_ms
from ingestion.drain.loop import drain
from ingestion.drain.reader import Reader
from ingestion.store.prepare import prepare
from ingestion.store.transaction import write_batch
from ingestion.stream.consumers import this_consumer
from tests.conftest import Api, TestProject
from tests.workers import waiting_events
from upkeep.ledger import checkpoints
from upkeep.ledger.check import check_ledger
from upkeep.ledger.checkpoints import take_checkpoint
from upkeep.ledger.gaps import EMPTIED, ROLLED_BACK, record_gap
from upkeep.ledger.lines import Line, read_ledger

State = dict[bytes, bytes]


def send(ingest: Api, count: int) -> None:
    assert ingest.post("/events", [{"path": "/a"}] * count).status_code == 202


def line_of(project: TestProject) -> Line:
    [line] = read_ledger(project.id)
    return line


def books_of(project: TestProject) -> tuple[int, ...]:
    line = line_of(project)
    return line.accepted, line.stored, line.waiting, line.lost, line.difference


def save_redis() -> State:
    """What the partition's keys hold, to be put back as from an older file."""
    client: Any = stream_client()
    return {key: client.dump(key) for key in client.scan_iter("*{p0}*")}


def restore_redis(state: State) -> None:
    client: Any = stream_client()
    empty_redis()
    for key, value in state.items():
        client.restore(key, 0, value)


def empty_redis() -> None:
    client: Any = stream_client()
    for key in client.scan_iter("*{p0}*"):
        client.delete(key)


def begin_tomorrow() -> None:
    """The next entry will be of tomorrow; entry ids only rise."""
    stream_client().execute_command("XSETID", stream_key(0), f"{now_ms() + MS_PER_DAY}-0")


def check(wait: float = 0) -> str:
    output = StringIO()
    call_command("ledger", "--check", wait=wait, stdout=output)
    return output.getvalue()


def test_days_that_are_over_are_kept_in_mongodb_alone(project: TestProject, ingest: Api) -> None:
    send(ingest, 3)
    drain(0)
    send(ingest, 2)
    assert take_checkpoint(0) is None
    assert stream_client().hlen(accepted_key(0)) == 1
    begin_tomorrow()

    assert take_checkpoint(0) is None

    assert stream_client().hlen(accepted_key(0)) == 0
    assert books_of(project) == (5, 3, 2, 0, 0)
    assert "1 balance, 0 differ" in check()


def test_a_process_that_dies_before_it_forgets_a_day_counts_it_once(
    project: TestProject, ingest: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    send(ingest, 3)
    begin_tomorrow()
    monkeypatch.setattr(checkpoints, "_close_days", lambda *_: None)
    take_checkpoint(0)
    assert books_of(project) == (3, 0, 3, 0, 0)
    monkeypatch.undo()

    take_checkpoint(0)

    assert books_of(project) == (3, 0, 3, 0, 0)


def test_an_emptied_redis_is_noticed_and_what_it_lost_is_stated(
    project: TestProject, ingest: Api
) -> None:
    send(ingest, 3)
    drain(0)
    send(ingest, 2)
    take_checkpoint(0)
    empty_redis()
    send(ingest, 4)
    with pytest.raises(CommandError):
        check()

    assert take_checkpoint(0) == EMPTIED

    assert books_of(project) == (9, 3, 4, 2, 0)
    told = check()
    assert "gap: the Redis of partition 0 was emptied between" in told
    assert "at most 2 events are gone" in told
    drain(0)
    send(ingest, 1)
    assert take_checkpoint(0) is None
    assert books_of(project) == (10, 7, 1, 2, 0)


def test_a_redis_that_lost_its_tail_is_noticed(project: TestProject, ingest: Api) -> None:
    send(ingest, 3)
    take_checkpoint(0)
    older = save_redis()
    send(ingest, 2)
    take_checkpoint(0)
    restore_redis(older)

    with pytest.raises(CommandError):
        check()
    assert take_checkpoint(0) == ROLLED_BACK

    assert books_of(project) == (5, 0, 3, 2, 0)
    drain(0)
    assert books_of(project) == (5, 3, 0, 2, 0)
    assert "0 differ" in check()


def test_what_was_lost_since_the_last_checkpoint_shows_by_what_was_stored(
    project: TestProject, ingest: Api
) -> None:
    send(ingest, 3)
    take_checkpoint(0)
    older = save_redis()
    send(ingest, 2)
    drain(0)
    restore_redis(older)  # it knows of 3, as the checkpoint does; MongoDB has 5
    with pytest.raises(CommandError):
        check()

    assert take_checkpoint(0) == ROLLED_BACK

    drain(0)
    assert books_of(project) == (5, 5, 0, 0, 0)
    assert take_checkpoint(0) is None
    assert "0 differ" in check()


def test_entries_that_come_back_after_they_were_stored_count_once(
    project: TestProject, ingest: Api
) -> None:
    send(ingest, 5)
    take_checkpoint(0)
    older = save_redis()
    send(ingest, 2)
    drain(0)
    take_checkpoint(0)
    restore_redis(older)

    assert take_checkpoint(0) == ROLLED_BACK
    drain(0)

    assert waiting_events() == 0
    assert books_of(project) == (7, 7, 0, 0, 0)
    assert check_ledger(wait_seconds=0).wrong == []


def test_what_turns_up_after_all_is_lost_no_more(project: TestProject, ingest: Api) -> None:
    """A worker that had read the entries stores them after Redis was emptied."""
    send(ingest, 2)
    take_checkpoint(0)
    reader = Reader(0, this_consumer())
    reader.ensure_group()
    batch = reader.next_batch()
    empty_redis()
    take_checkpoint(0)
    assert books_of(project) == (2, 0, 0, 2, 0)

    write_batch(0, prepare(batch))

    assert books_of(project) == (2, 2, 0, 0, 0)


def test_two_processes_write_one_gap(project: TestProject, ingest: Api) -> None:
    send(ingest, 2)
    take_checkpoint(0)
    row: Any = collection(LEDGER_CHECKPOINTS).find_one({"_id": 0})
    empty_redis()
    take_checkpoint(0)

    record_gap(0, row, checkpoints._read(0), EMPTIED)

    assert collection(LEDGER_GAPS).count_documents({}) == 1


def test_a_restart_that_lost_nothing_is_no_gap(
    project: TestProject, ingest: Api, servers: Any
) -> None:
    send(ingest, 2)
    take_checkpoint(0)
    servers.stream.kill()
    servers.stream.restart()

    assert take_checkpoint(0) is None
    assert collection(LEDGER_GAPS).count_documents({}) == 0


def test_a_project_that_was_deleted_gets_no_line_again(project: TestProject, ingest: Api) -> None:
    send(ingest, 2)
    project.row.__class__.objects.filter(pk=project.row.pk).update(
        deleted_at=project.row.created_at + timedelta(seconds=1)
    )

    take_checkpoint(0)

    assert collection(LEDGER).count_documents({}) == 0


def test_entries_that_somebody_deleted_are_missing_in_the_books_and_make_room(
    project: TestProject, ingest: Api
) -> None:
    send(ingest, 5)
    stream_client().delete(stream_key(0))
    send(ingest, 2)
    take_checkpoint(0)
    assert waiting_total() == 7  # as long as there are entries, some of these may be theirs
    drain(0)
    assert waiting_total() == 5

    take_checkpoint(0)

    assert waiting_total() == 0
    assert books_of(project) == (7, 2, 0, 0, 5)


def waiting_total() -> int:
    total: Any = stream_client().hget(waiting_key(0), "total")
    return int(total or 0)
