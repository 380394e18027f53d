"""The local days of a zone as numbers: what an engine is told instead of a calendar.

A day is known by its number, days since 1970-01-01. It begins at its first instant; so where clocks
go back over midnight, the hour that comes twice is all of the day that has begun.
"""

from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from hashlib import blake2b
from itertools import pairwise
from struct import pack
from typing import Final
from zoneinfo import ZoneInfo

from analytics.events.ids import MS_PER_DAY, ms_of_datetime
from analytics.events.moments import first_moment

DIGEST_BYTES: Final = 8

_EPOCH: Final = date(1970, 1, 1).toordinal()


def list_midnights(first_day: int, last_day: int, zone: str) -> list[int]:
    """The first instants, in unix milliseconds, of the days and of the one that follows them."""
    return [begin_of(day, zone) for day in range(first_day, last_day + 2)]


@lru_cache(32_768)  # one event of 1970 makes a range of all days since
def begin_of(day: int, zone: str) -> int:
    """The first instant of a day in unix milliseconds; where the calendar ends, that of UTC."""
    try:
        moment = first_moment(date.fromordinal(_EPOCH + day), ZoneInfo(zone))
    except (OverflowError, ValueError):
        return day * MS_PER_DAY
    return ms_of_datetime(moment)


def day_of(moment_ms: int, zone: str) -> int:
    """The local day of a moment: the last that has begun."""
    day = moment_ms // MS_PER_DAY
    while begin_of(day + 1, zone) <= moment_ms:
        day += 1
    while begin_of(day, zone) > moment_ms:
        day -= 1
    return day


def digest(midnights: Sequence[int]) -> bytes:
    """Tells midnights from others, in DIGEST_BYTES."""
    packed = pack(f">{len(midnights)}q", *midnights)
    return blake2b(packed, digest_size=DIGEST_BYTES).digest()


def index_days(midnights: Sequence[int]) -> str:
    """The SQL that gives the index of the stretch between midnights in which "timestamp" lies.

    Stretches of equal length are computed by one division; a balanced tree of comparisons, a few
    levels deep, finds the row of them. No event may lie before the first midnight; after the last
    it goes on as it ended.
    """
    rows: list[tuple[int, int, int]] = []  # index and start of the first, and their length
    for index, (start, end) in enumerate(pairwise(midnights)):
        if start == end:  # a day that its zone skips
            continue
        if not rows or rows[-1][2] != end - start or rows[-1][0] + _count(rows[-1], start) != index:
            rows.append((index, start, end - start))
    return _search(rows) if rows else "0"


def _count(row: tuple[int, int, int], until: int) -> int:
    _, start, length = row
    return (until - start) // length


def _search(rows: Sequence[tuple[int, int, int]]) -> str:
    if len(rows) == 1:
        index, start, length = rows[0]
        return f'{index} + ("timestamp" - {start}) // {length}'
    middle = len(rows) // 2
    before, after = _search(rows[:middle]), _search(rows[middle:])
    return f'CASE WHEN "timestamp" < {rows[middle][1]} THEN {before} ELSE {after} END'
