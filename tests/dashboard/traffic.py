"""Plausible traffic of a website, stored as if it had been sent: for tests, and to look at."""

import math
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from ingestion.drain.loop import drain
from tests.conftest import Api, TestProject

PAGES = (
    ("/", "Home"), ("/pricing", "Pricing"), ("/docs", "Docs"), ("/docs/install", "Install"),
    ("/blog", "Blog"), ("/blog/why-we-count-visits-and-not-people", "Why we count visits"),
    ("/signup", "Sign up"), ("/changelog", "Changelog"), ("/about", "About"),
    ("/docs/reference/http/api/errors-and-what-to-do-about-them", "Errors"),
    ("/customers", "Customers"), ("/jobs", "Jobs"),
)  # fmt: skip
REFERRERS = (
    *[""] * 8, *["https://www.google.com/"] * 7, *["https://news.ycombinator.com/item?id=1"] * 3,
    *["https://github.com/"] * 2, "https://duckduckgo.com/", "https://www.linkedin.com/",
    "https://t.co/x", "https://www.reddit.com/r/selfhosted/", "https://lobste.rs/s/abc",
)  # fmt: skip
AGENTS = (
    *["Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/142.0.0.0 Safari/537.36"] * 5,
    *["Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) "
      "Version/18.1 Safari/605.1.15"] * 3,
    *["Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like "
      "Gecko) Version/18.1 Mobile/15E148 Safari/604.1"] * 4,
    *["Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) "
      "Chrome/142.0.0.0 Mobile Safari/537.36"] * 2,
    "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
)  # fmt: skip
# One address of each of some countries, by the statistics of the registries.
ADDRESSES = (
    *["91.10.1.{}"] * 5, *["8.8.8.{}"] * 5, *["81.2.69.{}"] * 3, *["90.0.0.{}"] * 2, "49.1.2.{}",
    "200.160.2.{}", "1.0.16.{}", "80.57.1.{}", "83.1.1.{}", "193.10.1.{}",
)  # fmt: skip
LANGUAGES = ("en-US", "en-US", "de-DE", "en-GB", "fr-FR", "es-ES", "ja-JP")
SCREENS = ("1920x1080", "1440x900", "390x844", "412x915", "2560x1440")


def make_visits(
    days: int, visits_a_day: float, *, until: datetime | None = None, seed: int = 1
) -> Iterator[dict[str, Any]]:
    """Events of the last `days`, oldest first within a visit; weekends are quieter, it grows."""
    chance = random.Random(seed)
    until = until or datetime.now(UTC)
    for ago in range(days):
        day = until - timedelta(days=ago)
        growth = 1 - 0.4 * ago / max(days, 60)
        quiet = 0.6 if day.weekday() > 4 else 1.0
        for _ in range(round(visits_a_day * growth * quiet * chance.uniform(0.85, 1.15))):
            hour = _choose_hour(chance)
            begin = day.replace(hour=0, minute=0) + timedelta(hours=hour)
            if begin < until:
                yield from _visit(chance, begin, until)


def _choose_hour(chance: random.Random) -> float:
    while True:
        hour = chance.uniform(0, 24)
        if chance.random() < 0.15 + 0.85 * math.exp(-(((hour - 14) / 5) ** 2)):
            return hour


def _visit(chance: random.Random, begin: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    common: dict[str, Any] = {
        "userAgent": chance.choice(AGENTS),
        "ip": chance.choice(ADDRESSES).format(chance.randrange(1, 255)),
        "hostname": "www.example.com",
        "language": chance.choice(LANGUAGES),
        "screen": chance.choice(SCREENS),
    }
    at, referrer = begin, chance.choice(REFERRERS)
    for step in range(1 if chance.random() < 0.5 else chance.randrange(2, 7)):
        path, title = chance.choices(PAGES, weights=range(len(PAGES), 0, -1))[0]
        event = {**common, "path": path, "title": title, "timestamp": at.isoformat()}
        if step == 0 and referrer:
            event["referrer"] = referrer
        if step == 0 and chance.random() < 0.12:
            event["path"] += "?utm_source=newsletter&utm_medium=email&utm_campaign=autumn"
        yield event
        if path == "/signup" and chance.random() < 0.5:
            plan = chance.choice(("free", "pro", "team"))
            yield {**event, "event": "signup", "properties": {"plan": plan}}
        at += timedelta(seconds=chance.expovariate(1 / 80) + 2)
        if at >= until:
            return


def store(project: TestProject, events: Iterator[dict[str, Any]]) -> int:
    """Send them through the door by a secret key, and drain; how many they were."""
    sent = 0
    batch: list[dict[str, Any]] = []
    api = Api(project.ingest_key)

    def flush() -> None:
        nonlocal sent
        if batch:
            answer = api.post("/events", batch)
            assert answer.status_code == 202, answer.content
            sent += len(batch)
            batch.clear()
            drain(0, force=True)

    for event in events:
        batch.append(event)
        if len(batch) == 1_000:
            flush()
    flush()
    return sent
