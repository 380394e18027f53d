"""Moments and time zones, as they come in a query string and go out in an answer."""

import re
import zoneinfo
from datetime import UTC, datetime, timedelta, tzinfo
from functools import cache
from zoneinfo import ZoneInfo

# An unescaped `+` arrives as a space: ` 02:00` after the time is the offset +02:00.
_MOMENT = re.compile(
    r"(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt](?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})"
    r"(?::(?P<second>[0-9]{2})(?:[.,](?P<fraction>[0-9]{1,9}))?)?"
    r"(?P<offset>[Zz]|[+\- ][0-9]{2}:?[0-9]{2})?)?",
    re.ASCII,
)


def parse_timestamp(text: str, midnight_zone: tzinfo = UTC) -> datetime:
    """Read ISO 8601 as a moment in UTC, cut to milliseconds.

    A date alone is midnight in `midnight_zone`; a time without an offset is UTC.
    Raises ValueError.
    """
    match = _MOMENT.fullmatch(text)
    if match is None:
        raise ValueError("is not an ISO 8601 date, or date and time")
    try:
        if match["hour"] is None:
            midnight = datetime.fromisoformat(match["date"]).replace(tzinfo=midnight_zone)
            return cut_to_ms(midnight.astimezone(UTC))
        milliseconds = int((match["fraction"] or "").ljust(3, "0")[:3])
        clock = f"{match['hour']}:{match['minute']}:{match['second'] or '00'}"
        moment = datetime.fromisoformat(f"{match['date']}T{clock}").replace(tzinfo=UTC)
        return moment + timedelta(milliseconds=milliseconds) - _parse_offset(match["offset"])
    except (ValueError, OverflowError):
        raise ValueError("is not a date and time that exists") from None


def _parse_offset(text: str | None) -> timedelta:
    if text is None or text in "Zz":
        return timedelta()
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:
        raise ValueError(text)
    offset = timedelta(hours=hours, minutes=minutes)
    return -offset if text[0] == "-" else offset


def cut_to_ms(moment: datetime) -> datetime:
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


def format_timestamp(moment: datetime) -> str:
    """RFC 3339 with the offset of the moment's own zone (Z for UTC), milliseconds if any."""
    text = moment.isoformat(timespec="milliseconds" if moment.microsecond else "seconds")
    return text.replace("+00:00", "Z") if moment.tzinfo is UTC else text


@cache
def known_zones() -> frozenset[str]:
    return frozenset(zoneinfo.available_timezones())


def parse_zone(name: str) -> tzinfo:
    """An IANA time zone by its exact name. Raises ValueError."""
    if name == "UTC":
        return UTC
    if name not in known_zones():
        raise ValueError("is not an IANA time zone, such as Europe/Berlin")
    return ZoneInfo(name)
