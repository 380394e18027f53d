"""A real Prometheus scrapes a real run: quiet under load, and loud at the cause of each alert."""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager
from functools import partial
from pathlib import Path

import pytest

from local.process.child import Child
from local.process.ports import find_free_port
from tests.conftest import TestProject
from tests.operate.prometheus import Prometheus, alert_names
from tests.operate.provocations import PHASES, Provocation, Scene
from tests.paths import ROOT
from tests.servers_plugin import Servers
from tests.service import Gunicorn
from tests.workers import celery_worker, wait_until

DASHBOARD = ROOT / "deploy/grafana/dashboards/analytics.json"
LOAD_SECONDS = 1.5
PHASE_SECONDS = 60.0
PAUSE_SECONDS = 0.3
# Other work beside the tests makes accepting slow, which is what this one is about.
ON_A_BUSY_MACHINE = {"AnalyticsAcceptSlow"}


def test_every_alert_has_a_provocation() -> None:
    provoked = [alert for phase in PHASES for alert in phase]

    assert sorted(provoked) == sorted(alert_names())


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(not shutil.which("prometheus"), reason="needs Debian's prometheus")
def test_every_alert_is_quiet_under_load_and_fires_on_its_cause(
    project: TestProject, servers: Servers, tmp_path: Path
) -> None:
    worker_port = find_free_port()
    web = Gunicorn(tmp_path / "gunicorn.log")
    prometheus = Prometheus(tmp_path, web.port, worker_port)
    with (
        prometheus.run(),
        celery_worker(tmp_path, WORKER_METRICS_PORT=str(worker_port)) as worker,
        celery_beat(tmp_path) as beat,
        served(web),
    ):
        scene = Scene(servers, web, worker, beat, project)
        stay_quiet_under_load(prometheus, scene)
        for number, phase in enumerate(PHASES):
            provoke(prometheus, scene, phase)
            if number == 0:
                check_dashboard(prometheus)


def stay_quiet_under_load(prometheus: Prometheus, scene: Scene) -> None:
    seen = "count(analytics_alive_timestamp_seconds > 0) == 2"
    wait_until(
        lambda: len(prometheus.ask("up == 1")) == 3 and prometheus.has_data(seen),
        60, "three targets, beat and a worker",
    )  # fmt: skip
    deadline = time.monotonic() + LOAD_SECONDS
    while time.monotonic() < deadline:
        scene.post(50)
        scene.ask_for_stats()
        scene.web.request("POST", "/event", b"{}", key=scene.project.ingest_key)
    stored = 'sum(rate(analytics_drained_events_total{outcome="stored"}[15s])) > 0'
    wait_until(lambda: prometheus.has_data(stored), 30, "events drained")
    wait_until(lambda: prometheus.disquiet() <= ON_A_BUSY_MACHINE, 30, "none of them stirs")


def provoke(prometheus: Prometheus, scene: Scene, phase: Mapping[str, Provocation]) -> None:
    expected = set(phase)
    wait_until(lambda: not expected & prometheus.firing(), PHASE_SECONDS, f"quiet: {expected}")
    with ExitStack() as stack:
        provocations = [
            stack.enter_context(closing(begin(scene))) for begin in dict.fromkeys(phase.values())
        ]
        deadline = time.monotonic() + PHASE_SECONDS
        while missing := expected - scene.fired:
            assert time.monotonic() < deadline, f"do not fire: {missing}"
            for provocation in provocations:
                next(provocation, None)
            time.sleep(PAUSE_SECONDS)
            scene.fired.update(prometheus.firing() & expected)


def check_dashboard(prometheus: Prometheus) -> None:
    """After some trouble every panel has something to show."""
    panels = json.loads(DASHBOARD.read_text())["panels"]
    queries = [target["expr"] for panel in panels for target in panel.get("targets", ())]
    assert len(queries) > len(panels) // 2
    for query in queries:
        wait_until(partial(prometheus.has_data, query), 30, query)


@contextmanager
def served(web: Gunicorn) -> Iterator[None]:
    web.start()
    try:
        yield
    finally:
        web.stop()


@contextmanager
def celery_beat(folder: Path) -> Iterator[Child]:
    command = [sys.executable, "-m", "celery", "-A", "config", "beat", "--pidfile="]
    with (folder / "beat.log").open("wb") as log:
        beat = Child(command, directory=ROOT, environment=os.environ, stdout=log, stderr=log)
        try:
            yield beat
        finally:
            beat.kill()
