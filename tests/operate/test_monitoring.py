"""What watches the service: alerts and dashboard name metrics that exist, and promtool agrees."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from analytics.metrics import names as metrics
from tests.paths import ROOT

PROMETHEUS = ROOT / "deploy/prometheus"
DASHBOARD = ROOT / "deploy/grafana/dashboards/analytics.json"

_METRIC = re.compile(r"\banalytics_[a-z_]+")


def known_names() -> set[str]:
    names = {gauge.name for gauge in metrics.STATE_GAUGES}
    for metric in metrics.PROCESS_REGISTRY.collect():
        if metric.type == "counter":
            names.add(f"{metric.name}_total")
        else:
            names |= {f"{metric.name}_{part}" for part in ("bucket", "sum", "count")}
    return names


def alerts() -> set[str]:
    [group] = yaml.safe_load((PROMETHEUS / "alerts.yml").read_text())["groups"]
    return {rule["alert"] for rule in group["rules"]}


@pytest.mark.parametrize("file", [PROMETHEUS / "alerts.yml", DASHBOARD], ids=lambda file: file.name)
def test_every_metric_that_is_asked_for_exists(file: Path) -> None:
    asked = set(_METRIC.findall(file.read_text()))

    assert len(asked) > 10
    assert asked - known_names() == set()


def test_every_alert_is_documented_and_provoked() -> None:
    page = (ROOT / "docs/operations.md").read_text()
    provoked = yaml.safe_load((PROMETHEUS / "alerts_test.yml").read_text())["tests"]

    assert set(re.findall(r"(?m)^\| `(Analytics\w+)` \|", page)) == alerts()
    assert {test["name"] for test in provoked} == alerts() | {"a good deployment"}


def test_the_dashboard_reads_the_provisioned_source() -> None:
    dashboard = json.loads(DASHBOARD.read_text())
    folder = ROOT / "deploy/grafana/provisioning/datasources/prometheus.yml"
    [source] = yaml.safe_load(folder.read_text())["datasources"]

    panels = [panel for panel in dashboard["panels"] if panel["type"] != "row"]
    assert {panel["datasource"]["uid"] for panel in panels} == {source["uid"]}
    assert len({panel["id"] for panel in dashboard["panels"]}) == len(dashboard["panels"])


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("promtool"), reason="needs promtool (Debian: prometheus)")
@pytest.mark.parametrize(
    "command",
    [("check", "config", "prometheus.yml"), ("test", "rules", "alerts_test.yml")],
    ids=" ".join,
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    done = subprocess.run(
        ["promtool", *command], cwd=PROMETHEUS, capture_output=True, text=True, check=False
    )

    assert done.returncode == 0, done.stdout + done.stderr
