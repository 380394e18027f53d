"""The window of a question: `start`, `end` and `timezone`, read together."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from analytics.events.moments import first_moment, parse_date, parse_moment
from reporting.questions.params import Parameters
from reporting.questions.timestamps import parse_zone

EDGE = "or start is too close to the edge of the calendar"


@dataclass(frozen=True, slots=True)
class Window:
    """`[start, end)` in UTC, whole milliseconds; None is unbounded."""

    start: datetime | None = None
    end: datetime | None = None


UNBOUNDED = Window()


@dataclass(frozen=True, slots=True)
class Bound:
    """A start or an end; `day` where it was given as a date alone."""

    moment: datetime
    day: date | None


def take_zone(parameters: Parameters) -> tzinfo | None:
    """The zone of dates without a time; None where it is not given, or refused."""
    return parameters.parse("timezone", "bad_timezone", parse_zone)


def take_window(parameters: Parameters, zone: tzinfo | None, *, required: bool = False) -> Window:
    """The window; a date as both `start` and `end` is the whole of that day in `zone`."""
    zone = zone or UTC

    def parser(text: str) -> Bound:
        return parse_bound(text, zone)

    start = parameters.parse("start", "bad_timestamp", parser, required=required)
    end = parameters.parse("end", "bad_timestamp", parser, required=required)
    if start is None or end is None:
        return Window(start.moment if start else None, end.moment if end else None)
    try:
        return close_window(start, end, zone)
    except BadWindow as exc:
        parameters.refuse("end", "bad_window", str(exc))
        return UNBOUNDED


class BadWindow(ValueError):
    """An end that no window from the start has; its text says why."""


def parse_bound(text: str, zone: tzinfo) -> Bound:
    """Raises BadMoment."""
    return Bound(parse_moment(text, zone), parse_date(text))


def close_window(start: Bound, end: Bound, zone: tzinfo) -> Window:
    """From `start` to `end`, or the day that both are. Raises BadWindow."""
    end_moment = end.moment
    if start.day and start.day == end.day:
        try:
            end_moment = first_moment(start.day + timedelta(days=1), zone)
        except OverflowError:
            raise BadWindow(EDGE) from None
    if start.moment < end_moment:
        return Window(start.moment, end_moment)
    reason = "is not after start"
    if start.day and end.day and start.day <= end.day:
        reason += f": {zone} never had the day {start.day}"
    raise BadWindow(reason)
