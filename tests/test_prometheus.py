"""A real Prometheus scrapes a real run, quiet under load and loud when things break."""

import json
import os
import re
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from bson import ObjectId

from analytics import mongo
from analytics.mongo import collection
from analytics.redis import stream_client
from analytics.sightings import note_verified
from ingestion.consumers import this_consumer
from ingestion.reader import Reader
from local.child import Child
from local.ports import LOOPBACK, find_free_port
from tests.conftest import TestProject
from tests.poison import accept_poison
from tests.service import Gunicorn
from tests.workers import celery_worker, wait_until, waiting_events

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("prometheus"), reason="needs Debian's prometheus"),
]

ROOT = Path(__file__).parent.parent
EVENT = json.dumps({"path": "/a"}).encode()


class Prometheus:
    """One that scrapes each second, with our alerts less their `for`."""

    def __init__(self, folder: Path, web: int, worker: int) -> None:
        self._folder = folder
        self._port = find_free_port()
        rules = (ROOT / "deploy/prometheus/alerts.yml").read_text()
        (folder / "alerts.yml").write_text(re.sub(r"(?m)^ +for: .*\n", "", rules))
        jobs = (("web", web, "/metrics"), ("worker", worker, "/metrics"),
                ("state", web, "/metrics/state"))  # fmt: skip
        config = {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": ["alerts.yml"],
            "scrape_configs": [
                {
                    "job_name": f"analytics-{name}",
                    "metrics_path": path,
                    "static_configs": [{"targets": [f"{LOOPBACK}:{port}"]}],
                }
                for name, port, path in jobs
            ],
        }
        (folder / "prometheus.yml").write_text(json.dumps(config))  # JSON is YAML

    @contextmanager
    def run(self) -> Iterator[None]:
        command = [
            "prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
            f"--web.listen-address={LOOPBACK}:{self._port}",
        ]  # fmt: skip
        with (self._folder / "prometheus.log").open("wb") as log:
            child = Child(command, directory=self._folder, environment={}, stdout=log, stderr=log)
            try:
                yield
            finally:
                child.stop(5)

    def ask(self, query: str) -> list[Any]:
        try:
            answer = httpx.get(
                f"http://{LOOPBACK}:{self._port}/api/v1/query", params={"query": query}
            )
        except httpx.TransportError:  # not up yet
            return []
        result: list[Any] = answer.json()["data"]["result"] if answer.status_code == 200 else []
        return result

    def firing(self) -> set[str]:
        return {found["metric"]["alertname"] for found in self.ask('ALERTS{alertstate="firing"}')}


@contextmanager
def celery_beat(folder: Path, environment: dict[str, str]) -> Iterator[None]:
    command = [sys.executable, "-m", "celery", "-A", "config", "beat", "--pidfile="]
    with (folder / "beat.log").open("wb") as log:
        child = Child(command, directory=ROOT, environment=environment, stdout=log, stderr=log)
        try:
            yield
        finally:
            child.kill()


def post(gunicorn: Gunicorn, project: TestProject, requests: int) -> None:
    with httpx.Client() as client:
        for _ in range(requests):
            client.post(
                f"http://{LOOPBACK}:{gunicorn.port}/event",
                content=EVENT,
                headers={
                    "Authorization": f"Bearer {project.ingest_key}",
                    "Content-Type": "application/json",
                },
            )


def test_alerts_are_quiet_under_load_and_fire_on_their_causes(
    project: TestProject, tmp_path: Path
) -> None:
    worker_port = find_free_port()
    gunicorn = Gunicorn(tmp_path / "gunicorn.log")
    gunicorn.start()
    prometheus = Prometheus(tmp_path, gunicorn.port, worker_port)
    try:
        with prometheus.run():
            with (
                celery_worker(tmp_path, WORKER_METRICS_PORT=str(worker_port)),
                celery_beat(tmp_path, dict(os.environ)),
            ):
                quiet_under_load(prometheus, gunicorn, project)
                accept_poison(project)
                wait_until(lambda: "AnalyticsDeadLetters" in prometheus.firing(), 15, "buried")
                wait_until(lambda: waiting_events() == 0, 15, "drained")
            break_everything(prometheus, gunicorn, project)
    finally:
        gunicorn.stop()


def quiet_under_load(prometheus: Prometheus, gunicorn: Gunicorn, project: TestProject) -> None:
    seen = "on() count(analytics_alive_timestamp_seconds > 0) == 2"
    up = f'sum(up{{job=~"analytics-.*"}}) == 3 and {seen}'
    wait_until(lambda: bool(prometheus.ask(up)), 30, "three targets, beat and a worker")
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        post(gunicorn, project, 100)
    stored = 'sum(rate(analytics_drained_events_total{outcome="stored"}[15s])) > 0'
    wait_until(lambda: bool(prometheus.ask(stored)), 10, "events drained")
    assert prometheus.ask("sum(rate(analytics_accepted_events_total[15s])) > 0")
    wait_until(lambda: not prometheus.firing(), 10, f"quiet: {prometheus.firing()}")


def break_everything(prometheus: Prometheus, gunicorn: Gunicorn, project: TestProject) -> None:
    """Beat and the worker are gone already; now the rest of what takes only seconds to break."""
    note_verified(drift_tables=2)
    old = ObjectId.from_datetime(datetime.now(UTC) - timedelta(minutes=10))
    collection(mongo.SUMMARIES).insert_one({"_id": old})
    collection(mongo.FUSES).insert_one({"_id": b"12345678", "partition": 0})
    post(gunicorn, project, 1)
    reader = Reader(0, this_consumer())
    reader.ensure_group()
    assert reader.next_batch()  # and never acked
    client: Any = stream_client()
    limit = client.config_get("maxmemory")["maxmemory"]
    client.config_set("maxmemory", int(client.info("memory")["used_memory"] * 1.1))
    try:
        expected = {
            "AnalyticsTargetDown",
            "AnalyticsRollupDrift",
            "AnalyticsCompactionBehind",
            "AnalyticsFuseOpen",
            "AnalyticsStaleEntries",
            "AnalyticsRedisMemory",
            "AnalyticsServerErrors",
            "AnalyticsDeadLetters",
        }

        def all_fire() -> bool:
            post(gunicorn, project, 20)  # refused with 503
            return expected <= prometheus.firing()

        wait_until(all_fire, 20, "all of them fire")
    finally:
        client.config_set("maxmemory", limit)
