"""The two kinds of worker processes of one gunicorn: those that accept, and those that report.

The accepting ones listen to the public address, the reporting ones to a Unix socket in a directory
that no other user can enter. Which kind a worker is, is settled as it is forked, by what its living
siblings are: so whatever dies is replaced by its own kind, and a reload ends with the right mix.

Runs in gunicorn's master: the standard library and gunicorn only.
"""

import os
import signal
from collections.abc import Sequence
from pathlib import Path

from gunicorn.errors import HaltServer
from gunicorn.sock import UnixSocket

from ingestion.server.gunicorn_types import ForkedWorker, Master

_SOCKET = "reports.sock"
# Where cores are short, accepting goes first: a core is then shared three to one.
_REPORTING_NICENESS = 5


class WorkerKinds:
    """What the hooks of `config/gunicorn.py` do. It lives as long as the master, reloads included.

    The Unix socket is not among gunicorn's own listeners, which it closes before anything else
    when it stops: what is still being accepted then may want a report.
    """

    def __init__(self, server: Master, directory: Path) -> None:
        self._server = server
        self._address = str(directory / _SOCKET)
        self._listener = UnixSocket(self._address, server.cfg, server.log)
        self._is_stopping = False
        self._kill_workers = server.kill_workers
        server.kill_workers = self._kill_in_order
        self._halt = server.halt
        server.halt = self._halt_with_all

    def close(self) -> None:
        """At the end of the master; the socket goes with its directory."""
        self._listener.close()

    def choose(self, worker: ForkedWorker, reporting: int) -> None:
        """Before the fork: what `worker` will be, if so many of all workers are to report."""
        living = sorted(self._server.WORKERS.values(), key=lambda one: one.age)
        kinds = [one.is_reporting for one in living]
        worker.is_reporting = is_next_reporting(kinds, self._server.num_workers, reporting)
        if worker.is_reporting:
            worker.sockets = [self._listener]
        worker.relays = bool(reporting) and not worker.is_reporting

    def settle(self, worker: ForkedWorker) -> None:
        """After the fork, in the worker: keep nothing open that the other kind listens to."""
        for listener in [*self._server.LISTENERS, self._listener]:
            if listener not in worker.sockets:
                listener.close()
        worker.address = self._address
        if worker.is_reporting:
            os.nice(_REPORTING_NICENESS)

    def keep_reporting(self, wanted: int, reporting: int) -> None:
        """TTIN and TTOU change the accepting ones: gunicorn ends the oldest, so these are young."""
        for worker in self._living(reporting=True):
            self._server.worker_age += 1
            worker.age = self._server.worker_age
        if 0 < wanted <= reporting:  # 0: the end of a daemon
            self._server.num_workers = reporting + 1

    def note_exit(self) -> None:
        """A worker has gone; with the last that accepted, those that report may go."""
        if self._is_stopping and not self._living(reporting=False):
            self._is_stopping = False
            self._kill_workers(signal.SIGTERM)

    def _halt_with_all(self, reason: str | None = None, exit_status: int = 0) -> None:
        """End with `exit_status`, which says why, also where several workers could not start.

        gunicorn raises anew for each that ends so while it stops.
        """
        for _ in range(len(self._server.WORKERS) + 1):
            try:
                self._halt(reason, exit_status)
            except HaltServer:
                continue

    def _kill_in_order(self, number: int) -> None:
        accepting = self._living(reporting=False)
        if number != signal.SIGTERM or not accepting:
            self._kill_workers(number)
            return
        self._is_stopping = True
        for worker in accepting:
            self._server.kill_worker(worker.pid, number)

    def _living(self, *, reporting: bool) -> list[ForkedWorker]:
        living = self._server.WORKERS.values()
        return [worker for worker in living if worker.is_reporting is reporting]


def is_next_reporting(kinds: Sequence[bool], workers: int, reporting: int) -> bool:
    """Whether the next worker reports; `kinds` tells it of the living ones, the oldest first.

    Only the youngest count, as many as will stand beside the new one: in a reload the others are
    about to be ended. Those that accept come first.
    """
    youngest = kinds[-(workers - 1) :] if workers > 1 else []
    return youngest.count(False) >= workers - reporting
