"""Moments as they go out in an answer, and time zones as they come in a query string."""

import zoneinfo
from datetime import UTC, datetime, tzinfo
from functools import cache
from zoneinfo import ZoneInfo


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
