"""Keeps servers and programs running: what dies unexpectedly is started again, with backoff."""

import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import IO, Protocol

from local.process.child import Child

FIRST_BACKOFF_SECONDS = 1.0
LONGEST_BACKOFF_SECONDS = 30.0
HEALTHY_SECONDS = 60.0  # after so long a life the backoff starts anew

_output_lock = threading.Lock()


def log(message: str, name: str = "run") -> None:
    """Writes one line to stdout, marked with who says it."""
    with _output_lock:
        try:
            sys.stdout.write(f"{name:<7}| {message}\n")
            sys.stdout.flush()
        except (OSError, ValueError):  # the terminal is gone; the service need not be
            pass


class Unit(Protocol):
    """Something to keep running: an embedded server or a Program."""

    name: str

    def start(self) -> None: ...
    def is_running(self) -> bool: ...
    def kill(self) -> None: ...


class Program:
    """One of the service's own processes; its output goes to ours, line by line."""

    def __init__(
        self,
        name: str,
        command: Sequence[str | Path],
        directory: Path,
        environment: Mapping[str, str],
    ) -> None:
        self.name = name
        self._command = command
        self._directory = directory
        self._environment = environment
        self._child: Child | None = None

    def start(self) -> None:
        self._child = Child(
            self._command,
            directory=self._directory,
            environment=self._environment,
            stdout=PIPE,
            stderr=STDOUT,
        )
        assert self._child.stdout is not None
        reader = threading.Thread(target=self._relay, args=(self._child.stdout,), daemon=True)
        reader.start()

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._child.pid

    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running()

    def terminate(self) -> None:
        """Asks it to end; does not wait."""
        if self._child is not None:
            self._child.terminate()

    def wait(self, timeout_seconds: float) -> bool:
        """Whether it has ended within the time."""
        return self._child is None or self._child.wait(timeout_seconds)

    def kill(self) -> None:
        if self._child is not None:
            self._child.kill()

    def _relay(self, output: IO[bytes]) -> None:
        with output:
            for line in output:
                log(line.decode(errors="replace").rstrip("\r\n"), self.name)


class Supervisor:
    """Starts units and watches them until it is told to stop them."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._watched: list[_Watched] = []

    def start(self, unit: Unit) -> None:
        """Starts the unit and watches it from now on."""
        unit.start()
        self.watch(unit)

    def watch(self, unit: Unit) -> None:
        """Watches a unit that runs already."""
        self._watched.append(_Watched(unit, started_at=self._clock()))

    def check(self) -> None:
        """Restarts what has died and waited out its backoff. Call it a few times a second."""
        for watched in self._watched:
            watched.check(self._clock())

    def count_deaths(self) -> int:
        """How often units have died since they were started."""
        return sum(watched.deaths for watched in self._watched)


def stop_programs(programs: Sequence[Program], grace_seconds: float) -> None:
    """Asks all to end at once; after the grace, counted for all together, SIGKILL."""
    deadline = time.monotonic() + grace_seconds
    for program in programs:
        program.terminate()
    for program in programs:
        if not program.wait(max(0.0, deadline - time.monotonic())):
            log(f"{program.name} did not end within {grace_seconds:.0f} s; killing it")
        program.kill()


class _Watched:
    def __init__(self, unit: Unit, started_at: float) -> None:
        self.deaths = 0
        self._unit = unit
        self._started_at = started_at
        self._restart_at: float | None = None
        self._backoff_seconds = FIRST_BACKOFF_SECONDS

    def check(self, now: float) -> None:
        if self._restart_at is None:
            if not self._unit.is_running():
                self._plan_restart(now)
        elif now >= self._restart_at:
            self._restart(now)

    def _plan_restart(self, now: float) -> None:
        self.deaths += 1
        self._unit.kill()  # what it forked must not hold on to its port
        if now - self._started_at > HEALTHY_SECONDS:
            self._backoff_seconds = FIRST_BACKOFF_SECONDS
        log(f"{self._unit.name} died; starting it again in {self._backoff_seconds:.0f} s")
        self._restart_at = now + self._backoff_seconds
        self._backoff_seconds = min(2 * self._backoff_seconds, LONGEST_BACKOFF_SECONDS)

    def _restart(self, now: float) -> None:
        self._restart_at = None
        self._started_at = now
        try:
            self._unit.start()
        except (OSError, RuntimeError) as error:
            log(f"{self._unit.name} did not start: {error}")
