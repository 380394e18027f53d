"""The whole service: two Redis, MongoDB, gunicorn, a Celery worker and beat, each kept running."""

import http.client
import json
import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from local.process.ports import LOOPBACK, find_free_port
from local.process.supervisor import Program
from local.run import REPOSITORY, build_programs
from local.servers.mongo_server import MongoServer
from local.servers.redis_server import RedisServer
from tests.chaos.keeper import Kept

START_SECONDS = 60.0
STOP_SECONDS = 40.0  # as in docker-compose.yml
POLL_SECONDS = 0.05

# As a user would run it, but for limits that a load of one sender would meet, and a patience of
# some seconds, which is 30 s else, for processes that went silent on another host.
ENVIRONMENT = {
    "BIND": LOOPBACK,
    "WEB_CONCURRENCY": "2",
    "WORKER_CONCURRENCY": "2",
    "CLAIM_IDLE_SECONDS": "5",
    "REPORTING_RATE": "100000/m",
    "PYTHONUNBUFFERED": "1",
}


class System:
    """Start it, break it, and it should mend itself."""

    def __init__(
        self,
        stream: RedisServer,
        broker: RedisServer,
        mongo: MongoServer,
        environment: Mapping[str, str],
    ) -> None:
        self.port = find_free_port()
        self._environment = {
            **os.environ, **ENVIRONMENT, "PORT": str(self.port), **environment
        }  # fmt: skip
        self.stream, self.broker, self.mongo = Kept(stream), Kept(broker), Kept(mongo)
        self.web, self.worker, self.beat = (Kept(program) for program in self._build_programs())

    @property
    def servers(self) -> "list[Kept[Any]]":
        return [self.stream, self.broker, self.mongo]

    @property
    def programs(self) -> list[Kept[Program]]:
        return [self.web, self.worker, self.beat]

    def start(self) -> None:
        for kept in (*self.servers, *self.programs):
            kept.start()
        wait_for(self.is_whole, START_SECONDS, "the service is ready")

    def stop(self) -> None:
        """Ends the programs in order; the servers belong to the tests."""
        for kept in (*self.programs, *self.servers):
            kept.leave_alone()
        for program in self.programs:
            stop(program.process)

    def is_whole(self) -> bool:
        """Whether every process runs, and the service calls all that it needs ok."""
        if not all(kept.process.is_running() for kept in (*self.servers, *self.programs)):
            return False
        status, body = self.get("/readyz?for=reporting")
        return status == 200 and set(body["components"].values()) == {"ok"}

    def get(self, target: str, key: str | None = None) -> tuple[int | None, Any]:
        """Status and JSON of an answer; None for no answer."""
        connection = http.client.HTTPConnection(LOOPBACK, self.port, timeout=15)
        headers = {"Authorization": f"Bearer {key}"} if key else {}
        try:
            connection.request("GET", target, headers=headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return None, None
        finally:
            connection.close()

    def build_program(self, name: str, **environment: str) -> Program:
        """Another process of the kind web, worker or beat; not started."""
        [program] = [one for one in self._build_programs(**environment) if one.name == name]
        return program

    @contextmanager
    def changed(self, **environment: str) -> Iterator[None]:
        """Web and worker with another environment until the end."""
        before = self._environment
        self._environment = {**before, **environment}
        try:
            self._restart_both()
            yield
        finally:
            self._environment = before
            self._restart_both()

    def _restart_both(self) -> None:
        for kept in (self.web, self.worker):
            self.restart(kept)
        wait_for(self.is_whole, START_SECONDS, "the service is ready")

    @contextmanager
    def another_worker(self, app: str, **environment: str) -> Iterator[None]:
        """A Celery worker of another application in the place of ours, until the end."""
        command = [sys.executable, "-m", "celery", "--quiet", "-A", app, "worker"]
        with self.worker.paused():
            stop(self.worker.process)
            other = Program("worker", command, REPOSITORY, {**self._environment, **environment})
            other.start()
            self.worker.replace(other)
        try:
            yield
        finally:
            self.restart(self.worker)

    def restart(self, kept: Kept[Program], **environment: str) -> None:
        """Stops a program in order and starts it anew, its environment changed."""
        with kept.paused():
            stop(kept.process)
            program = self.build_program(kept.process.name, **environment)
            program.start()
            kept.replace(program)

    @contextmanager
    def restarted(self, kept: Kept[Program], **environment: str) -> Iterator[None]:
        """With its environment changed until the end."""
        self.restart(kept, **environment)
        wait_for(self.is_whole, START_SECONDS, "the service is ready")
        try:
            yield
        finally:
            self.restart(kept)
            wait_for(self.is_whole, START_SECONDS, "the service is ready")

    def _build_programs(self, **environment: str) -> list[Program]:
        return build_programs({**self._environment, **environment})


def stop(program: Program) -> None:
    program.terminate()
    assert program.wait(STOP_SECONDS), f"{program.name} did not end in {STOP_SECONDS} s"
    program.kill()  # what it left of its group


def wait_for(condition: Callable[[], bool], seconds: float, what: str) -> float:
    """How many seconds it took; fails after `seconds`."""
    began = time.monotonic()
    while not condition():
        assert time.monotonic() - began < seconds, f"not within {seconds} s: {what}"
        time.sleep(POLL_SECONDS)
    return time.monotonic() - began


def attempt(ask: Callable[[], Any], seconds: float = 30.0) -> Any:
    """The answer of a store that may be restarting."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            return ask()
        except (RedisError, PyMongoError, OSError):
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
