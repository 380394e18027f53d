"""A real Prometheus with the committed alerts, as they are and at the pace of a test."""

import json
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import yaml

from local.process.child import Child
from local.process.ports import LOOPBACK, find_free_port
from tests.paths import ROOT

ALERTS = ROOT / "deploy/prometheus/alerts.yml"
SCRAPE_INTERVAL = "500ms"  # which is also how long a scrape may take
AGE_DIVISOR = 20
HASTENED = {"pace": "hastened"}


def alert_names() -> set[str]:
    return {rule["alert"] for rule in _read_group()["rules"]}


def hasten(rule: dict[str, Any]) -> dict[str, Any]:
    """The same rule, impatient: what takes minutes to be sure of takes seconds.

    1. `for` is two evaluations. 2. A window of minutes is one of as many seconds. 3. Something is
    old at a twentieth of the age: of a minute 3 seconds, of five minutes 15.
    """
    expression = re.sub(r"\[(\d+)m\]", r"[\1s]", rule["expr"])
    expression = re.sub(r"> (60|300)$", lambda age: f"> {int(age[1]) // AGE_DIVISOR}", expression)
    hastened = {**rule, "expr": expression, "labels": {**rule["labels"], **HASTENED}}
    return {**hastened, "for": "500ms"} if "for" in rule else hastened


def _read_group() -> dict[str, Any]:
    [group] = yaml.safe_load(ALERTS.read_text())["groups"]
    return dict(group)


class Prometheus:
    """Scrapes one web, for its counters and for the state, and one worker."""

    def __init__(self, folder: Path, web_port: int, worker_port: int) -> None:
        self._folder = folder
        self._port = find_free_port()
        shutil.copy(ALERTS, folder / "alerts.yml")
        group = {"name": "hastened", "rules": [hasten(rule) for rule in _read_group()["rules"]]}
        targets = (
            ("analytics-web", web_port, "/metrics"),
            ("analytics-worker", worker_port, "/metrics"),
            ("analytics-state", web_port, "/metrics/state"),
        )
        config = {
            "global": {"scrape_interval": SCRAPE_INTERVAL, "evaluation_interval": SCRAPE_INTERVAL},
            "rule_files": ["alerts.yml", "hastened.yml"],
            "scrape_configs": [
                {
                    "job_name": job,
                    "metrics_path": path,
                    "static_configs": [{"targets": [f"{LOOPBACK}:{port}"]}],
                }
                for job, port, path in targets
            ],
        }
        (folder / "hastened.yml").write_text(json.dumps({"groups": [group]}))  # JSON is YAML
        (folder / "prometheus.yml").write_text(json.dumps(config))

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
        """The samples of an instant query; none while it is not up yet."""
        try:
            answer = httpx.get(
                f"http://{LOOPBACK}:{self._port}/api/v1/query", params={"query": query}
            )
        except httpx.TransportError:
            return []
        if answer.status_code == 503:  # starting
            return []
        assert answer.status_code == 200, (query, answer.text)
        result: list[Any] = answer.json()["data"]["result"]
        return result

    def has_data(self, query: str) -> bool:
        return bool(self.ask(query))

    def firing(self) -> set[str]:
        """The hastened alerts that fire."""
        return self._alerts('alertstate="firing",pace="hastened"')

    def disquiet(self) -> set[str]:
        """The committed alerts that fire, or would if it went on."""
        return self._alerts('pace=""')

    def _alerts(self, matchers: str) -> set[str]:
        return {found["metric"]["alertname"] for found in self.ask(f"ALERTS{{{matchers}}}")}
