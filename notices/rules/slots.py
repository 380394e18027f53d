"""When rules are due, and for which window: the calendar of a project's zone.

A window is a whole unit of the zone that is in effect when it is due, told apart by the local
date (of an hour, the moment) at which it begins. All functions are pure; `now` is aware.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise

from analytics.events.moments import find_change, first_moment
from notices.documents import AlertUnit, ReportEvery
from reporting.questions.units import list_boundaries

# Until then what was sent late, and again, has come.
GRACE = timedelta(minutes=2)

_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)
_LONGEST = {"hour": timedelta(hours=4), "day": 5 * _DAY, "week": 16 * _DAY, "month": 70 * _DAY}


@dataclass(frozen=True, slots=True)
class Slot:
    """A window `[start, end)` and the moment from which on it is due, all in UTC."""

    label: str
    start: datetime
    end: datetime
    at: datetime


def find_due_report(every: ReportEvery, hour: int, zone: tzinfo, now: datetime) -> Slot:
    """The latest that is due at `now`."""
    return next(slot for slot in list_past_reports(every, hour, zone, now))


def find_next_report(every: ReportEvery, hour: int, zone: tzinfo, now: datetime) -> Slot:
    """The first that is due after `now`."""
    day = _floor(now.astimezone(zone).date(), every)
    for _ in range(2):
        day = _before(day, every)
    while True:
        slot = _make_report(day, every, hour, zone)
        if slot and slot.at > now:
            return slot
        day = _after(day, every)


def list_past_reports(every: ReportEvery, hour: int, zone: tzinfo, now: datetime) -> Iterator[Slot]:
    """Those that are due at `now`, the latest first, without end."""
    day = _floor(now.astimezone(zone).date(), every)
    while True:
        slot = _make_report(day, every, hour, zone)
        if slot and slot.at <= now:
            yield slot
        day = _before(day, every)


def _make_report(first: date, every: ReportEvery, hour: int, zone: tzinfo) -> Slot | None:
    """None for a day that the zone skipped, crossing the date line."""
    start = first_moment(first, zone)
    end = first_moment(_after(first, every), zone)
    if start >= end:
        return None
    at = find_moment(end.astimezone(zone).date(), hour, zone)
    return Slot(first.isoformat(), start, end, max(at, end))


def find_moment(day: date, hour: int, zone: tzinfo) -> datetime:
    """When the clocks of `zone` show `hour` on a day, in UTC.

    Of an hour that they repeat the first; where they skip it, the moment at which they do.
    """
    wanted = datetime(day.year, day.month, day.day, hour, tzinfo=zone)
    moment = wanted.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == wanted.replace(tzinfo=None):
        return moment
    return find_change(wanted.replace(fold=1).astimezone(UTC), moment, zone)


def find_finished(unit: AlertUnit, zone: tzinfo, now: datetime) -> tuple[Slot, Slot]:
    """The latest unit that is over and due at `now`, after the one before it."""
    boundaries = list_boundaries(now - _LONGEST[unit], now, unit, zone)
    slots = [_make_unit(*pair, unit, zone) for pair in pairwise(boundaries)]
    due = [slot for slot in slots if slot.at <= now]
    return due[-2], due[-1]


def find_running(unit: AlertUnit, zone: tzinfo, now: datetime) -> tuple[Slot, Slot]:
    """The unit that holds `now`, due at `now`, after the one before it."""
    boundaries = list_boundaries(now - _LONGEST[unit], now + timedelta(seconds=1), unit, zone)
    before, start, end = boundaries[-3:]
    return (
        _make_unit(before, start, unit, zone),
        Slot(_label(start, unit, zone), start, end, now),
    )


def find_silence(length: timedelta, now: datetime) -> tuple[Slot, Slot]:
    """The last whole minutes but one, so many, after as many before.

    What comes within the minute that has just passed may be on its way still.
    """
    end = now.astimezone(UTC).replace(second=0, microsecond=0) - _MINUTE
    before = Slot(f"{end - 2 * length:%Y-%m-%dT%H:%MZ}", end - 2 * length, end - length, now)
    return before, Slot(f"{end - length:%Y-%m-%dT%H:%MZ}", end - length, end, now)


def find_next_unit(unit: AlertUnit, zone: tzinfo, now: datetime) -> Slot:
    """The first unit that becomes due after `now`."""
    boundaries = list_boundaries(now - _LONGEST[unit], now + _LONGEST[unit], unit, zone)
    slots = (_make_unit(*pair, unit, zone) for pair in pairwise(boundaries))
    return next(slot for slot in slots if slot.at > now)


def find_week_before(slot: Slot, unit: AlertUnit, zone: tzinfo) -> Slot:
    """The same local hour or day, a week earlier; of an hour as long as it is."""
    if unit == "day":
        day = slot.start.astimezone(zone).date() - 7 * _DAY
        start, end = first_moment(day, zone), first_moment(day + _DAY, zone)
    else:
        local = slot.start.astimezone(zone)
        start = (local - 7 * _DAY).replace(fold=local.fold).astimezone(UTC)
        end = start + (slot.end - slot.start)
    return Slot(_label(start, unit, zone), start, end, end)


def _make_unit(start: datetime, end: datetime, unit: AlertUnit, zone: tzinfo) -> Slot:
    return Slot(_label(start, unit, zone), start, end, end + GRACE)


def _label(start: datetime, unit: AlertUnit, zone: tzinfo) -> str:
    if unit == "hour":
        return start.astimezone(UTC).strftime("%Y-%m-%dT%H:%MZ")
    return start.astimezone(zone).date().isoformat()


def _floor(day: date, every: ReportEvery) -> date:
    match every:
        case "week":
            return day - _DAY * day.weekday()
        case "month":
            return day.replace(day=1)
        case "day":
            return day


def _after(day: date, every: ReportEvery) -> date:
    match every:
        case "week":
            return day + 7 * _DAY
        case "month":
            return (day.replace(day=1) + 32 * _DAY).replace(day=1)
        case "day":
            return day + _DAY


def _before(day: date, every: ReportEvery) -> date:
    match every:
        case "week":
            return day - 7 * _DAY
        case "month":
            return (day.replace(day=1) - _DAY).replace(day=1)
        case "day":
            return day - _DAY
