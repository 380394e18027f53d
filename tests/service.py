"""The service as gunicorn serves it: one process on a free port, spoken to over raw sockets.

A test module that wants its fixtures says `pytest_plugins = ("tests.service",)`.
PYTEST_DONT_REWRITE
"""

import http.client
import json
import os
import socket
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from pytest_django.plugin import DjangoDbBlocker

from local.process.child import Child
from local.process.ports import LOOPBACK, find_free_port, is_port_answering
from tests.processes import find_children

if TYPE_CHECKING:
    from tests.conftest import TestProject

REPOSITORY = Path(__file__).resolve().parent.parent
START_TIMEOUT_SECONDS = 90.0  # on a machine that does much else
STOP_GRACE_SECONDS = 30.0
ANSWER_TIMEOUT_SECONDS = 30.0


@dataclass(frozen=True)
class Answer:
    """An HTTP answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> Any:
        """The code of a problem."""
        assert self.headers["content-type"] == "application/problem+json", self
        problem = self.json()
        assert problem["status"] == self.status
        assert problem.keys() >= {"type", "title", "detail"}
        return problem["code"]


class Wire:
    """One connection to the service."""

    def __init__(self, port: int) -> None:
        self.socket = socket.create_connection((LOOPBACK, port), ANSWER_TIMEOUT_SECONDS)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def end_sending(self) -> None:
        self.socket.shutdown(socket.SHUT_WR)

    def read_answer(self, method: str = "POST") -> Answer:
        """The next final answer; what was sent after it must not have arrived yet."""
        with http.client.HTTPResponse(self.socket, method=method) as response:
            response.begin()
            headers = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, headers, response.read())

    def is_closed(self, within_seconds: float = ANSWER_TIMEOUT_SECONDS) -> bool:
        """Whether the service hangs up, having sent nothing more."""
        self.socket.settimeout(within_seconds)
        try:
            return self.socket.recv(1) == b""
        except ConnectionResetError:
            return True
        except TimeoutError:
            return False


class Gunicorn:
    """A gunicorn with one worker and the project's own configuration."""

    def __init__(self, log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.port = find_free_port()
        self._log = log
        self._environment = {
            **os.environ,
            "BIND": LOOPBACK,
            "PORT": str(self.port),
            "WEB_CONCURRENCY": "1",
            "PYTHONWARNINGS": "default",
            "AUTH_FAILURES_RATE": "1000000/m",  # all tests come from one address
            **(environment or {}),
        }
        self._child: Child | None = None

    def start(self) -> None:
        command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"]
        with self._log.open("wb") as log:
            self._child = Child(
                command,
                directory=REPOSITORY,
                environment=self._environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        while not self._is_ready():
            if not self._child.is_running() or time.monotonic() > deadline:
                self._child.kill()
                raise RuntimeError(f"gunicorn did not come up:\n{self.read_log()}")
            time.sleep(0.05)

    def stop(self) -> None:
        if self._child:
            self._child.stop(STOP_GRACE_SECONDS)

    def waits_for_end(self, seconds: float) -> bool:
        """Whether it ends by itself within the time."""
        assert self._child
        return self._child.wait(seconds)

    def find_workers(self, *, reporting: bool) -> list[int]:
        """The worker processes of one kind, told by their niceness."""
        assert self._child
        own = os.getpriority(os.PRIO_PROCESS, self.pid)
        found = []
        for worker in find_children(self.pid):
            with suppress(ProcessLookupError):  # it has gone meanwhile
                if (os.getpriority(os.PRIO_PROCESS, worker) > own) is reporting:
                    found.append(worker)
        return found

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def pid(self) -> int:
        """Of gunicorn's master process."""
        assert self._child
        return self._child.pid

    def read_log(self) -> str:
        return self._log.read_text(errors="replace")

    @contextmanager
    def connect(self) -> Iterator[Wire]:
        wire = Wire(self.port)
        with wire.socket:
            yield wire

    def request(
        self,
        method: str,
        target: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        key: str | None = None,
    ) -> Answer:
        """Send one request on a connection of its own."""
        with self.connect() as wire:
            wire.send(build_request(method, target, body, headers, key=key))
            return wire.read_answer(method)

    def _is_ready(self) -> bool:
        if not is_port_answering(self.port):
            return False
        try:
            is_alive = self.request("GET", "/healthz").status == 200
            # It is no endpoint: whatever kind of process answers what is not accepting, answers.
            return is_alive and self.request("GET", "/-").status < 500
        except (OSError, http.client.HTTPException):
            return False


def build_request(
    method: str,
    target: str,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    *,
    key: str | None = None,
) -> bytes:
    """The bytes of a request: JSON with its length, unless `headers` say otherwise."""
    fields = {"Host": "localhost"}
    if key:
        fields["Authorization"] = f"Bearer {key}"
    if method in ("POST", "PUT", "PATCH"):
        fields["Content-Type"] = "application/json"
    fields |= headers or {}
    if (body or method == "POST") and not fields.keys() & {"Content-Length", "Transfer-Encoding"}:
        fields["Content-Length"] = str(len(body))
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    return f"{method} {target} HTTP/1.1\r\n{head}\r\n".encode("latin-1") + body


@pytest.fixture(scope="session")
def gunicorn(django_db_setup: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gunicorn]:
    """The service on the servers of the tests, stopped at the end of the session."""
    server = Gunicorn(tmp_path_factory.mktemp("gunicorn") / "gunicorn.log")
    server.start()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def served(gunicorn: Gunicorn, django_db_blocker: DjangoDbBlocker) -> Iterator["TestProject"]:
    """A project for the tests of a module that speak to gunicorn, with MongoDB unlocked."""
    from tests.conftest import make_project

    with django_db_blocker.unblock():
        yield make_project("Served")


def run_gunicorn_once(folder: Path) -> tuple[int | None, str]:
    """Start gunicorn where it must not start; its exit status and what it logged."""
    log = folder / "gunicorn.log"
    environment = {**os.environ, "PORT": str(find_free_port()), "WEB_CONCURRENCY": "1"}
    command = [sys.executable, "-m", "gunicorn", "-c", "config/gunicorn.py", "config.wsgi"]
    with log.open("wb") as output:
        child = Child(
            command, directory=REPOSITORY, environment=environment, stdout=output, stderr=output
        )
        child.wait(START_TIMEOUT_SECONDS)
        status = child.poll()
        child.kill()
    return status, log.read_text(errors="replace")
