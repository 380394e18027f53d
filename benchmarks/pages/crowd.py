"""Many pages that are open at once: what they ask again while people look at them."""

import http.client
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

CONNECTIONS = 16
REFRESH_SECONDS, CURRENT_SECONDS = 60.0, 30.0
PANELS = ("pages", "sources", "places", "devices", "events", "bots")
WINDOWS = ("today", "28d")


@dataclass
class Crowd:
    """How long each answer took, in ms, and how many were no 200."""

    took_ms: list[float] = field(default_factory=list)
    refused: int = 0


@contextmanager
def looking(url: str, project: str, cookie: str, pages: int) -> Iterator[Crowd]:
    """So many pages stay open, each at a second of its own, for as long as the context lasts."""
    crowd, done, mutex = Crowd(), threading.Event(), threading.Lock()
    parts = urlsplit(url)
    turns = _plan(project, pages)

    def work() -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port)
        while not done.is_set():
            with mutex:
                due, path = next(turns)
            if done.wait(max(0.0, due - time.monotonic())):
                return
            begun = time.perf_counter()
            connection.request("GET", path, headers={"Cookie": cookie, "HX-Request": "true"})
            answer = connection.getresponse()
            answer.read()
            with mutex:
                crowd.took_ms.append((time.perf_counter() - begun) * 1_000)
                crowd.refused += answer.status != 200

    threads = [threading.Thread(target=work) for _ in range(min(CONNECTIONS, pages))]
    for thread in threads:
        thread.start()
    try:
        yield crowd
    finally:
        done.set()
        for thread in threads:
            thread.join()


def _plan(project: str, pages: int) -> Iterator[tuple[float, str]]:
    """When which part is due, in the order of time, for ever; times of the monotonic clock."""
    rng = random.Random(1)
    begun = time.monotonic()
    turns = []
    for number in range(pages):
        period = WINDOWS[number % len(WINDOWS)]
        at = rng.random() * REFRESH_SECONDS
        for part in ("top", *(f"panel/{name}" for name in PANELS)):
            turns.append((at, f"/p/{project}/{part}?period={period}"))
        for half in (0.0, CURRENT_SECONDS):
            turns.append(((at + half) % REFRESH_SECONDS, f"/p/{project}/current"))
    turns.sort()
    again = 0
    while turns:
        for at, path in turns:
            yield begun + again * REFRESH_SECONDS + at, path
        again += 1
