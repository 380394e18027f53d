"""The window of a page: its name, its days, what comes before and after it, and its units."""

from dataclasses import dataclass
from datetime import MINYEAR, datetime, timedelta, tzinfo

from analytics.events.moments import first_moment
from reporting.questions.language.json_body import Node
from reporting.questions.language.periods import ALL, Asked
from reporting.questions.language.window import read_window
from reporting.questions.params import Mistakes
from reporting.questions.units import UnitName
from reporting.questions.window import Window

# As people call them, in the order of the menu, with the key that leads there.
PERIODS: dict[str, tuple[str, str]] = {
    "today": ("Today", "d"),
    "yesterday": ("Yesterday", "e"),
    "24h": ("Last 24 hours", "h"),
    "7d": ("Last 7 days", "w"),
    "28d": ("Last 28 days", "f"),
    "91d": ("Last 91 days", "n"),
    "month": ("This month", "m"),
    "lastMonth": ("Last month", "p"),
    "year": ("This year", "y"),
    "12mo": ("Last 12 months", "l"),
    "all": ("All time", "a"),
}
# Understood, and not offered.
MORE_PERIODS = {"30d": "Last 30 days", "90d": "Last 90 days"}

MAX_POINTS = 1_500

_DAY = timedelta(days=1)
# Up to how long a window is shown in which units; the one that it begins with comes first.
_UNITS: tuple[tuple[timedelta, tuple[UnitName, ...]], ...] = (
    (timedelta(hours=25), ("hour", "minute")),
    (timedelta(days=7, hours=1), ("day", "hour")),
    (timedelta(days=62, hours=1), ("day", "week")),
    (timedelta(days=200), ("week", "month")),
    (timedelta(days=365 * 25), ("month", "week")),
)
_BEYOND: tuple[UnitName, ...] = ("month",)
_OFFERED = ("minute", "hour", "day", "week", "month")


@dataclass(frozen=True, slots=True)
class Ends:
    """The window `[start, end)`, both in the zone of the project."""

    start: datetime
    end: datetime

    @property
    def days(self) -> int | None:
        """How many whole local days it has; None where it has not."""
        zone = self.start.tzinfo
        assert zone is not None
        first, last = self.start.date(), self.end.date()
        whole = self.start == first_moment(first, zone) and self.end == first_moment(last, zone)
        return (last - first).days if whole else None


def read_asked(named: dict[str, str], zone: tzinfo, now: datetime) -> Asked:
    """`period`, or `start` and `end`, as the query language reads them. Raises BadRequest."""
    mistakes = Mistakes()
    fields = {name: Node(value, name, mistakes) for name, value in named.items()}
    asked = read_window(fields, zone, now, mistakes, default=None)
    mistakes.check()
    assert asked is not None
    return asked


def localise(window: Window, zone: tzinfo, first: datetime) -> Ends:
    """`first` is where a window begins that has no start."""
    assert window.end is not None
    return Ends((window.start or first).astimezone(zone), window.end.astimezone(zone))


def list_units(ends: Ends) -> tuple[UnitName, ...]:
    """Those that fit; the one that is shown unless another is chosen comes first."""
    length = ends.end - ends.start
    return next((units for most, units in _UNITS if length <= most), _BEYOND)


def in_order(units: tuple[UnitName, ...]) -> list[UnitName]:
    return sorted(units, key=_OFFERED.index)


def move(ends: Ends, step: int, period: str | None) -> dict[str, str] | None:
    """`from` and `to` of the window before (-1) or after (1); None where there is none."""
    if period == ALL:
        return None
    zone = ends.start.tzinfo
    assert zone is not None
    try:
        if period in ("month", "lastMonth", "year"):
            return _move_by_calendar(ends, step, period)
        if days := ends.days:
            first = ends.start.date() + _DAY * days * step
            return {"from": first.isoformat(), "to": (first + _DAY * days).isoformat()}
        shift = (ends.end - ends.start) * step
        return {
            "from": (ends.start + shift).isoformat(timespec="seconds"),
            "to": (ends.end + shift).isoformat(timespec="seconds"),
        }
    except (OverflowError, ValueError):
        return None


def _move_by_calendar(ends: Ends, step: int, period: str) -> dict[str, str]:
    """A whole month or year, also from one that runs."""
    first = ends.start.date()
    months = (12 if period == "year" else 1) * step
    number = first.year * 12 + first.month - 1 + months
    start = first.replace(year=number // 12, month=number % 12 + 1, day=1)
    number += abs(months)
    end = start.replace(year=number // 12, month=number % 12 + 1)
    return {"from": start.isoformat(), "to": end.isoformat()}


def year_before(moment: datetime) -> datetime:
    """The same date and time; of the 29th of February the 28th. Midnights stay midnights.

    There is no year before the first, and nothing that could be counted in it.
    """
    zone = moment.tzinfo
    assert zone is not None
    is_midnight = moment == first_moment(moment.date(), zone)
    year = max(moment.year - 1, MINYEAR)
    try:
        moved = moment.replace(year=year)
    except ValueError:
        moved = moment.replace(year=year, day=28)
    return first_moment(moved.date(), zone).astimezone(zone) if is_midnight else moved
