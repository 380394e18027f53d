"""Work beside the tasks of a worker: a task wakes it, and drains wait for none of it.

A question may take seconds, and a server of mail half a minute; a worker has few places for tasks,
and drains need one. So such work goes on in a thread of its own, one of a kind in a process, and
by its lane in one process at a time. What is cut off by the end of the process is taken up again.
"""

import threading
from collections.abc import Callable

import structlog
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from upkeep.jobs.lane import enter_lane

log = structlog.get_logger(__name__)

BUDGET_SECONDS = 20.0


class Apart:
    """Work that is done until none is left; `work` takes its seconds, and says whether more is."""

    def __init__(self, lane: str, work: Callable[[float], bool]) -> None:
        self._lane = lane
        self._work = work
        self._running = threading.Lock()

    def wake(self) -> None:
        """Go on with it, unless this process does so already. Returns at once."""
        if self._running.acquire(blocking=False):
            threading.Thread(target=self._run, name=self._lane, daemon=True).start()

    def work(self) -> bool:
        """Do all there is, here and now; False: another process is at it."""
        with enter_lane(self._lane) as entered:
            while entered and self._work(BUDGET_SECONDS):
                pass
        return entered

    def _run(self) -> None:
        try:
            self.work()
        except (PyMongoError, RedisError, OSError) as exc:
            log.warning("apart_interrupted", lane=self._lane, error=repr(exc)[:300])
        except Exception:
            log.exception("apart_failed", lane=self._lane)
        finally:
            self._running.release()
