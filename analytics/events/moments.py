"""Moments as text: one writing, and one reading for events, reports and commands.

Written is RFC 3339 in UTC. Read is RFC 3339, and what is near to it and can mean one thing only: a
date alone, a time without seconds or without an offset, a comma before the fraction, an offset
without its colon.
"""

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from operator import itemgetter

MAX_MOMENT_CHARS = 64

# The `+` of an offset may have arrived as a space: ` 02:00` after the time is +02:00.
_MOMENT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt ](?P<clock>[0-9]{2}:[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]+))?)?"
    r"(?: ?(?P<offset>[Zz]|[+\- ][0-9]{2}(?::?[0-9]{2}(?::?[0-9]{2})?)?))?)?",
    re.ASCII,
)
_NUMBER = re.compile(r"[+\-]?[0-9]+(?:\.[0-9]*)?", re.ASCII)
_BASIC_FORMAT = re.compile(r"[0-9]{8}(?:[Tt ].*)?", re.ASCII | re.DOTALL)
_WEEK_OR_DAY = re.compile(r"[0-9]{4}-?(?:[Ww][0-9]{2}|[0-9]{3}(?![0-9])).*", re.ASCII | re.DOTALL)

# What nearly every client writes, by its length: where its marks stand, and which. `datetime` reads
# these by itself, fast; it would also read much else that has no other meaning in common.
_MARKS = (4, 7, 10, 13, 16, 19)
_USUAL_SHAPES = {
    20: (itemgetter(*_MARKS), {(*"--T::Z",)}),
    24: (itemgetter(*_MARKS, 23), {(*"--T::.Z",)}),
    25: (itemgetter(*_MARKS, 22), {(*"--T::+:",), (*"--T::-:",)}),
    27: (itemgetter(*_MARKS, 26), {(*"--T::.Z",)}),
    29: (itemgetter(*_MARKS, 23, 26), {(*"--T::.+:",), (*"--T::.-:",)}),
    32: (itemgetter(*_MARKS, 26, 29), {(*"--T::.+:",), (*"--T::.-:",)}),
}

_FIRST = datetime.min.replace(tzinfo=UTC)
_LAST = datetime.max.replace(microsecond=999_000, tzinfo=UTC)


def format_moment(moment: datetime, timespec: str = "milliseconds") -> str:
    """RFC 3339 in UTC, with a Z; `timespec` is the last that is told, as of `isoformat`."""
    return moment.astimezone(UTC).isoformat(timespec=timespec).replace("+00:00", "Z")


class BadMoment(ValueError):
    """A text that is no moment; its own text says why, as `is not ...`."""


def parse_moment(text: str, midnight_zone: tzinfo = UTC) -> datetime:
    """The moment in UTC, cut to milliseconds. Raises BadMoment.

    A date alone is the first moment of that day in `midnight_zone`; a time without an offset is
    UTC. A leap second is the last millisecond of its minute, so that it stays within its day.
    """
    shape = _USUAL_SHAPES.get(len(text))
    if shape and shape[0](text) in shape[1]:
        try:
            moment = datetime.fromisoformat(text)
            if moment.tzinfo is UTC:
                return cut_to_ms(moment)
            if text[-2] < "6":  # it would read an offset of 75 minutes
                return cut_to_ms(moment.astimezone(UTC))
        except (ValueError, OverflowError):
            pass  # there may be more to it: a leap second, or a reason
    return _parse_slowly(text, midnight_zone)


def parse_date(text: str) -> date | None:
    """The date that `text` is, alone; None where it is more, or less."""
    match = _MOMENT.fullmatch(text) if len(text) == len("2025-11-14") else None
    try:
        return date.fromisoformat(text) if match else None
    except ValueError:
        return None


def first_moment(day: date, zone: tzinfo) -> datetime:
    """When `day` begins in `zone`, in UTC: where clocks skip midnight, the moment they skip it.

    A day that a zone skips as a whole begins, and ends, when the next one begins. Raises
    OverflowError where the calendar of `datetime` ends.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    moment = midnight.astimezone(UTC)
    if moment.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return moment
    # Read with the offset from after the gap, it lies before the gap.
    return find_change(midnight.replace(fold=1).astimezone(UTC), moment, zone)


def find_change(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """The second in `(before, after]` at which the clocks of `zone` change."""
    old = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = (before + (after - before) // 2).replace(microsecond=0)
        if middle.astimezone(zone).utcoffset() == old:
            before = middle
        else:
            after = middle
    return after


def move(moment: datetime, ms: int) -> datetime:
    """`moment` in UTC later by `ms` milliseconds; beyond the calendar, the end that it is at."""
    try:
        return moment + timedelta(milliseconds=ms)
    except OverflowError:
        return _LAST if ms > 0 else _FIRST


def cut_to_ms(moment: datetime) -> datetime:
    past = moment.microsecond % 1_000
    return moment.replace(microsecond=moment.microsecond - past) if past else moment


def _parse_slowly(text: str, midnight_zone: tzinfo) -> datetime:
    match = _MOMENT.fullmatch(text) if len(text) <= MAX_MOMENT_CHARS else None
    if match is None:
        raise BadMoment(_explain(text))
    try:
        if match["clock"] is None:
            return cut_to_ms(first_moment(date.fromisoformat(match["date"]), midnight_zone))
        is_leap_second = match["second"] == "60"
        clock = f"{match['clock']}:{'59' if is_leap_second else match['second'] or '00'}"
        minute = datetime.fromisoformat(f"{match['date']}T{clock}").replace(tzinfo=UTC)
        moment = minute - _parse_offset(match["offset"])
    except (ValueError, OverflowError):
        raise BadMoment("is not a date and time that exists") from None
    if is_leap_second:
        _check_leap_second(moment)
        return moment + timedelta(milliseconds=999)
    return moment + timedelta(milliseconds=int((match["fraction"] or "").ljust(3, "0")[:3]))


def _check_leap_second(moment: datetime) -> None:
    """They end months, in UTC. Raises BadMoment."""
    is_last = (moment.hour, moment.minute) == (23, 59) and (
        moment.date() == date.max or (moment + timedelta(days=1)).day == 1
    )
    if not is_last:
        raise BadMoment("has a second 60 that is not the last of a month in UTC")


def _parse_offset(text: str | None) -> timedelta:
    if text is None or text in "Zz":
        return timedelta()
    digits = text[1:].replace(":", "").ljust(6, "0")
    hours, minutes, seconds = int(digits[:2]), int(digits[2:4]), int(digits[4:])
    if hours > 23 or minutes > 59 or seconds > 59:
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    return -offset if text[0] == "-" else offset


def _explain(text: str) -> str:
    """Why a text is no moment, for the mistakes that people make."""
    usual = "write it as 2025-11-14 or 2025-11-14T09:00:00Z"
    if len(text) > MAX_MOMENT_CHARS:
        return f"is longer than {MAX_MOMENT_CHARS} characters"
    if _BASIC_FORMAT.fullmatch(text) and "0101" <= text[4:8] <= "1231":
        return f"is in the basic format, without separators; {usual}"
    if _NUMBER.fullmatch(text):
        return f"is a number, and no date or time; {usual}"
    if _WEEK_OR_DAY.fullmatch(text):
        return f"is a date by week, or by day of the year; {usual}"
    return f"is not a date, or date and time, in RFC 3339; {usual}"
