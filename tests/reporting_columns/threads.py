"""What happens at once, in threads."""

import threading
from collections.abc import Callable
from contextlib import suppress

from analytics.databases.transactions import Conflict
from tests.workers import wait_until

_MORE_SECONDS = 60.0


class Threads:
    """Work that is repeated side by side."""

    def __init__(self) -> None:
        self._ended = threading.Event()
        self._failures: list[Exception] = []
        self._threads: list[threading.Thread] = []

    def repeat(self, work: Callable[[], object], pause_seconds: float) -> None:
        def go() -> None:
            try:
                while not self._ended.wait(pause_seconds):
                    with suppress(Conflict):
                        work()
            except Exception as exc:
                self._failures.append(exc)
                raise

        self._threads.append(threading.Thread(target=go))
        self._threads[-1].start()

    def run(self, seconds: float, is_enough: Callable[[], bool]) -> None:
        """So long, and on a slow machine until it is enough."""

        def wait() -> None:
            self._ended.wait(seconds)
            wait_until(lambda: bool(self._failures) or is_enough(), _MORE_SECONDS, "enough is done")

        self.run_beside(wait)

    def run_beside(self, work: Callable[[], object]) -> None:
        """Until `work` is done once."""
        try:
            work()
        finally:
            self._ended.set()
            for thread in self._threads:
                thread.join()
        assert self._failures == []
