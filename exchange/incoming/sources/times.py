"""When something was, by the many ways to write it."""

import math
import re
from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from typing import Final
from zoneinfo import ZoneInfo

from analytics.events.moments import BadMoment, parse_moment

_UNITS: Final = {"seconds": 1_000.0, "milliseconds": 1.0, "microseconds": 1e-3, "nanoseconds": 1e-6}
_OFFSET: Final = re.compile(r"(?:[Zz]|[+\-][0-9]{2}(?::?[0-9]{2})?)$")
_DATE_CHARS: Final = 10
_LAST_MS: Final = 7_258_118_400_000  # 2200-01-01

ReadTime = Callable[[object], int]
"""Of a text or a number; milliseconds since 1970 in UTC. Raises ValueError."""


def find_zone(name: str) -> tzinfo:
    """Raises ValueError."""
    try:
        return UTC if name == "UTC" else ZoneInfo(name)
    except Exception:
        raise ValueError(f"{name[:40]!r} is no time zone") from None


def time_reader(time_format: str, zone_name: str = "UTC") -> ReadTime:
    """How times of a format of `mapping.TIME_FORMATS` are read. Raises ValueError for the zone."""
    zone = find_zone(zone_name)
    unit = _UNITS.get(time_format)
    if unit is not None:
        return lambda value: _read_number(value, unit)
    if time_format == "iso":
        return lambda value: read_iso(value, zone)
    return lambda value: _to_ms(_place(datetime.strptime(_as_text(value), time_format), zone))  # noqa: DTZ007 - gets its zone there


def read_iso(value: object, zone: tzinfo = UTC) -> int:
    """RFC 3339 and what is near to it; without an offset it is of `zone`."""
    text = _as_text(value).strip()
    try:
        moment = parse_moment(text, zone)
    except BadMoment as exc:
        raise ValueError(str(exc)) from None
    if zone is not UTC and len(text) > _DATE_CHARS and not _OFFSET.search(text, _DATE_CHARS):
        moment = moment.replace(tzinfo=zone)
    return _to_ms(moment)


def _read_number(value: object, unit: float) -> int:
    number = float(value) if isinstance(value, int | float) else float(_as_text(value))
    if not math.isfinite(number):
        raise ValueError("no number")
    return _check(round(number * unit))


def _place(moment: datetime, zone: tzinfo) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=zone)


def _to_ms(moment: datetime) -> int:
    try:
        return _check(round(moment.timestamp() * 1000))
    except (OverflowError, OSError):
        raise ValueError("out of range") from None


def _check(milliseconds: int) -> int:
    if not 0 <= milliseconds < _LAST_MS:
        raise ValueError("before 1970, or after 2200")
    return milliseconds


def _as_text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError("no text")
