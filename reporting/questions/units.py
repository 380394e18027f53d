"""The units of a time series: hours, days, weeks and months of a time zone's own calendar.

A day is from one local midnight to the next, so it has 23 or 25 hours where the clocks change.
An hour is a real one: the hour that clocks repeat is counted twice, as two points. Where clocks
change by half an hour the change itself starts a point, so no point mixes two local hours.
"""

from collections.abc import Callable
from datetime import date, datetime, timedelta, tzinfo
from typing import Literal, get_args

from analytics.events.moments import find_change, first_moment

Interval = Literal["hour", "day", "week", "month"]
INTERVALS: tuple[Interval, ...] = get_args(Interval)

MAX_POINTS = 5_000

_HOUR_SECONDS = 3_600


class TooManyPoints(ValueError):
    """The window holds more than MAX_POINTS units."""


def list_boundaries(
    start: datetime, end: datetime, interval: Interval, zone: tzinfo
) -> list[datetime]:
    """The starts, in UTC, of all units that touch `[start, end)`, and the end of the last one.

    The first is at or before `start`, the last at or after `end`; strictly increasing.
    Raises TooManyPoints; OverflowError where the calendar of `datetime` ends.
    """
    step = _next_hour if interval == "hour" else _next_of(interval)
    boundaries = [_floor_hour(start, zone)]
    if interval != "hour":
        boundaries = [first_moment(_floor_date(start.astimezone(zone).date(), interval), zone)]
    while boundaries[-1] < end:
        if len(boundaries) > MAX_POINTS:
            raise TooManyPoints(f"The window has more than {MAX_POINTS:,} points.")
        boundaries.append(step(boundaries[-1], zone))
    return boundaries


def _floor_date(day: date, interval: Interval) -> date:
    match interval:
        case "week":
            return day - timedelta(days=day.weekday())
        case "month":
            return day.replace(day=1)
        case _:
            return day


def _next_date(day: date, interval: Interval) -> date:
    match interval:
        case "week":
            return day + timedelta(days=7)
        case "month":
            return (day.replace(day=1) + timedelta(days=32)).replace(day=1)
        case _:
            return day + timedelta(days=1)


def _next_of(interval: Interval) -> Callable[[datetime, tzinfo], datetime]:
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


def _floor_hour(moment: datetime, zone: tzinfo) -> datetime:
    moment = moment.replace(microsecond=0)
    boundary = moment - _past_hour(moment, zone)
    if _offset(boundary, zone) != _offset(moment, zone):
        return find_change(boundary, moment, zone)
    return boundary


def _next_hour(boundary: datetime, zone: tzinfo) -> datetime:
    following = boundary + timedelta(seconds=_HOUR_SECONDS) - _past_hour(boundary, zone)
    if _offset(following, zone) != _offset(boundary, zone):
        return find_change(boundary, following, zone)
    return following


def _past_hour(moment: datetime, zone: tzinfo) -> timedelta:
    """How far the local clock is past its hour."""
    local = moment.astimezone(zone)
    return timedelta(minutes=local.minute, seconds=local.second)
