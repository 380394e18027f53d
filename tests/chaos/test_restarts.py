"""Restarts in order: nobody should notice."""

import os
import signal
import time

import pytest

from tests.chaos.system import START_SECONDS, stop, wait_for
from tests.chaos.trial import Chaos

pytestmark = pytest.mark.chaos


def test_a_reload_of_gunicorn(chaos: Chaos) -> None:
    web = chaos.system.web
    with chaos.under_load("SIGHUP to the gunicorn master"):
        before = set(web.children)
        os.kill(web.process.pid, signal.SIGHUP)
        wait_for(lambda: not before & set(web.children), START_SECONDS, "new workers serve")


def test_a_new_worker_before_the_old_one_ends(chaos: Chaos) -> None:
    system = chaos.system
    with chaos.under_load("rolling restart: a new Celery worker, then SIGTERM to the old"):
        old, new = system.worker.process, system.build_program("worker")
        new.start()
        system.worker.replace(new)
        time.sleep(3)
        stop(old)


@pytest.mark.parametrize("name", ["web", "worker", "beat"])
def test_sigterm_to(name: str, chaos: Chaos) -> None:
    kept = getattr(chaos.system, name)
    with chaos.under_load(f"SIGTERM to {name}, started again when it has ended"):
        chaos.system.restart(kept)


@pytest.mark.parametrize("name", ["stream", "broker", "mongo"])
def test_a_restart_of(name: str, chaos: Chaos) -> None:
    kept = getattr(chaos.system, name)
    titles = {"stream": "the stream's Redis", "broker": "the broker's Redis", "mongo": "mongod"}
    with chaos.under_load(f"restart of {titles[name]}"), kept.paused():
        kept.process.restart()
