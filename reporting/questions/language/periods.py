"""Windows by name, and the window that one is compared with.

All that is counted here in days is counted in local days of a zone.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal

from analytics.events.event import MAX_FUTURE
from analytics.events.moments import first_moment
from reporting.questions.window import Window

DEFAULT_PERIOD = "28d"
ALL = "all"

_DAYS = {"today": 1, "7d": 7, "28d": 28, "30d": 30, "90d": 90, "91d": 91}
_DAY = timedelta(days=1)
_YEAR_DAYS = 364  # whole weeks

Starter = Callable[[date], date]


def _first_of_month(day: date) -> date:
    return day.replace(day=1)


def _first_of_year(day: date) -> date:
    return day.replace(month=1, day=1)


# How the units that run begin, by the day that they hold.
_RUNNING: dict[str, Starter] = {"month": _first_of_month, "year": _first_of_year}
PERIODS = ("today", "yesterday", "24h", *list(_DAYS)[1:], "12mo", "month", "lastMonth", "year", ALL)

Comparison = Literal["previous", "year"]


@dataclass(frozen=True, slots=True)
class Asked:
    """A window of a question, and the period that it was asked for by; None: by its ends."""

    window: Window
    period: str | None = None


def find_period(period: str, zone: tzinfo, now: datetime) -> Window:
    """The window of one of PERIODS; the start of `all` is None. Raises OverflowError."""
    today = now.astimezone(zone).date()
    tomorrow = today + _DAY
    if period == "24h":
        end = now.replace(second=0, microsecond=0) + timedelta(minutes=1)
        return Window(end - timedelta(hours=24), end)
    if period == ALL:
        newest = (now + MAX_FUTURE).astimezone(zone).date()
        return Window(None, first_moment(newest + _DAY, zone))
    if period in _RUNNING:
        first, end_day = _RUNNING[period](today), tomorrow
    elif period == "yesterday":
        first, end_day = today - _DAY, today
    elif period == "lastMonth":
        end_day = _first_of_month(today)
        first = _first_of_month(end_day - _DAY)
    elif period == "12mo":
        first, end_day = _year_before(tomorrow), tomorrow
    else:
        first, end_day = tomorrow - _DAY * _DAYS[period], tomorrow
    return Window(first_moment(first, zone), first_moment(end_day, zone))


def _year_before(day: date) -> date:
    try:
        return day.replace(year=day.year - 1)
    except ValueError:  # the 29th of February
        return day.replace(year=day.year - 1, day=28)


def find_compared(asked: Asked, how: Comparison, zone: tzinfo, now: datetime) -> Window:
    """The window to compare `asked` with, cut where that is not over. Raises OverflowError.

    `previous` of what is no number of whole local days is as long as it is.
    """
    start, end = _ends_of(asked.window)
    first, last = start.astimezone(zone).date(), end.astimezone(zone).date()
    is_days = start == first_moment(first, zone) and end == first_moment(last, zone)
    if how == "year":
        window = Window(_move_days(start, -_YEAR_DAYS, zone), _move_days(end, -_YEAR_DAYS, zone))
    elif asked.period in _RUNNING:
        window = Window(first_moment(_RUNNING[asked.period](first - _DAY), zone), start)
    elif is_days:
        window = Window(first_moment(first - (last - first), zone), start)
    else:
        window = Window(start - (end - start), start)
    return cut_elapsed(asked.window, window, zone, now)


def cut_elapsed(asked: Window, compared: Window, zone: tzinfo, now: datetime) -> Window:
    """Of `compared` the part that has elapsed of `asked`, by the local clock."""
    start, end = _ends_of(asked)
    compared_start, compared_end = _ends_of(compared)
    if now >= end:
        return compared
    if now <= start:
        return Window(compared_start, compared_start)
    shift = compared_start.astimezone(zone).date() - start.astimezone(zone).date()
    until = _move_days(now, shift.days, zone)
    if _clock(start, zone) != _clock(compared_start, zone):
        until = compared_start + (now - start)
    return Window(compared_start, max(compared_start, min(until, compared_end)))


def _move_days(moment: datetime, days: int, zone: tzinfo) -> datetime:
    """The same local time, `days` later; midnights stay midnights where clocks skip them.

    The second of an hour that clocks repeat stays the second.
    """
    local = moment.astimezone(zone)
    if moment == first_moment(local.date(), zone):
        return first_moment(local.date() + _DAY * days, zone)
    return (local + _DAY * days).replace(fold=local.fold).astimezone(moment.tzinfo)


def _clock(moment: datetime, zone: tzinfo) -> object:
    local = moment.astimezone(zone)
    return None if moment == first_moment(local.date(), zone) else local.time()


def _ends_of(window: Window) -> tuple[datetime, datetime]:
    assert window.start is not None and window.end is not None
    return window.start, window.end
