"""The units of a time series: minutes to months of a time zone's own calendar.

A day is from one local midnight to the next, so it has 23 or 25 hours where the clocks change.
An hour is a real one: the hour that clocks repeat is counted twice, as two points. Where clocks
change by half an hour the change itself starts a point, so no point mixes two local hours. So it
is with minutes.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, get_args

from analytics.events.moments import find_change, first_moment

Interval = Literal["hour", "day", "week", "month"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)
UnitName = Literal["minute", "hour", "day", "week", "month"]
UNITS: tuple[UnitName, ...] = get_args(UnitName)

MAX_POINTS = 5_000

_SECONDS = {"minute": 60, "hour": 3_600}


class TooManyPoints(ValueError):
    """The window holds more than MAX_POINTS units."""


def list_boundaries(
    start: datetime, end: datetime, interval: UnitName, zone: tzinfo
) -> list[datetime]:
    """The starts, in UTC, of all units that touch `[start, end)`, and the end of the last one.

    The first is at or before `start`, the last at or after `end`; strictly increasing.
    Raises TooManyPoints; OverflowError where the calendar of `datetime` ends.
    """
    if seconds := _SECONDS.get(interval):
        step, first = _next_clock_unit(seconds), _floor_clock_unit(start, zone, seconds)
    else:
        step = _next_of(interval)
        first = first_moment(_floor_date(start.astimezone(zone).date(), interval), zone)
    boundaries = [first]
    while boundaries[-1] < end:
        if len(boundaries) > MAX_POINTS:
            raise TooManyPoints(f"The window has more than {MAX_POINTS:,} points.")
        boundaries.append(step(boundaries[-1], zone))
    return boundaries


def _floor_date(day: date, interval: UnitName) -> date:
    match interval:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day


def _next_date(day: date, interval: UnitName) -> date:
    match interval:
        case "week":
            return day + timedelta(days=7)
        case "month":
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        case _:
            return day + timedelta(days=1)


def _next_of(interval: UnitName) -> Callable[[datetime, tzinfo], datetime]:
    def step(boundary: datetime, zone: tzinfo) -> datetime:
        day = _floor_date(boundary.astimezone(zone).date(), interval)
        while True:  # a zone that crossed the date line has days that never were
            day = _next_date(day, interval)
            following = first_moment(day, zone)
            if following > boundary:
                return following

    return step


def _offset(moment: datetime, zone: tzinfo) -> timedelta:
    return moment.astimezone(zone).utcoffset() or timedelta()


def _floor_clock_unit(moment: datetime, zone: tzinfo, seconds: int) -> datetime:
    moment = moment.replace(microsecond=0)
    boundary = moment - _past_clock_unit(moment, zone, seconds)
    if _offset(boundary, zone) != _offset(moment, zone):
        return find_change(boundary, moment, zone)
    return boundary


def _next_clock_unit(seconds: int) -> Callable[[datetime, tzinfo], datetime]:
    def step(boundary: datetime, zone: tzinfo) -> datetime:
        past = _past_clock_unit(boundary, zone, seconds)
        following = boundary + timedelta(seconds=seconds) - past
        if _offset(following, zone) != _offset(boundary, zone):
            return find_change(boundary, following, zone)
        return following

    return step


def _past_clock_unit(moment: datetime, zone: tzinfo, seconds: int) -> timedelta:
    """How far the local clock is past its hour, or minute."""
    local = moment.astimezone(zone)
    return timedelta(seconds=(local.minute * 60 + local.second) % seconds)
