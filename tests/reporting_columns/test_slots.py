"""A question gets an engine for its time and its memory, and stalls nobody."""

import os
import subprocess
import sys
import time
from pathlib import Path

import duckdb
import pytest
from django.conf import settings

from analytics.web.asker import asked_by
from analytics.web.problems import BadRequest, Problem, Unavailable
from columns.files.scratch import make_scratch
from reporting.columns.slots import Engine, run
from reporting.columns.slots.engines import Slots
from tests.paths import ROOT
from tests.reporting_columns.views import soon

pytestmark = pytest.mark.usefixtures("store")

PROJECT = b"project."
ENDLESS = "SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) % 5 = 1"


def ask(engine: Engine) -> int:
    [[found]] = engine.execute("SELECT 42").fetchall()
    return int(found)


def refuse(work: object, deadline: float | None = None) -> Problem:
    with pytest.raises(Problem) as refusal:
        run(PROJECT, deadline or soon(), work)  # type: ignore[arg-type]
    return refusal.value


def test_a_question_ends_at_its_deadline_and_the_engine_goes_on() -> None:
    begun = time.monotonic()
    refusal = refuse(lambda engine: engine.execute(ENDLESS).fetchall(), soon(0.3))
    assert time.monotonic() - begun < settings.QUERY_TIMEOUT_SECONDS - 2
    assert (type(refusal), refusal.code) == (BadRequest, "query_timeout")
    assert run(PROJECT, soon(), ask) == 42


def test_a_question_ends_where_nobody_waits_for_its_answer() -> None:
    begun = time.monotonic()
    with asked_by(lambda: True):
        refusal = refuse(lambda engine: engine.execute(ENDLESS).fetchall(), soon(3_600))
    assert time.monotonic() - begun < settings.QUERY_TIMEOUT_SECONDS - 2
    assert refusal.code == "query_timeout"
    assert run(PROJECT, soon(), ask) == 42


def test_an_interruption_between_two_statements_is_said_again() -> None:
    def work(engine: Engine) -> None:
        time.sleep(0.3)
        engine.execute(ENDLESS).fetchall()

    assert refuse(work, soon(0.1)).code == "query_timeout"


def test_what_two_threads_have_no_memory_for_one_may_have() -> None:
    """Of events with 4 KB of properties each, any question for one of these."""

    def work(engine: Engine) -> int:
        [(threads,)] = engine.execute("SELECT current_setting('threads')").fetchall()
        if threads > 1:
            raise duckdb.OutOfMemoryException("of two")
        return int(threads)

    slots = Slots(1, 64)
    assert [slots.run(PROJECT, soon(), work) for _ in range(2)] == [1, 1]
    assert slots.run(PROJECT, soon(), ask) == 42
    slots.close()


def test_more_memory_than_its_share_is_refused() -> None:
    refusal = refuse(
        lambda engine: engine.execute("SELECT list(i) FROM range(100000000) t(i)").fetchall()
    )
    assert (type(refusal), refusal.code) == (BadRequest, "query_too_large")
    assert run(PROJECT, soon(), ask) == 42


def test_who_waits_in_vain_is_told_when_to_come_again() -> None:
    slots = Slots(1, 64)
    assert slots._turns.take(b"another.", soon())
    with pytest.raises(Unavailable) as refusal:
        slots.run(PROJECT, soon(0.1), ask)
    assert refusal.value.code == "query_busy"
    assert int(refusal.value.headers["Retry-After"]) > 0


def test_an_engine_that_failed_is_replaced(caplog: pytest.LogCaptureFixture) -> None:
    used: list[Engine] = []

    def fail(engine: Engine) -> None:
        used.append(engine)
        raise duckdb.FatalException("the database has been invalidated")

    slots = Slots(1, 64)
    slots.run(PROJECT, soon(), ask)
    [before] = slots._idle
    with pytest.raises(Unavailable) as refusal:
        slots.run(PROJECT, soon(), fail)
    assert refusal.value.code == "query_failed"
    assert slots._idle == []
    assert slots.run(PROJECT, soon(), ask) == 42
    assert slots._idle != [before]
    slots.close()


def test_a_file_that_cannot_be_read_is_no_fault_of_the_question() -> None:
    refusal = refuse(
        lambda engine: engine.execute(
            f"SELECT * FROM read_parquet('{make_scratch()}/none.parquet')"
        )
    )
    assert (refusal.status, refusal.code) == (503, "columns_unavailable")


def test_what_the_work_raises_is_raised_and_nothing_of_it_is_left() -> None:
    def work(engine: Engine) -> None:
        engine.execute("CREATE TEMP TABLE left_over AS SELECT 1")
        raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"):
        run(PROJECT, soon(), work)
    refusal = refuse(lambda engine: engine.execute("SELECT * FROM left_over"))
    assert isinstance(refusal.__cause__, duckdb.CatalogException)


def test_a_failure_is_logged_without_what_it_quotes(caplog: pytest.LogCaptureFixture) -> None:
    value = "/".join(["sec", "ret"])
    refusal = refuse(lambda engine: engine.execute("SELECT CAST($v AS INTEGER)", {"v": value}))

    assert (refusal.status, refusal.code) == (503, "query_failed")
    assert "ConversionException" in caplog.text
    assert value not in caplog.text + str(refusal.detail)


GEVENT = """
from gevent import monkey
monkey.patch_all()
import django, gevent, time
django.setup()
from reporting.columns.slots import run

gaps = [0.0]
def tick():
    while True:
        before = time.process_time()  # as the machine may do something else for a while
        gevent.sleep(0.005)
        gaps.append(time.process_time() - before)

ENDLESS = "SELECT count(*) FROM range(100000000000) t(i) WHERE hash(i) % 5 = 1"
def ask(project, seconds):
    try:
        run(project, time.monotonic() + seconds, lambda engine: engine.execute(ENDLESS).fetchall())
    except Exception as exc:
        return exc.code

def die(project):
    run(project, time.monotonic() + 1, lambda engine: engine.execute(ENDLESS).fetchall())

run(b"a" * 8, time.monotonic() + 20, lambda engine: 1)
gevent.spawn(tick)
gevent.sleep(0.05)
gaps.clear()
asked = [gevent.spawn(ask, bytes([65 + n]) * 8, 3) for n in range(2)]
gevent.joinall(asked)
print([one.value for one in asked], len(gaps) > 20, max(gaps) < 0.6)
killed = gevent.spawn(die, b"k" * 8)
gevent.sleep(0.2)
killed.kill()
print(run(b"k" * 8, time.monotonic() + 20, lambda engine: engine.execute("SELECT 42").fetchall()))
"""


@pytest.mark.slow
def test_where_one_thread_serves_many_they_are_not_stalled(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", GEVENT],
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "QUERY_TEMP_DIR": str(tmp_path),
        },
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.splitlines() == [
        "['query_timeout', 'query_timeout'] True True",
        "[(42,)]",
    ], done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_who_only_accepts_loads_no_engine() -> None:
    program = (
        "import django, sys; django.setup()\n"
        "import config.wsgi, config.accepting_urls, ingestion.server.hot_path\n"
        "from django.urls import get_resolver; get_resolver().url_patterns\n"
        "print(sorted(n for n in sys.modules if n == 'duckdb' or n.startswith('reporting.col')))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "DJANGO_SETTINGS_MODULE": "config.settings", "ROLE": "ingest"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout == "[]\n", done.stderr
