"""A small load that knows what became of each of its events, as far as a sender can know."""

import http.client
import itertools
import json
import random
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from local.process.ports import LOOPBACK
from tests.conftest import TestProject

SENDERS = 6
PAUSE_SECONDS = 0.02
RETRY_SECONDS = 0.2
ANSWER_SECONDS = 5.0
BATCH_EVENTS = 10
USERS = 40  # few enough that their number is known exactly
MAX_EVENTS = 100_000
MAX_SECONDS = 150.0
# Of a hundred requests, how many ...
BATCHES = 30
WITHOUT_ID = 10  # ... let the service choose the event ids, and are never sent again
GIVEN_UP = 10  # ... are not sent again, whatever the answer
SENT_AGAIN = 5  # ... are sent again although they were accepted


@dataclass(slots=True)
class Sent:
    """One event, told apart from all others by its session id."""

    mark: str
    body: dict[str, Any]
    attempts: int = 0
    accepted: int = 0  # how many of the attempts were answered 202


@dataclass(slots=True)
class Outcome:
    """What all senders saw."""

    events: dict[str, Sent] = field(default_factory=dict)
    statuses: Counter[int | None] = field(default_factory=Counter)  # None: no answer
    failures: Counter[str] = field(default_factory=Counter)  # of the requests without an answer
    strange: list[str] = field(default_factory=list)

    @property
    def accepted(self) -> set[str]:
        """Events of which at least one attempt was answered 202."""
        return {mark for mark, event in self.events.items() if event.accepted}

    @property
    def refused(self) -> int:
        """Requests answered otherwise than 202, or not at all."""
        return sum(count for status, count in self.statuses.items() if status != 202)


class Load:
    """Senders in threads, from `start` to `stop`; a context manager.

    What is not answered 202 is sent again with the same event ids until it is, as the
    documentation tells clients to; some of it deliberately not.
    """

    def __init__(self, port: int, project: TestProject, seed: int) -> None:
        self.outcome = Outcome()
        self.project = project
        self._port = port
        self._headers = {
            "Authorization": f"Bearer {project.ingest_key}",
            "Content-Type": "application/json",
        }
        self._numbers = itertools.count()
        self._lock = threading.Lock()
        self._ending = threading.Event()
        self._deadline = time.monotonic() + MAX_SECONDS
        self._threads = [
            threading.Thread(target=self._send_all, args=(random.Random(seed + n),), name="sender")
            for n in range(SENDERS)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def stop(self) -> None:
        """Returns when every sender has had its last answer, or has waited for it in vain."""
        self._ending.set()
        for thread in self._threads:
            thread.join()

    def register(self, events: Sequence[Sent]) -> None:
        """Before they are sent."""
        with self._lock:
            self.outcome.events.update((event.mark, event) for event in events)

    def send_once(self, events: Sequence[Sent]) -> bool:
        """Send events of one's own as one request, on a connection of its own."""
        self.register(events)
        connection = self._connect()
        try:
            return self._post(connection, events)
        finally:
            connection.close()

    def count_accepted(self) -> int:
        with self._lock:
            return self.outcome.statuses[202]

    def _send_all(self, chance: random.Random) -> None:
        connection = self._connect()
        while not self._is_over() and len(self.outcome.events) < MAX_EVENTS:
            self._send_one(connection, chance)
            self._ending.wait(PAUSE_SECONDS)
        connection.close()

    def _send_one(self, connection: http.client.HTTPConnection, chance: random.Random) -> None:
        with_id = chance.randrange(100) >= WITHOUT_ID
        persists = with_id and chance.randrange(100) >= GIVEN_UP
        events = self._make_events(BATCH_EVENTS if chance.randrange(100) < BATCHES else 1, with_id)
        while not self._post(connection, events):
            if not persists or self._is_over():
                return
            time.sleep(RETRY_SECONDS)
        if with_id and chance.randrange(100) < SENT_AGAIN:
            self._post(connection, events)

    def _make_events(self, count: int, with_id: bool) -> list[Sent]:
        events = []
        for _ in range(count):
            number = next(self._numbers)
            mark = f"event-{number}"
            body: dict[str, Any] = {
                "path": f"/page/{number % 20}",
                "sessionId": mark,
                "userId": f"user-{number % USERS}",
            }
            if with_id:
                body["eventId"] = f"id-{number}"
            events.append(Sent(mark, body))
        self.register(events)
        return events

    def _connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection(LOOPBACK, self._port, timeout=ANSWER_SECONDS)

    def _post(self, connection: http.client.HTTPConnection, events: Sequence[Sent]) -> bool:
        """Whether it was accepted."""
        bodies = [event.body for event in events]
        path, body = ("/events", bodies) if len(bodies) > 1 else ("/event", bodies[0])
        status, answer = post(connection, path, json.dumps(body), self._headers)
        with self._lock:
            self.outcome.statuses[status] += 1
            if status is None:
                self.outcome.failures[answer.decode()] += 1
            elif status not in (202, 503):
                self.outcome.strange.append(f"{status} {answer[:200]!r}")
            for event in events:
                event.attempts += 1
                event.accepted += status == 202
        return status == 202

    def _is_over(self) -> bool:
        return self._ending.is_set() or time.monotonic() > self._deadline


def post(
    connection: http.client.HTTPConnection, path: str, body: str, headers: dict[str, str]
) -> tuple[int | None, bytes]:
    """Status and body of the answer; None and the error's name where there is none."""
    try:
        connection.request("POST", path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException) as error:
        connection.close()  # the next request opens it again
        return None, type(error).__name__.encode()
