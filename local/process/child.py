"""A child process in a session of its own that never outlives the process that started it."""

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import IO, Any

LEASH = Path(__file__).with_name("leash.py")
KILL_WAIT_SECONDS = 10.0

_running: set["Child"] = set()


class Child:
    """Starts at once. Its own session keeps a terminal's Ctrl-C away: its owner decides the order.

    Stopping or killing it takes along whatever it forked into its process group.
    """

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        directory: Path | None = None,
        environment: Mapping[str, str] | None = None,
        stdout: int | IO[bytes] | None = None,
        stderr: int | IO[bytes] | None = None,
    ) -> None:
        leashed = [sys.executable, "-I", "-S", LEASH, str(os.getpid()), *command]

        def popen() -> "subprocess.Popen[bytes]":
            return subprocess.Popen(
                leashed,
                cwd=directory,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=stdout,
                stderr=stderr,
                start_new_session=True,
            )

        self._process = _run_on_spawner(popen)
        self.pid = self._process.pid
        self.stdout = self._process.stdout
        self._is_swept = False
        _running.add(self)

    def is_running(self) -> bool:
        return self.poll() is None

    def poll(self) -> int | None:
        """The exit status (negative: the signal that ended it), None while it runs."""
        returncode = self._process.poll()
        if returncode is not None:
            _running.discard(self)
        return returncode

    def wait(self, timeout_seconds: float) -> bool:
        """Whether it has ended within the time."""
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout_seconds)
        return not self.is_running()

    def terminate(self) -> None:
        """Asks the process itself to end; it tells its own children."""
        if self.is_running():
            self._process.send_signal(signal.SIGTERM)

    def stop(self, grace_seconds: float) -> None:
        """SIGTERM, and after the grace SIGKILL. Returns when it is gone."""
        self.terminate()
        self.wait(grace_seconds)
        self.kill()

    def kill(self) -> None:
        """SIGKILL to the process and what is left of its group. Returns when it is gone."""
        if self._is_swept:  # its process id may be somebody else's by now
            return
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self.pid, signal.SIGKILL)
        self._is_swept = self.wait(KILL_WAIT_SECONDS)


def kill_all_children() -> None:
    """SIGKILL to every process group started here; does not wait, so a signal handler may."""
    for child in list(_running):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, signal.SIGKILL)


class _Spawner:
    """One thread that lives as long as the process and starts every child.

    The kernel's parent-death signal is tied to the *thread* that forked: a server started from a
    short-lived thread would be killed when that thread ends.
    """

    def __init__(self) -> None:
        self.pid = os.getpid()
        self._requests: queue.SimpleQueue[
            tuple[Callable[[], subprocess.Popen[bytes]], Future[Any]]
        ] = queue.SimpleQueue()
        threading.Thread(target=self._serve, name="spawner", daemon=True).start()

    def run(self, popen: Callable[[], "subprocess.Popen[bytes]"]) -> "subprocess.Popen[bytes]":
        future: Future[subprocess.Popen[bytes]] = Future()
        self._requests.put((popen, future))
        return future.result()

    def _serve(self) -> None:
        while True:
            popen, future = self._requests.get()
            try:
                future.set_result(popen())
            except BaseException as error:
                future.set_exception(error)


_spawner: _Spawner | None = None
_spawner_lock = threading.Lock()


def _run_on_spawner(popen: Callable[[], "subprocess.Popen[bytes]"]) -> "subprocess.Popen[bytes]":
    global _spawner
    with _spawner_lock:
        if _spawner is None or _spawner.pid != os.getpid():  # a fork leaves the thread behind
            _spawner = _Spawner()
    return _spawner.run(popen)
