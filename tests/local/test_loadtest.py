"""`manage.py loadtest` tells the truth about the service it loads."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from ingestion.drain.loop import drain
from loadtest import proof
from loadtest.plan import PlanError, check_target, make_plan
from loadtest.proof import Proof
from loadtest.tally import Latencies, Tally
from tests.conftest import TestProject
from tests.service import Gunicorn
from upkeep.ledger.lines import read_ledger
from upkeep.management.commands import loadtest

pytest_plugins = ("tests.service",)


@pytest.fixture(autouse=True)
def _ask_often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "POLL_SECONDS", 0.1)
    monkeypatch.setattr(loadtest, "QUIET_TRIES", 0)


@contextmanager
def draining() -> Iterator[None]:
    ended = threading.Event()

    def work() -> None:
        while not ended.wait(0.05):
            drain(0, 0.1)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        yield
    finally:
        ended.set()
        worker.join()


def load(gunicorn: Gunicorn, project: TestProject, **options: Any) -> str:
    output = StringIO()
    call_command(
        "loadtest",
        url=f"http://127.0.0.1:{gunicorn.port}",
        ingest_key=project.ingest_key,
        read_key=project.read_key,
        stdout=output,
        **{"rate": 200, "seconds": 1, "connections": 4, **options},
    )
    return output.getvalue()


def test_it_finds_every_event_of_a_service_that_works(
    gunicorn: Gunicorn, project: TestProject, capsys: pytest.CaptureFixture[str]
) -> None:
    with draining():
        books = load(gunicorn, project, batch=20, copies=100)

    told = capsys.readouterr().out
    assert "Every accepted event was stored, and counted once." in told
    [line] = read_ledger(project.id)
    assert line.stored == 200
    assert line.duplicate == 200
    assert f"{'stored':<14}{0:>12}{200:>12}{'+200':>12}" in books


@pytest.mark.slow
def test_it_does_not_believe_a_service_that_stores_nothing(
    gunicorn: Gunicorn, project: TestProject, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(CommandError, match="not everything") as failure:
        load(gunicorn, project, rate=20, copies=0, settle=0)

    assert failure.value.returncode == 1
    told = capsys.readouterr().out
    assert f"lost            {20:>12}" in told
    assert "20 unknown" in told


@pytest.mark.slow
def test_refusals_are_told_by_their_codes(
    gunicorn: Gunicorn, project: TestProject, capsys: pytest.CaptureFixture[str]
) -> None:
    project.row.quota_events_per_month = 30
    project.row.save()
    with draining():
        load(gunicorn, project, rate=100, copies=0)

    told = capsys.readouterr().out
    assert f"{'429 over_quota':<24}{70:>10}" in told
    assert "Every accepted event was stored, and counted once." in told


def test_a_key_that_does_not_work_is_told_before_anything_is_sent(
    gunicorn: Gunicorn, project: TestProject
) -> None:
    with pytest.raises(CommandError, match="The read key does not work: 403"):
        call_command(
            "loadtest",
            url=f"http://127.0.0.1:{gunicorn.port}",
            ingest_key=project.ingest_key,
            read_key=project.ingest_key,
        )
    assert read_ledger(project.id) == []


def test_another_machine_is_not_loaded_unless_it_is_confirmed() -> None:
    with pytest.raises(PlanError, match=r"192\.0\.2\.1 is not this machine: say --yes"):
        check_target("http://192.0.2.1:8000", confirmed=False)
    check_target("http://192.0.2.1:8000", confirmed=True)
    check_target("http://[::1]:8000", confirmed=False)
    with pytest.raises(PlanError, match="is not the URL of a service"):
        check_target("ftp://localhost", confirmed=True)


def test_what_it_may_be_asked_is_bounded(tmp_path: Path) -> None:
    options = {
        "url": None, "rate": 100, "seconds": 10, "batch": 1, "copies": 5, "connections": 4,
        "settle": 10, "ingest_key": "in", "read_key": "out", "credentials": None, "yes": False,
    }  # fmt: skip
    nowhere = {"DATA_DIR": str(tmp_path)}
    assert make_plan(options, nowhere).requests == 1_000
    for name, value in (("rate", 50_001), ("seconds", 0), ("batch", 1_001), ("connections", 257)):
        with pytest.raises(PlanError, match=f"--{name} goes from"):
            make_plan({**options, name: value}, nowhere)
    with pytest.raises(PlanError, match="At most 20,000,000 events"):
        make_plan({**options, "rate": 50_000, "seconds": 3_600}, nowhere)
    with pytest.raises(PlanError, match="--read-key, or READ_KEY"):
        make_plan({**options, "read_key": None}, nowhere)


def test_percentiles_are_those_of_what_was_measured() -> None:
    latencies = Latencies()
    for milliseconds in range(1, 101):
        latencies.add(milliseconds / 1_000)
    assert (latencies.percentile_ms(50), latencies.percentile_ms(99)) == (50, 99)


def test_what_may_have_been_accepted_is_neither_lost_nor_counted_twice() -> None:
    tally = Tally()
    tally.note_accepted(["a", "b"], 0.1)
    tally.note_unknown(2)
    tally.note_refused("503 stream_unavailable", 1, 0.1, uncertain=True)
    assert Proof(stored=5).count_surplus(tally) == 0
    assert Proof(stored=6).count_surplus(tally) == 1
    assert Proof(stored=1).count_lost(tally) == 1
