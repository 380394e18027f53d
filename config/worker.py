"""`python -m config.worker`: as `celery -A config worker`, in less memory, and with beat.

It leaves out what Celery's command line loads for its other commands, and Django's checks of pages
that a worker does not serve. With WORKER_BEAT beat runs in a thread of it. With WORKER_POOL=threads
the tasks do, too: one process for everything, enough for the one or two cores of a small machine.
"""

import os
import signal
import sys
import threading

os.environ.setdefault("CELERY_SKIP_CHECKS", "1")

from celery.apps.worker import Worker
from celery.beat import Service
from celery.bootsteps import StartStopStep
from celery.signals import worker_init, worker_process_init
from django.conf import settings

from config.celery import app

HEARTBEAT_SECONDS = 10
STOP_SECONDS = 3.0
_POOLS = {"processes": "prefork", "threads": "threads"}


class BeatThread(StartStopStep):
    """Beat, in the process that hands out the tasks, once its pool is forked."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, worker: Worker, **options: object) -> None:
        self._service = Service(app, max_interval=1, scheduler_cls=app.conf.beat_scheduler)
        self._is_told_to_stop = False
        self._thread = threading.Thread(target=self.run, name="beat", daemon=True)

    def include_if(self, worker: Worker) -> bool:
        return settings.WORKER_BEAT

    def start(self, worker: Worker) -> None:
        self._thread.start()

    def run(self) -> None:
        """A worker whose beat has failed ends, to be started again with one that has not."""
        try:
            self._service.start()
        finally:
            if not self._is_told_to_stop:
                os.kill(os.getpid(), signal.SIGTERM)

    def stop(self, worker: Worker) -> None:
        self._is_told_to_stop = True
        self._service.stop()
        self._thread.join(STOP_SECONDS)  # not for ever: it may wait for a broker that is away

    def terminate(self, worker: Worker) -> None:
        self.stop(worker)


@worker_init.connect
def begin_as_process_of_pool(sender: Worker, **_: object) -> None:
    """Where no process is forked for the tasks, this one does what such a process begins with."""
    if settings.WORKER_POOL == "threads":
        worker_process_init.send(sender=sender)


def main() -> int:
    app.steps["worker"].add(BeatThread)
    worker = app.Worker(
        quiet=True,
        pool_cls=_POOLS[settings.WORKER_POOL],
        heartbeat_interval=HEARTBEAT_SECONDS,
        # What workers tell each other nobody here asks for.
        without_gossip=True,
        without_mingle=True,
    )
    worker.start()
    return int(worker.exitcode or 0)


if __name__ == "__main__":
    sys.exit(main())
