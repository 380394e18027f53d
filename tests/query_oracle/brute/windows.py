"""Windows, the windows they are compared with, and units of time: by looking at every minute.

No zone of the stories changes its clocks within a minute.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
FOREVER = datetime(2200, 1, 1, tzinfo=UTC)  # after all events of the stories

PERIOD_DAYS = {"today": 1, "7d": 7, "28d": 28, "30d": 30, "90d": 90, "91d": 91}

Label = tuple[Any, ...]


@dataclass(frozen=True)
class Window:
    start: datetime
    end: datetime

    def __contains__(self, moment: datetime) -> bool:
        return self.start <= moment < self.end


@cache
def first_moment(day: date, zone: ZoneInfo) -> datetime:
    """The first minute of that day, or of the next one there was."""
    moment = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=16)
    while moment.astimezone(zone).date() < day:
        moment += MINUTE
    return moment


def read_moment(text: str, zone: ZoneInfo) -> datetime:
    if len(text) == len("2026-01-01"):
        return first_moment(date.fromisoformat(text), zone)
    return datetime.fromisoformat(text).astimezone(UTC)


def read_window(
    asked: dict[str, Any], zone: ZoneInfo, now: datetime, first_event: datetime | None
) -> Window:
    """Of valid bodies."""
    if "start" in asked:
        start, end = asked["start"], asked["end"]
        if start == end:
            end = (date.fromisoformat(end) + DAY).isoformat()
        return Window(read_moment(start, zone), read_moment(end, zone))
    today = now.astimezone(zone).date()
    tomorrow = first_moment(today + DAY, zone)
    period = asked.get("period", "28d")
    month = today.replace(day=1)
    if period == "all":
        return Window(first_event or now, FOREVER)
    if period in PERIOD_DAYS:
        return Window(first_moment(today - (PERIOD_DAYS[period] - 1) * DAY, zone), tomorrow)
    match period:
        case "yesterday":
            return Window(first_moment(today - DAY, zone), first_moment(today, zone))
        case "24h":
            minute = now.replace(second=0, microsecond=0) + MINUTE  # the one that runs
            return Window(minute - DAY, minute)
        case "12mo":
            day = (today + DAY).replace(day=min((today + DAY).day, 28))  # no February is in the way
            day = day.replace(year=day.year - 1) + ((today + DAY) - day)
            return Window(first_moment(day, zone), tomorrow)
        case "month":
            return Window(first_moment(month, zone), tomorrow)
        case "lastMonth":
            before = (month - DAY).replace(day=1)
            return Window(first_moment(before, zone), first_moment(month, zone))
        case "year":
            return Window(first_moment(month.replace(month=1), zone), tomorrow)
    raise AssertionError(period)


def compared_window(asked: dict[str, Any], window: Window, zone: ZoneInfo, now: datetime) -> Window:
    """Of a window that is not over the same part that has elapsed of it."""
    until = min(window.end, max(now, window.start))
    if isinstance(asked["compare"], dict):
        other = read_window(asked["compare"], zone, now, None)
        return Window(other.start, min(other.end, other.start + (until - window.start)))
    if asked["compare"] == "year":
        return Window(shift(window.start, 364, zone), shift(until, 364, zone))
    first, last = (moment.astimezone(zone).date() for moment in (window.start, window.end))
    if asked.get("period") in ("month", "year"):
        before = first - DAY
        begin = before.replace(day=1, month=1 if asked["period"] == "year" else before.month)
        end = shift(until, (first - begin).days, zone)
        return Window(first_moment(begin, zone), min(end, window.start))
    if (first_moment(first, zone), first_moment(last, zone)) == (window.start, window.end):
        days = (last - first).days
        return Window(shift(window.start, days, zone), shift(until, days, zone))
    width = window.end - window.start
    return Window(window.start - width, until - width)


def shift(moment: datetime, days: int, zone: ZoneInfo) -> datetime:
    """The same time of the clocks, days before; what begins a day begins one."""
    local = moment.astimezone(zone)
    day = local.date() - days * DAY
    if first_moment(local.date(), zone) == moment:
        return first_moment(day, zone)
    return datetime.combine(day, local.timetz()).astimezone(UTC)


@cache
def label_of(minute: datetime, unit: str, zone: ZoneInfo) -> Label:
    """What the clocks of the zone say of a unit: equal, and together, for its minutes alone."""
    local = minute.astimezone(zone)
    day = local.date()
    match unit:
        case "minute":
            return (minute,)
        case "hour":
            return (day, local.hour, local.utcoffset())
        case "day":
            return (day,)
        case "week":
            return (day - timedelta(days=day.weekday()),)
        case "month":
            return (day.replace(day=1),)
    raise AssertionError(unit)


def unit_start(moment: datetime, unit: str, zone: ZoneInfo) -> datetime:
    """When the unit of a moment begins, in UTC."""
    minute = moment.replace(second=0, microsecond=0)
    label = label_of(minute, unit, zone)
    if unit in ("day", "week", "month"):
        return first_moment(label[0], zone)
    while label_of(minute - MINUTE, unit, zone) == label:
        minute -= MINUTE
    return minute


def list_units(window: Window, unit: str, zone: ZoneInfo) -> list[datetime]:
    """The starts of all units that touch the window, the first of which may begin before it."""
    starts = [unit_start(window.start, unit, zone)]
    while (following := unit_end(starts[-1], unit, zone)) < window.end:
        starts.append(following)
    return starts


@cache
def unit_end(start: datetime, unit: str, zone: ZoneInfo) -> datetime:
    label = label_of(start, unit, zone)
    if unit in ("day", "week", "month"):
        day = label[0]
        while (moment := first_moment(day, zone)) == start or label_of(moment, unit, zone) == label:
            day += DAY
        return moment
    minute = start + MINUTE
    while label_of(minute, unit, zone) == label:
        minute += MINUTE
    return minute
