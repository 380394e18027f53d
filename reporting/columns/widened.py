"""Windows as whole local days, beyond which no visit reaches, and in milliseconds."""

from datetime import datetime

from analytics.events.ids import datetime_of_ms, ms_of_datetime
from columns.files.days import begin_of, day_of
from reporting.questions.window import Window

# Beyond any moment that an event may have: the calendar's ends, in unix milliseconds.
EVER = (-62_135_596_800_000, 253_402_300_800_000)


def bounds_of(window: Window) -> tuple[int, int]:
    """Its start and its end in unix milliseconds; of no bound one of EVER."""
    return (
        EVER[0] if window.start is None else ms_of_datetime(window.start),
        EVER[1] if window.end is None else ms_of_datetime(window.end),
    )


def widen(window: Window, zone: str) -> Window:
    """The window from the begin of its first local day to the end of its last one."""
    start, end = window.start, window.end
    if start is not None and start == end:  # of no day
        return window
    return Window(
        None if start is None else _begin_at(day_of(ms_of_datetime(start), zone), zone),
        None if end is None else _begin_at(day_of(ms_of_datetime(end) - 1, zone) + 1, zone),
    )


def _begin_at(day: int, zone: str) -> datetime | None:
    try:
        return datetime_of_ms(begin_of(day, zone))
    except (OverflowError, ValueError):  # beyond the calendar, and all events
        return None
