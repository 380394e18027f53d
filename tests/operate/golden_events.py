"""The events that `golden/day-*.hex` count, each a day with the runs of two buckets and a copy."""

from datetime import UTC, datetime, timedelta
from typing import Any

from bson import Int64

from analytics.rollups import hash_value

DAY = datetime(2025, 11, 14, tzinfo=UTC)
FIELDS = (
    "referrer", "country", "browser", "os", "device", "utmSource", "utmMedium", "utmCampaign",
)  # fmt: skip


def list_events() -> list[dict[str, Any]]:
    """Documents of collection `events`, as far as rollups go by them."""
    return [
        {
            "timestamp": DAY + timedelta(seconds=73 * n),
            "path": f"/{n % 4}",
            "event": "pageview" if n % 5 else "signup",
            "userId": f"u{n % 3}",
            "visitor": Int64(hash_value(f"u{n % 3}") - 2**63),
        }
        | {name: f"{name} {n % 2}" for index, name in enumerate(FIELDS) if (n + index) % 3}
        for n in range(24)
    ]


def list_events_with_bots() -> list[dict[str, Any]]:
    """The same, some of bots, some of nobody, with hostnames."""
    events = list_events()
    for n, event in enumerate(events):
        if n % 4 == 1:
            event["bot"] = ("GPTBot", "headless")[n % 8 // 4]
        if n % 3:
            event["hostname"] = ("example.org", "example.net")[n % 2]
        if n % 7 == 0:
            del event["userId"], event["visitor"]
    return events
