"""A deployment by docker-compose.yml: a copy of the project, a name and ports of its own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Self

from local.process.ports import find_free_port, is_port_answering
from tests.containers.client import GIVE_UP_SECONDS
from tests.containers.engine import clean_environment, run

ROOT = Path(__file__).parent.parent.parent
HERE = Path(__file__).parent
PROJECT = "analytics-test-containers"
IMAGE = "analytics-service:test-containers"
KEPT_IMAGE = f"{IMAGE}-before"
APP = ("web", "worker")
STORES = ("redis-stream", "redis-broker", "mongo")
# On a machine that has other things to do.
READY_SECONDS = 400
TOTAL = "/stats?start=2025-11-01T00:00:00Z"


class Deployment:
    """Compose commands as a user types them; HTTP through its published ports."""

    def __init__(self, directory: Path) -> None:
        # Without a `.env`, whose servers might be somebody's.
        ignored = shutil.ignore_patterns(
            ".env", ".git", ".venv", ".local*", ".*_cache", ".hypothesis", "__pycache__"
        )
        shutil.copytree(ROOT, directory, ignore=ignored, symlinks=True)
        self.directory = directory
        self.port, self.prometheus_port, grafana_port = (find_free_port() for _ in range(3))
        self.environment = clean_environment() | {
            "COMPOSE_PROJECT_NAME": PROJECT,
            "COMPOSE_FILE": f"docker-compose.yml:{HERE / 'docker-compose.yml'}",
            "COMPOSE_ANSI": "never",
            "COMPOSE_MENU": "false",
            "PORT": str(self.port),
            "PROMETHEUS_PORT": str(self.prometheus_port),
            "GRAFANA_PORT": str(grafana_port),
        }
        self.credentials: dict[str, str] = {}
        self._is_reached_from_here: bool | None = None

    def compose(self, *arguments: str, fails: bool = False) -> str:
        """What it said, on both channels."""
        return self.docker("compose", *arguments, fails=fails)

    def docker(self, *arguments: str, fails: bool = False) -> str:
        done = run(["docker", *arguments], self.environment, str(self.directory))
        said = done.stdout + done.stderr
        assert fails or done.returncode == 0, f"docker {' '.join(arguments)}\n{said[-4_000:]}"
        return said

    def read(self, *arguments: str) -> str:
        """What a command of Docker answers, without what it says beside it."""
        done = run(["docker", *arguments], self.environment, str(self.directory))
        assert done.returncode == 0, done.stderr[-4_000:]
        return done.stdout

    def execute(self, service: str, *command: str, fails: bool = False) -> str:
        return self.compose("exec", "-T", service, *command, fails=fails)

    def read_credentials(self) -> dict[str, str]:
        file = "/var/lib/analytics/secrets.json"
        said = self.read("compose", "run", "--rm", "-T", "setup", "cat", file)
        found: dict[str, str] = json.loads(said)
        return found

    def remove(self) -> None:
        """Containers, volumes and networks; the image stays, so that the next run is a warm one."""
        left = self.read("ps", "--all", "--quiet", "--filter", f"label={PROJECT}").split()
        if left:
            self.docker("rm", "--force", "--volumes", *left, fails=True)
        options = ("--volumes", "--remove-orphans", "--timeout", "5")
        self.compose("--profile", "monitoring", "down", *options, fails=True)
        self.docker("image", "rm", KEPT_IMAGE, fails=True)

    def forget_image(self) -> None:
        """So that `up` has to build it; what its layers are made of stays at hand."""
        self.docker("image", "tag", IMAGE, KEPT_IMAGE, fails=True)
        self.docker("image", "rm", IMAGE, fails=True)

    # --- HTTP ---------------------------------------------------------------------------------

    def find_python(self, *environment: str) -> list[str]:
        """A Python to which the published ports are those of 127.0.0.1: here, or at the engine."""
        if self._is_reached_from_here is None:
            self._is_reached_from_here = is_port_answering(self.port)
        if self._is_reached_from_here:
            return ["env", *environment, sys.executable]
        variables = [part for variable in environment for part in ("--env", variable)]
        label = ("--label", PROJECT)
        return [
            "docker", "run", "--rm", "--interactive", "--network", "host", *label, *variables,
            IMAGE, "python",
        ]  # fmt: skip

    def call(self, command: str, **arguments: Any) -> Any:
        """A command of client.py."""
        arguments = {"port": self.port, **arguments}
        line = [*self.find_python(), "-", command, json.dumps(arguments)]
        done = run(line, self.environment, stdin=(HERE / "client.py").read_text())
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def is_ready(self, within_seconds: float) -> bool:
        path = "/readyz?for=reporting"
        found: bool = self.call("wait_for_status", path=path, seconds=within_seconds)
        return found

    def wait_until_ready(self) -> None:
        assert self.is_ready(within_seconds=READY_SECONDS), self.describe()

    def count_events(self, expected: int = -1, seconds: float = 0) -> int:
        """How many are counted; waits until they are as many as expected."""
        key = self.credentials["readKey"]
        total: int = self.call(
            "wait_for_total", path=TOTAL, key=key, expected=expected, seconds=seconds
        )
        return total

    def start_sending(self, rate: float = 40) -> "Sender":
        return Sender(self, rate)

    def prove_load(self, *options: str) -> str:
        """`python -m loadtest`, which asks where every event is; fails where one is lost."""
        keys = [
            f"{scope.upper()}_KEY={self.credentials[f'{scope}Key']}" for scope in ("ingest", "read")
        ]
        url = f"http://127.0.0.1:{self.port}"
        line = [*self.find_python(*keys), "-m", "loadtest", "--url", url, *options]
        done = run(line, self.environment, str(self.directory))
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def check_books(self) -> None:
        self.execute("web", "python", "manage.py", "ledger", "--check")

    # --- What happens to containers -----------------------------------------------------------

    def list_containers(self, service: str) -> list[str]:
        return self.read("compose", "ps", "--quiet", service).split()

    def kill(self, services: Sequence[str]) -> None:
        """SIGKILL for all of them at once, from outside.

        Not `docker kill`, after which the engine leaves them alone: they died by themselves.
        """
        containers = [one for name in services for one in self.list_containers(name)]
        pids = self.read("inspect", "--format", "{{.State.Pid}}", *containers).split()
        assert "0" not in pids, self.describe()  # one that is down; to the kernel, the caller
        code = "import os, sys; [os.kill(int(pid), 9) for pid in sys.argv[1:]]"
        self.docker(
            "run", "--rm", "--pid", "host", "--user", "0:0", "--label", PROJECT,
            IMAGE, "python", "-c", code, *pids,
        )  # fmt: skip

    def describe(self) -> str:
        """For the message of a test that failed."""
        return self.compose("ps", "--all", fails=True) + self.compose(
            "logs", "--no-color", "--tail", "40", fails=True
        )


class Sender:
    """A client in the background that sends each event until it is accepted."""

    def __init__(self, deployment: Deployment, rate: float) -> None:
        self._deployment = deployment
        self._before = deployment.count_events()
        arguments = {
            "port": deployment.port, "key": deployment.credentials["ingestKey"], "rate": rate,
        }  # fmt: skip
        with (HERE / "client.py").open() as program:
            self._process = subprocess.Popen(
                [*deployment.find_python(), "-", "send", json.dumps(arguments)],
                env=deployment.environment,
                stdin=program,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        """Also where a test failed."""
        self._process.kill()
        self._process.communicate()

    def expect_nothing_lost(self) -> dict[str, Any]:
        """Ends it; every event is accepted and counted, once."""
        self._process.terminate()
        output, errors = self._process.communicate(timeout=GIVE_UP_SECONDS + 60)
        assert self._process.returncode == 0, errors
        report: dict[str, Any] = json.loads(output)
        assert report["accepted"] > 0
        assert report["givenUp"] == 0, report
        expected = self._before + report["accepted"]
        assert self._deployment.count_events(expected, seconds=READY_SECONDS) == expected, report
        self._deployment.check_books()
        return report
