"""The metrics that pages show: what they are called, how they are written, what a rise means."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from reporting.words.formats import (
    NOTHING,
    Number,
    format_count,
    format_duration,
    format_share,
)

Mood = Literal["good", "bad", "same", "none"]


@dataclass(frozen=True, slots=True)
class Shown:
    """A metric; one `in_points` is a share, whose change is told in percentage points."""

    name: str
    label: str
    write: Callable[[Number], str] = format_count
    in_points: bool = False
    rise_is_good: bool = True


@dataclass(frozen=True, slots=True)
class Change:
    """Against the other window: as it is written, and whether that is good."""

    text: str
    arrow: str
    mood: Mood


def _format_ratio(number: Number) -> str:
    return NOTHING if number is None else f"{number:.2f}"


def _format_rate(share: Number) -> str:
    return format_share(share, 2)


def _format_depth(depth: Number) -> str:
    return NOTHING if depth is None else f"{depth:.0f}%"


METRICS = {
    shown.name: shown
    for shown in (
        Shown("visitors", "Visitors"),
        Shown("visits", "Visits"),
        Shown("views", "Views"),
        Shown("viewsPerVisit", "Views per visit", _format_ratio),
        Shown("bounceRate", "Bounce rate", format_share, in_points=True, rise_is_good=False),
        Shown("visitDuration", "Visit duration", format_duration),
        Shown("events", "Events"),
        Shown("conversions", "Converting visitors"),
        Shown("conversionRate", "Conversion rate", _format_rate, in_points=True),
        Shown("engagedSeconds", "Time on page", format_duration),
        Shown("scrollDepth", "Scroll depth", _format_depth),
    )
}

SIX = ("visitors", "visits", "views", "viewsPerVisit", "bounceRate", "visitDuration")
OF_GOAL = ("visitors", "conversions", "events", "conversionRate")
OF_PEOPLE = ("visitors", "conversions", "conversionRate")
OF_PAGE = ("engagedSeconds", "scrollDepth")

LONG_PERCENT = 10_000


def find_shown(name: str) -> Shown:
    """Also of one that no page has a name for: `sum(properties.amount)` is called so."""
    return METRICS.get(name) or Shown(name, name)


def tell_change(
    shown: Shown, now: Number, before: Number, change: Number, difference: Number
) -> Change:
    """`change` and `difference` as the API has them."""
    if now is None or before is None:
        return Change(NOTHING, "", "none")
    if now == before:
        return Change("0 pp" if shown.in_points else "0%", "", "same")
    rises = now > before
    mood: Mood = "good" if rises is shown.rise_is_good else "bad"
    arrow = "↑" if rises else "↓"
    if shown.in_points:
        return Change(f"{abs(difference or 0) * 100:.1f} pp", arrow, mood)
    if change is None:
        return Change("new", arrow, mood)
    percent = abs(change) * 100
    if percent >= LONG_PERCENT:
        return Change(f"{format_count(percent)}%", arrow, mood)
    return Change(f"{percent:,.0f}%" if percent >= 10 else f"{percent:.1f}%", arrow, mood)
