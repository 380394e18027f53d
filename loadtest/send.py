"""Send the events of a plan, each request when it is due, whatever the others wait for."""

import json
import random
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from typing import TextIO

from loadtest.client import Connection, NoAnswer, code_of
from loadtest.plan import Plan
from loadtest.tally import Tally

TRIES = 3
PATHS = 50
USERS = 1_000
BAR_WIDTH = 30
DRAW_SECONDS = 0.2
# Where nobody watches, a line now and then will do.
LINE_SECONDS = 10.0


def send_events(plan: Plan) -> Tally:
    """Send them all, draw the progress, and return what became of them; Ctrl-C ends it early."""
    tally = Tally()
    numbers = iter(range(plan.requests))
    stopped = threading.Event()
    start = time.monotonic() + 0.1
    threads = [
        threading.Thread(target=_send_due, args=(plan, numbers, start, stopped, tally))
        for _ in range(min(plan.connections, plan.requests))
    ]
    for thread in threads:
        thread.start()
    progress = Progress(plan, start, sys.stderr)
    try:
        while running := [thread for thread in threads if thread.is_alive()]:
            running[0].join(DRAW_SECONDS)
            progress.draw(tally)
    except KeyboardInterrupt:
        stopped.set()
        for thread in threads:
            thread.join()
    tally.seconds = time.monotonic() - start
    progress.draw(tally, last=True)
    return tally


def _send_due(
    plan: Plan, numbers: Iterator[int], start: float, stopped: threading.Event, tally: Tally
) -> None:
    """One connection's part: the next request of all, until there is none.

    A request's latency counts from the moment it was due: a service that makes the sender wait
    does not look faster for it.
    """
    connection = Connection(plan.url, plan.ingest_key)
    interval = plan.batch_events / plan.events_per_second
    for number in numbers:  # a range's iterator hands each number to one thread
        due = start + number * interval
        if stopped.wait(max(0.0, due - time.monotonic())):
            break
        events = [_make_event(plan.run_id) for _ in range(plan.batch_events)]
        accepted = _send(connection, plan, events, due, tally)
        if accepted and random.randrange(100) < plan.copies_percent:
            _send_copy(connection, plan, events, tally)
    connection.close()


def _make_event(run_id: str) -> dict[str, str]:
    return {
        "eventId": str(uuid.uuid4()),
        "path": f"/loadtest/{random.randrange(PATHS)}",
        "userId": f"loadtest-{random.randrange(USERS)}",
        "sessionId": run_id,
    }


def _send(
    connection: Connection, plan: Plan, events: list[dict[str, str]], due: float, tally: Tally
) -> bool:
    """Whether it was accepted. Without an answer the same is sent again, with the same ids."""
    path, body = _request(plan, events)
    for attempt in range(TRIES):
        try:
            status, answer = connection.post(path, body)
        except NoAnswer:
            continue
        seconds = time.monotonic() - due
        if status == 202:
            tally.note_accepted([event["eventId"] for event in events], seconds)
        else:
            uncertain = attempt > 0 or status >= 500
            tally.note_refused(code_of(status, answer), len(events), seconds, uncertain=uncertain)
        return status == 202
    tally.note_unknown(len(events))
    return False


def _send_copy(
    connection: Connection, plan: Plan, events: list[dict[str, str]], tally: Tally
) -> None:
    try:
        status, _ = connection.post(*_request(plan, events))
    except NoAnswer:
        return
    if status == 202:
        tally.note_copies(len(events))


def _request(plan: Plan, events: list[dict[str, str]]) -> tuple[str, bytes]:
    if plan.batch_events == 1:
        return "/event", json.dumps(events[0]).encode()
    return "/events", json.dumps(events).encode()


class Progress:
    """A bar that is drawn over itself where somebody watches; else a line now and then."""

    def __init__(self, plan: Plan, start: float, output: TextIO) -> None:
        self._plan = plan
        self._start = start
        self._output = output
        self._watched = output.isatty()
        self._drawn_at = start

    def draw(self, tally: Tally, *, last: bool = False) -> None:
        now = time.monotonic()
        if not (last or self._watched or now - self._drawn_at > LINE_SECONDS):
            return
        self._drawn_at = now
        passed = max(0.0, min(1.0, (now - self._start) / self._plan.seconds))
        done = round(BAR_WIDTH * passed)
        bar = "#" * done + "-" * (BAR_WIDTH - done)
        begin, end = ("\r", "\n" if last else "") if self._watched else ("", "\n")
        self._output.write(f"{begin}[{bar}] {tally.describe()}{end}")
        self._output.flush()
