"""In which time zone a project's days are, and were.

Anonymous visitors count once in a local day of acceptance (`ingestion/enrich/salts.py`), so every
moment must be in exactly one of a project's days, whatever its zone was and becomes. A change is
*decided* at a moment and in effect from the next midnight of the new zone; the day in which it was
decided ends there, and holds what midnights of the old zone lie before.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import NamedTuple, TypedDict
from zoneinfo import ZoneInfo, available_timezones

from django.core.exceptions import ValidationError

from analytics.events.ids import datetime_of_ms, ms_of_datetime

DEFAULT_ZONE = "UTC"
MAX_ZONE_CHARS = 64
# By then every process knows of a change: they look at a project every ten seconds.
NOTICE = timedelta(minutes=1)

_MS_PER_MINUTE = 60_000


class ZoneRow(TypedDict):
    """An item of `zones` of a project; both moments in unix milliseconds, 0: from ever."""

    decided: int
    since: int
    zone: str


class ZoneChange(NamedTuple):
    decided_ms: int
    since_ms: int
    zone: str


Zones = tuple[ZoneChange, ...]
"""Of one project, in order; at least one, the first from ever."""

ALWAYS_UTC: Zones = (ZoneChange(0, 0, DEFAULT_ZONE),)


class LocalDay(NamedTuple):
    """A day of a project, `[begin_ms, end_ms)`."""

    begin_ms: int
    end_ms: int

    @property
    def key(self) -> bytes:
        """Tells the days of a project apart, in 4 bytes that sort by time: minutes since 1970."""
        return (self.begin_ms // _MS_PER_MINUTE).to_bytes(4, "big")


def list_zones() -> list[str]:
    """The names that a project may have, in order."""
    return sorted(_known_zones())


def validate_zone(name: str) -> None:
    """Raises ValidationError for what is no time zone of the IANA database."""
    if name not in _known_zones():
        raise ValidationError(f"{name} is not a time zone: write Europe/Berlin, or UTC.")


@lru_cache(1)
def _known_zones() -> frozenset[str]:
    return frozenset(available_timezones()) - {"localtime", "Factory"}


def read_zones(rows: Iterable[Mapping[str, object]] | None) -> Zones:
    """The history as a project's row has it; always UTC where it has none."""
    changes = tuple(
        ZoneChange(int(str(row["decided"])), int(str(row["since"])), str(row["zone"]))
        for row in rows or ()
    )
    return changes or ALWAYS_UTC


def write_zones(zones: Zones) -> list[ZoneRow]:
    return [{"decided": decided, "since": since, "zone": zone} for decided, since, zone in zones]


def begin_with(zone: str) -> Zones:
    return (ZoneChange(0, 0, zone),)


def change_zone(zones: Zones, zone: str, now: datetime) -> Zones:
    """The history after a project was given `zone`; a change that is not in effect yet goes."""
    known_ms = ms_of_datetime(now.astimezone(UTC) + NOTICE)
    *before, last = zones
    if last.zone == zone:
        return zones
    decided_ms = known_ms
    if before and last.since_ms > known_ms:
        # Its day has perhaps begun to hold a midnight, so it stays one.
        zones, decided_ms = tuple(before), last.decided_ms
    return (*zones, ZoneChange(decided_ms, _next_midnight(known_ms, zone), zone))


def find_day(zones: Zones, moment_ms: int) -> LocalDay:
    """The project's day that holds a moment."""
    index = _index_at(zones, moment_ms)
    current = zones[index]
    following = zones[index + 1] if index + 1 < len(zones) else None
    if following and moment_ms >= following.decided_ms:
        return LocalDay(_last_midnight(following.decided_ms, current.zone), following.since_ms)
    begin, end = _last_midnight(moment_ms, current.zone), _next_midnight(moment_ms, current.zone)
    if following and end > following.decided_ms:
        end = following.since_ms
    return LocalDay(begin, end)


def zone_at(zones: Zones, moment_ms: int) -> str:
    """The name of the zone that was, or is, in effect at a moment."""
    return zones[_index_at(zones, moment_ms)].zone


def _index_at(zones: Zones, moment_ms: int) -> int:
    return max(0, bisect_right(zones, moment_ms, key=lambda change: change.since_ms) - 1)


def _midnights(moment_ms: int, zone: str) -> Sequence[int]:
    """The local midnights around a moment, as the first instants of four local dates."""
    info = _load(zone)
    date = datetime_of_ms(moment_ms).astimezone(info).date()
    days = (date + timedelta(days=offset) for offset in (-1, 0, 1, 2))
    return [first_instant(day.year, day.month, day.day, zone) for day in days]


def _last_midnight(moment_ms: int, zone: str) -> int:
    return max(ms for ms in _midnights(moment_ms, zone) if ms <= moment_ms)


def _next_midnight(moment_ms: int, zone: str) -> int:
    return min(ms for ms in _midnights(moment_ms, zone) if ms > moment_ms)


@lru_cache(4_096)
def first_instant(year: int, month: int, day: int, zone: str) -> int:
    """Unix milliseconds of the first instant of a local date, also where clocks skip midnight."""
    wanted = datetime(year, month, day, tzinfo=_load(zone))
    # A midnight that is skipped is read with the offset of before: when the clocks go on.
    return ms_of_datetime(wanted.astimezone(UTC))


@lru_cache(1_000)
def _load(zone: str) -> ZoneInfo:
    return ZoneInfo(zone)
