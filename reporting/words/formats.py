"""Numbers, durations and times as people read them; what is exact stands beside them."""

from datetime import datetime, timedelta
from math import floor

Number = int | float | None

NOTHING = "\N{EN DASH}"
_WHOLE_BELOW = 10_000
_STEPS = ((10**9, "B"), (10**6, "M"), (10**3, "k"))


def format_count(number: Number) -> str:
    """Whole below 10,000, above with three digits, rounded down: 12.3k, 123k, 1.23M."""
    if number is None:
        return NOTHING
    if abs(number) < _WHOLE_BELOW:
        return f"{number:,.0f}" if number == round(number) else f"{number:,.2f}"
    size, letter = next(step for step in _STEPS if abs(number) >= step[0])
    whole = abs(number) / size
    digits = 2 - (whole >= 10) - (whole >= 100)
    cut = floor(abs(number) * 10**digits // size) / 10**digits
    return f"{'-' if number < 0 else ''}{cut:,.{digits}f}{letter}"


def format_share(share: Number, digits: int = 1) -> str:
    """A share of 1 in percent."""
    if share is None:
        return NOTHING
    return "100%" if share == 1 else f"{share * 100:.{digits}f}%"


def format_duration(seconds: Number) -> str:
    """`9s`, `2m 05s`, `1h 02m`."""
    if seconds is None:
        return NOTHING
    whole = round(seconds)
    if whole < 60:
        return f"{whole}s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes}m {rest:02}s"
    return f"{minutes // 60}h {minutes % 60:02}m"


def format_exact(number: Number) -> str:
    """As the API writes it; empty for null."""
    return "" if number is None else repr(number)


def format_ends(start: datetime, end: datetime) -> str:
    """`[start, end)` in words, by its days where it has whole ones."""
    last = end - timedelta(milliseconds=1)
    if start.time() == end.time() == start.time().min:
        if start.date() == last.date():
            return format_day(start)
        first = format_day(start, year=start.year != last.year)
        if (start.year, start.month) == (last.year, last.month):
            first = str(start.day)
        return f"{first} {NOTHING} {format_day(last)}"
    if start.date() == end.date():
        return f"{format_day(start)}, {start:%H:%M} {NOTHING} {end:%H:%M}"
    return f"{format_day(start, year=False)} {start:%H:%M} {NOTHING} {format_day(end)} {end:%H:%M}"


def format_day(moment: datetime, *, year: bool = True) -> str:
    return f"{moment.day} {moment:%b %Y}" if year else f"{moment.day} {moment:%b}"


def name_unit(start: datetime, unit: str) -> tuple[str, str]:
    """The start of a unit of time as an axis has it, and in full."""
    match unit:
        case "minute" | "hour":
            return f"{start:%H:%M}", f"{start:%a} {format_day(start)}, {start:%H:%M}"
        case "day":
            return format_day(start, year=False), f"{start:%a} {format_day(start)}"
        case "week":
            return format_day(start, year=False), f"week of {format_day(start)}"
        case _:
            return f"{start:%b %Y}", f"{start:%B %Y}"
