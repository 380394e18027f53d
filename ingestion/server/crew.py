"""Greenlets that live on from request to request.

What Django and the clients of its stores keep for each thread, connections above all, they keep for
each greenlet. A new one for each request would connect anew each time: 5 ms of CPU time.

Imported by gunicorn's master before gevent patches its workers.
"""

from collections.abc import Callable

import gevent
from gevent.event import AsyncResult
from gevent.queue import SimpleQueue

_MOST_IDLE = 64

_Work = Callable[[], None]
_Task = tuple[_Work, "AsyncResult[None]"]


class Crew:
    """Runs work in the greenlet that was busy last: few are kept warm, and no more than needed."""

    def __init__(self) -> None:
        self._idle: list[SimpleQueue[_Task]] = []

    def run(self, work: Callable[[], None]) -> None:
        """Returns when the work is done; raises what it raises."""
        tasks = self._idle.pop() if self._idle else self._hire()
        done: AsyncResult[None] = AsyncResult()
        tasks.put((work, done))
        done.get()

    def _hire(self) -> "SimpleQueue[_Task]":
        tasks: SimpleQueue[_Task] = SimpleQueue()
        gevent.spawn(self._serve, tasks)
        return tasks

    def _serve(self, tasks: "SimpleQueue[_Task]") -> None:
        while True:
            work, done = tasks.get()
            try:
                done.set(work())
            except BaseException as exc:
                done.set_exception(exc)
            del work, done
            if len(self._idle) >= _MOST_IDLE:
                return
            self._idle.append(tasks)
