"""Questions that are asked again and again, each answer checked against what MongoDB counts."""

import http.client
import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Any, Self

from analytics.databases.mongo import EVENTS, collection
from local.process.ports import LOOPBACK
from tests.chaos.system import System, attempt, wait_for
from tests.conftest import TestProject

PAUSE_SECONDS = 0.05
ANSWER_SECONDS = 30.0  # three times what a question may take
NO_ANSWER = "no answer"
MAY_BE_SAID = {
    "columns_unavailable", "columns_damaged", "columns_behind", "query_busy", "store_unavailable",
    "reports_unavailable", "reports_busy",
}  # fmt: skip


def make_question(*dimensions: str) -> dict[str, Any]:
    today = datetime.now(UTC).date()
    days = {"start": today - timedelta(days=1), "end": today + timedelta(days=2)}
    window = {name: day.isoformat() for name, day in days.items()}
    return {"metrics": ["views"], "dimensions": list(dimensions), "limit": 1_000, **window}


class Questions:
    """How many views there are, by path, from `start` to `stop`; a context manager.

    An answer counts at least what was stored before it was asked for, and what any answer counted
    before; at most what is stored after it; and its parts add up to its whole. What is no answer
    is 503 with a code, or none at all.
    """

    def __init__(
        self,
        system: System,
        project: TestProject,
        *,
        askers: int = 1,
        question: Mapping[str, Any] | None = None,
        check: Callable[[Mapping[str, Any]], str | None] | None = None,
        port: int | None = None,
    ) -> None:
        """`port`: of another host of the system."""
        self.outcomes: Counter[str] = Counter()  # "200", the code of a 503, NO_ANSWER
        self.wrong: list[str] = []
        self.slowest_seconds = 0.0
        self._project, self._port = project, port or system.port
        self._question = question or make_question("path")
        self._check = check
        self._seen = 0
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._threads = [threading.Thread(target=self._ask_all) for _ in range(askers)]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()
        if kind is None:
            self.check()

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()
        print(dict(self.outcomes), f"{self.slowest_seconds:.1f} s at most")

    def check(self) -> None:
        assert self.wrong == [], self.wrong[:5]

    def wait_for(self, outcome: str, seconds: float = 60.0, times: int = 1) -> None:
        """Until so many more questions came to that."""
        wanted = self.outcomes[outcome] + times
        wait_for(lambda: self.outcomes[outcome] >= wanted, seconds, f"{outcome} again")

    def _ask_all(self) -> None:
        while not self._ending.wait(PAUSE_SECONDS):
            try:
                self._ask()
            except Exception as exc:
                self.wrong.append(repr(exc))
                raise

    def _ask(self) -> None:
        least = 0 if self._check else max(self._count(), self._seen)
        began = time.monotonic()
        status, answer = self._post()
        self.slowest_seconds = max(self.slowest_seconds, time.monotonic() - began)
        trouble = None
        if status == 200:
            outcome = "200"
            trouble = self._check(answer) if self._check else self._look_at(answer, least)
        elif status is None:
            outcome = NO_ANSWER
        else:
            outcome = str(answer.get("code"))
            if status != 503 or outcome not in MAY_BE_SAID:
                trouble = f"{status} {answer}"
        with self._lock:
            self.outcomes[outcome] += 1
            if trouble:
                self.wrong.append(trouble)

    def _look_at(self, answer: Mapping[str, Any], least: int) -> str | None:
        [views] = answer["totals"]
        parts = sum(row["metrics"][0] for row in answer["results"])
        with self._lock:
            self._seen = max(self._seen, views)
        most = self._count()
        if not least <= views <= most or parts != views:
            return f"{views} views, {parts} by path, {least} stored before and {most} after"
        return None

    def _count(self) -> int:
        """Of a moment: with it are all that were stored before."""
        query = {"project": self._project.id}
        return attempt(lambda: collection(EVENTS).count_documents(query)) or 0

    def _post(self) -> tuple[int | None, Any]:
        connection = http.client.HTTPConnection(LOOPBACK, self._port, timeout=ANSWER_SECONDS)
        headers = {
            "Authorization": f"Bearer {self._project.read_key}",
            "Content-Type": "application/json",
        }
        try:
            connection.request("POST", "/query", json.dumps(self._question), headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return None, None
        finally:
            connection.close()
