"""What the embedded servers have in common: start, stop, kill, and start again on the same data."""

import abc
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from local.process.child import Child
from local.process.ports import find_free_port, is_port_free, recall_port

START_TIMEOUT_SECONDS = 60.0  # a long append-only file takes a while to load
POLL_SECONDS = 0.01
STOP_GRACE_SECONDS = 15.0


class ServerStartError(RuntimeError):
    """The server did not come up; the message holds the end of its log."""


class Server(abc.ABC):
    """A server process on the loopback interface. Usable as a context manager.

    Without a port it takes the one of its last run if that is free, else a free one, and keeps it
    for every later start of this object.
    """

    name: str

    def __init__(self, directory: Path, port: int | None, extra_arguments: Sequence[str]) -> None:
        self.directory = directory.absolute()
        # Of the process from its next start on; None: ours.
        self.environment: Mapping[str, str] | None = None
        self._port = port
        self._extra_arguments = list(extra_arguments)
        self._child: Child | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *exception: object) -> None:
        self.stop()

    @property
    def port(self) -> int:
        if self._port is None:
            raise RuntimeError(f"{self.name} has no port before its first start")
        return self._port

    @property
    def pid(self) -> int:
        if self._child is None:
            raise RuntimeError(f"{self.name} is not started")
        return self._child.pid

    def is_running(self) -> bool:
        return self._child is not None and self._child.is_running()

    def choose_port(self) -> None:
        """Decides on the port of every start to come, so that others can be told before."""
        if self._port is None:
            self.directory.mkdir(parents=True, exist_ok=True)
            self._keep_port(recall_port(self.directory / "port"))

    def start(self) -> None:
        """Returns when it answers. Raises ServerStartError, MissingBinaryError."""
        if self.is_running():
            return
        self.directory.mkdir(parents=True, exist_ok=True)
        if self._port is not None:
            self._launch(self._port)
            return
        port = recall_port(self.directory / "port")
        try:
            self._launch(port)
        except ServerStartError:
            if is_port_free(port):
                raise
            port = find_free_port()  # somebody took it in the meantime
            self._launch(port)
        self._keep_port(port)

    def stop(self, grace_seconds: float = STOP_GRACE_SECONDS) -> None:
        """Ends it in order, after the grace with SIGKILL. Harmless when it does not run."""
        if self._child is not None:
            self._child.stop(grace_seconds)

    def kill(self) -> None:
        """SIGKILL. The data stays as the kill left it."""
        if self._child is not None:
            self._child.kill()

    def restart(self) -> None:
        """Stops it in order and starts it again on the same data and port."""
        self.stop()
        self.start()

    @abc.abstractmethod
    def _build_command(self, port: int) -> list[str | Path]: ...

    @abc.abstractmethod
    def _is_ready(self, port: int) -> bool:
        """Whether it answers; brings it into the state in which it should answer."""

    def _keep_port(self, port: int) -> None:
        self._port = port
        (self.directory / "port").write_text(f"{port}\n")

    def _launch(self, port: int) -> None:
        command = [*self._build_command(port), *self._extra_arguments]
        with (self.directory / "stderr.log").open("wb") as log:
            self._child = Child(
                command,
                directory=self.directory,
                environment=self.environment,
                stdout=log,
                stderr=log,
            )
        deadline = time.monotonic() + START_TIMEOUT_SECONDS
        try:
            while not self._is_ready(port):
                if not self._child.is_running():
                    raise ServerStartError(self._explain_failure())
                if time.monotonic() > deadline:
                    raise ServerStartError(
                        f"{self.name} does not answer after {START_TIMEOUT_SECONDS:.0f} seconds.\n"
                        + self._read_log_end()
                    )
                time.sleep(POLL_SECONDS)
        except BaseException:
            self._child.kill()
            raise

    def _explain_failure(self) -> str:
        status = self._child.poll() if self._child else None
        return f"{self.name} ended with status {status} at its start.\n{self._read_log_end()}"

    def _read_log_end(self) -> str:
        ends = []
        for name in ("stderr.log", f"{self.name}.log"):
            file = self.directory / name
            if file.exists():
                ends += file.read_text(errors="replace").splitlines()[-10:]
        return "\n".join(ends)
