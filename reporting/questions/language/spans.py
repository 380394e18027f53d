"""The units of time of a question, once its windows are known."""

from dataclasses import replace
from datetime import datetime, timedelta, tzinfo

from analytics.events.moments import first_moment
from reporting.questions.params import Mistakes
from reporting.questions.table import Span, TableQuery, Unit
from reporting.questions.units import MAX_POINTS, TooManyPoints, list_boundaries
from reporting.questions.window import EDGE, Window

MAX_MINUTES = timedelta(hours=48)


def begin_at(query: TableQuery, first_event: datetime | None) -> TableQuery:
    """`period: all` from the day of the first event on; without any, from today on.

    Every other question as it is. Raises BadRequest (`too_many_points`).
    """
    window = query.span.window
    if window.start is not None:
        return query
    begun = begin_window(window, first_event, query.now, query.timezone)
    mistakes = Mistakes()
    query = add_units(replace(query, span=Span(window=begun)), mistakes)
    mistakes.check()
    return query


def begin_window(
    window: Window, first_event: datetime | None, now: datetime, zone: tzinfo
) -> Window:
    """From the day of the first event on; without any, from today on."""
    first = min(first_event or now, now).astimezone(zone).date()
    return Window(first_moment(first, zone), window.end)


def add_units(query: TableQuery, mistakes: Mistakes) -> TableQuery:
    """With the units of its windows, where a dimension is one and the window is known."""
    units = [each for each in query.dimensions if isinstance(each, Unit)]
    if not units or query.span.window.start is None:
        return query
    unit, place = units[0], f"dimensions[{query.dimensions.index(units[0])}]"
    spans = [span for span in (query.span, query.compare) if span]
    try:
        begun = [_divide(span.window, unit, query.timezone) for span in spans]
    except TooManyPoints:
        reason = f"makes more than {MAX_POINTS:,} units of the window"
        if unit.name == "minute":
            reason = f"is for windows of up to {MAX_MINUTES // timedelta(hours=1)} hours"
        mistakes.refuse(place, "too_many_points", reason)
        return query
    except OverflowError:
        mistakes.refuse("end", "bad_window", EDGE)
        return query
    return replace(query, span=begun[0], compare=begun[1] if query.compare else None)


def _divide(window: Window, unit: Unit, zone: tzinfo) -> Span:
    assert window.start is not None and window.end is not None
    if unit.name == "minute" and window.end - window.start > MAX_MINUTES:
        raise TooManyPoints
    boundaries = list_boundaries(window.start, window.end, unit.name, zone)
    return Span(window=window, boundaries=tuple(boundaries))
