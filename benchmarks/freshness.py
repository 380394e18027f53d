"""Freshness: from the 202 to the event being counted in GET /stats, under steady load."""

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any
from urllib.parse import urlsplit

from benchmarks.accept import EVENT
from benchmarks.reporting import Asker, percentile
from benchmarks.stack import Stack, open_stack, run_manage

Result = dict[str, Any]

EVENTS_PER_SECOND = 1_000
SENDERS = 4
POLL_SECONDS = 0.02


def run(*, quick: bool) -> Result:
    """Milliseconds, as a project with no other traffic sees them."""
    probes = 30 if quick else 200
    with open_stack(reference=False) as stack:
        _, url = stack.start_web()
        stack.start_worker(processes=2)
        ingest = make_key(stack, "ingest")
        ask = Asker(url, make_key(stack, "read"))
        with sending(url, stack.ingest_key):
            times = [
                probe(url, ingest, lambda: int(ask.json("/stats")["totalViews"]), n)
                for n in range(1, probes + 1)
            ]
    return {
        "freshness": {
            "offered_per_second": EVENTS_PER_SECOND,
            "p50_ms": median(times),
            "p95_ms": percentile(times, 95),
            "max_ms": max(times),
            "samples": times,
        }
    }


def make_key(stack: Stack, scope: str) -> str:
    arguments = ("--project", "Probe", "--name", scope, "--scopes", scope)
    try:
        return run_manage(stack, "create_api_key", *arguments).strip().splitlines()[-1]
    except RuntimeError:
        made = run_manage(stack, "create_api_key", *arguments, "--create-project")
        return made.strip().splitlines()[-1]


@contextmanager
def sending(url: str, key: str) -> Iterator[None]:
    """EVENTS_PER_SECOND of load, which has settled when this begins."""
    stop = threading.Event()
    senders = [
        threading.Thread(target=_send_steadily, args=(url, key, stop)) for _ in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    try:
        time.sleep(2)
        yield
    finally:
        stop.set()
        for sender in senders:
            sender.join()


def _send_steadily(url: str, key: str, stop: threading.Event) -> None:
    """Single events, each at its time; a sender that falls behind does not catch up."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    body = json.dumps(EVENT)
    step = SENDERS / EVENTS_PER_SECOND
    due = time.monotonic()
    while not stop.is_set():
        connection.request("POST", "/event", body, headers)
        connection.getresponse().read()
        due = max(due + step, time.monotonic() - step)
        time.sleep(max(0.0, due - time.monotonic()))
    connection.close()


def probe(
    url: str, key: str, count: Callable[[], int], expected: int, event: dict[str, Any] = EVENT
) -> float:
    """Milliseconds from the 202 of one more event to `count` saying `expected`."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
    headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
    connection.request("POST", "/event", json.dumps(event), headers)
    answer = connection.getresponse()
    answer.read()
    connection.close()
    if answer.status != 202:
        raise RuntimeError(f"the probe got {answer.status}")
    begun = time.monotonic()
    while count() < expected:
        if time.monotonic() - begun > 30:
            raise RuntimeError("not counted within 30 seconds")
        time.sleep(POLL_SECONDS)
    return (time.monotonic() - begun) * 1000
