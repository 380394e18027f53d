"""More workers, the monitoring, the image without Compose; and what all of it costs at rest."""

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.containers.deployment import APP, IMAGE, PROJECT, STORES, Deployment

pytestmark = pytest.mark.containers

# On a machine that has other things to do: a worker imports for half a minute then.
READY_SECONDS = 300
POLL_SECONDS = 1
IDLE_SECONDS = 10
CPU_USAGE = (
    "cat /sys/fs/cgroup/cpuacct/cpuacct.usage 2>/dev/null || "
    "sed -n 's/^usage_usec \\(.*\\)/\\1000/p' /sys/fs/cgroup/cpu.stat"
)
STORES_OF_COMPOSE = {
    "SECRET_KEY": "k" * 60,
    "REDIS_URL": "redis://redis-stream:6379/0",
    "BROKER_URL": "redis://redis-broker:6379/0",
    "CACHE_URL": "redis://redis-broker:6379/1",
    "MONGO_URI": "mongodb://mongo:27017/analytics?replicaSet=rs0",
}
ALONE = {
    "web": ((), ("python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8000/readyz')")),
    "worker": (
        ("python", "-m", "config.worker"),
        ("sh", "-c", 'test -n "$(find "$WORKER_HEARTBEAT_FILE" -mmin -1)"'),
    ),
}  # fmt: skip


@pytest.fixture
def monitored(deployment: Deployment) -> Iterator[Deployment]:
    profile = ("--profile", "monitoring")
    deployment.compose(*profile, "up", "--detach", "--scale", "worker=3")
    yield deployment
    deployment.compose(*profile, "rm", "--stop", "--force", "--volumes", "prometheus", "grafana")


def wait_for(condition: Any, seconds: float = READY_SECONDS) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True


def test_prometheus_scrapes_the_web_three_workers_and_the_state(monitored: Deployment) -> None:
    def list_health() -> list[str]:
        status, body = monitored.call(
            "ask", port=monitored.prometheus_port, method="GET", path="/api/v1/targets",
            headers={}, body=None,
        )  # fmt: skip
        found = json.loads(body)["data"]["activeTargets"] if status == 200 else []
        return sorted(target["health"] for target in found)

    assert len(monitored.list_containers("worker")) == 3
    assert wait_for(lambda: list_health() == ["up"] * 5), list_health()
    assert len(monitored.list_containers("grafana")) == 1


@pytest.mark.parametrize("name", ALONE)
def test_the_image_alone_is_pid_1_and_ends_in_order(deployment: Deployment, name: str) -> None:
    """Without an init, as Kubernetes runs it."""
    command, is_ready = ALONE[name]
    variables = [f"--env={key}={value}" for key, value in STORES_OF_COMPOSE.items()]
    container = deployment.read(
        "run", "--detach", "--label", PROJECT, "--network", f"{PROJECT}_default", "--read-only",
        "--tmpfs", "/tmp", "--cap-drop", "ALL", "--security-opt", "no-new-privileges",
        *variables, IMAGE, *command,
    ).strip()  # fmt: skip

    def succeeds() -> bool:
        said = deployment.docker(
            "exec", container, "sh", "-c", '"$@" >/dev/null 2>&1 && echo ready', "ask", *is_ready,
            fails=True,
        )  # fmt: skip
        return said == "ready\n"

    assert wait_for(succeeds), deployment.docker("logs", container)
    deployment.docker("stop", "--time", "40", container)
    assert deployment.read("inspect", "--format", "{{.State.ExitCode}}", container) == "0\n"
    deployment.docker("rm", container)


def test_what_a_deployment_at_rest_costs_is_told(
    deployment: Deployment, report_lines: list[str]
) -> None:
    """Told and not judged: it depends on the machine."""

    def read_usage() -> dict[str, tuple[float, int]]:
        return {
            service: (
                time.monotonic(),
                int(deployment.execute(service, "sh", "-c", CPU_USAGE)),
            )
            for service in (*APP, *STORES)
        }

    before = read_usage()
    time.sleep(IDLE_SECONDS)
    after = read_usage()

    shares = {
        name: (after[name][1] - before[name][1]) / 1e7 / (after[name][0] - before[name][0])
        for name in before
    }
    assert all(share >= 0 for share in shares.values())
    parts = ", ".join(f"{name} {share:.1f} %" for name, share in shares.items())
    report_lines.append(f"At rest {sum(shares.values()):.1f} % of a core: {parts}")
