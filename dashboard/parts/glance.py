"""A project at a glance: the last 24 hours, without bots."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median
from typing import Any

from dashboard.asking import Desk
from dashboard.parts.sparklines import draw_line
from reporting.words.formats import format_count, format_exact
from reporting.words.metrics import METRICS, Change, tell_change

HOURS_PER_DAY = 24
# A project has gone quiet where nobody came in the last whole hour, and at that time of day
# at least so many come, in the middle of the week before.
USUAL_DAYS = 7
USUAL_VISITORS = 3


@dataclass(frozen=True, slots=True)
class Glance:
    """`problem` where the numbers cannot be had now."""

    visitors: str = ""
    exact: str = ""
    visits: int = 0
    views: int = 0
    views_text: str = ""
    line: str = ""
    change: Change | None = None
    is_quiet: bool = False
    problem: str = ""


def look_at(desk: Desk) -> Glance:
    """Against the 24 hours before. Raises BadRequest and Unavailable, as asking does."""
    begin = desk.now - timedelta(days=USUAL_DAYS, hours=1)
    totals, hours = desk.ask(
        {
            "period": "24h",
            "metrics": ["visitors", "views", "visits"],
            "bots": False,
            "compare": "previous",
        },
        {
            "start": begin.isoformat(),
            "end": desk.now.isoformat(),
            "metrics": ["visitors"],
            "dimensions": ["time:hour"],
            "bots": False,
        },
    )
    [row] = totals["results"]
    visitors, views, visits = row["metrics"]
    compared = (row["compare"][part][0] for part in ("metrics", "change", "difference"))
    counts = [each["metrics"][0] or 0 for each in hours["results"]]
    return Glance(
        visitors=format_count(visitors),
        exact=format_exact(visitors),
        visits=visits,
        views=views,
        views_text=format_count(views),
        line=draw_line(counts[-HOURS_PER_DAY - 1 :]),
        change=tell_change(METRICS["visitors"], visitors, *compared),
        is_quiet=is_quiet(hours["results"]),
    )


def is_quiet(hours: Sequence[dict[str, Any]]) -> bool:
    """By the visitors of each hour up to now; the running one is not looked at."""
    *whole, _ = [(datetime.fromisoformat(row["dimensions"][0]), row["metrics"][0]) for row in hours]
    if not whole or whole[-1][1]:
        return False
    last = whole[-1][0]
    usual = [count for start, count in whole[:-1] if start.hour == last.hour]
    return bool(usual) and median(usual) >= USUAL_VISITORS
