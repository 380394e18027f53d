"""The service as `make run` starts it, and a small load on it."""

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.accept import EVENT
from benchmarks.footprint.processes import (
    Process,
    find_processes,
    read_cpu_seconds,
    read_pss_mib,
)
from benchmarks.stack import ROOT
from local.process.child import Child
from local.process.ports import find_free_port

START_SECONDS = 90.0
PATHS = 50


@dataclass
class Service:
    child: Child
    port: int
    credentials: dict[str, str]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def processes(self) -> list[Process]:
        return find_processes(self.child.pid)

    def read_pss(self) -> dict[str, float]:
        """MiB by the name of the process, all of a name together."""
        return self._add_up(read_pss_mib([process.pid for process in self.processes]))

    def read_cpu(self) -> dict[str, float]:
        """Seconds by the name of the process; one that has died is missing."""
        return self._add_up({one.pid: read_cpu_seconds(one.pid) for one in self.processes})

    def _add_up(self, by_pid: dict[int, float]) -> dict[str, float]:
        totals: dict[str, float] = {}
        for process in self.processes:
            totals[process.name] = totals.get(process.name, 0) + by_pid[process.pid]
        return totals

    def kill_reporting(self) -> None:
        for process in self.processes:
            if process.name == "report":
                os.kill(process.pid, signal.SIGKILL)

    def make_project(self, name: str) -> tuple[str, str]:
        """A further project: its keys to send and to read."""
        names = {"REDIS_URL": "redisUrl", "BROKER_URL": "brokerUrl", "CACHE_URL": "cacheUrl"}
        names |= {"MONGO_URI": "mongoUri", "COLUMNS_URL": "columnsUrl"}
        environment = {
            **os.environ,
            **{variable: self.credentials[field] for variable, field in names.items()},
            "SECRET_KEY": "of-the-benchmark-alone",
        }

        def make(scope: str, *also: str) -> str:
            arguments = ["--project", name, "--name", scope, "--scopes", scope, *also]
            command = [sys.executable, "manage.py", "create_api_key", *arguments]
            done = subprocess.run(
                command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True
            )
            return done.stdout.strip().splitlines()[-1]

        return make("ingest", "--create-project"), make("read")

    def request(self, method: str, path: str, body: Any = None, key: str = "") -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        try:
            connection.request(method, path, body and json.dumps(body), headers if key else {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()


@contextmanager
def running_service() -> Iterator[Service]:
    """`python -m local.run` on data of its own, with the settings of a newcomer."""
    with tempfile.TemporaryDirectory(prefix="analytics-footprint-") as folder:
        port = find_free_port()
        environment = {
            **os.environ,
            "DATA_DIR": folder,
            "PORT": str(port),
            "WORKER_METRICS_PORT": str(find_free_port()),
        }
        credentials = Path(folder) / "credentials.json"
        with (Path(folder) / "run.log").open("wb") as log:
            command = [sys.executable, "-m", "local.run"]
            child = Child(command, directory=ROOT, environment=environment, stdout=log, stderr=log)
            try:
                deadline = time.monotonic() + START_SECONDS
                while not credentials.exists():
                    if not child.is_running() or time.monotonic() > deadline:
                        raise RuntimeError((Path(folder) / "run.log").read_text()[-2_000:])
                    time.sleep(0.1)
                yield Service(child, port, json.loads(credentials.read_text()))
            finally:
                child.stop(40)


def send_steadily(service: Service, key: str, per_second: float, seconds: float) -> int:
    """Single events of one client, each at its time; how many. It never falls far behind."""
    connection = http.client.HTTPConnection("127.0.0.1", service.port, timeout=30)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    begun = time.monotonic()
    sent = 0
    while (due := begun + sent / per_second) < begun + seconds:
        time.sleep(max(0.0, due - time.monotonic()))
        event = {**EVENT, "path": f"/product/{sent % PATHS}", "userId": f"user_{sent}"}
        connection.request("POST", "/event", json.dumps(event), headers)
        answer = connection.getresponse()
        answer.read()
        if answer.status != 202:
            raise RuntimeError(f"an event got {answer.status}")
        sent += 1
    connection.close()
    return sent
