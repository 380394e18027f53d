"""What segments are cut for: a box of local days and of owners, in which all rows of one lie.

Owners are told apart by the 64 bits they are known by, in SHARES of the same width. A row of nobody
lies where the MD5 of its id does: somewhere, and there for ever. (The engine's own `hash` may be
another one in its next release.)
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Self

from columns.files.days import begin_of, digest, index_days, list_midnights
from columns.files.visits import OWNER

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

SHARES: Final = 256
Counts = Mapping[tuple[int, int], int]
"""Rows by local day (days since 1970) and share of the owners."""

_BITS: Final = 64 - (SHARES.bit_length() - 1)
_LEAST: Final = -(1 << 63)
_OF_NOBODY: Final = f'CAST(CAST(md5_number_lower("id") AS HUGEINT) - {1 << 63} AS BIGINT)'
_SHARE: Final = f"((coalesce({OWNER}, {_OF_NOBODY}) >> {_BITS}) + {SHARES // 2})"


@dataclass(frozen=True, slots=True, order=True)
class Box:
    """Local days and shares of the owners, all bounds included."""

    first: int
    last: int
    low: int = 0
    high: int = SHARES - 1

    @property
    def owners(self) -> tuple[int, int] | None:
        """The smallest and largest 64 bits of an owner, signed; None: all."""
        if self.high - self.low == SHARES - 1:
            return None
        return _LEAST + (self.low << _BITS), _LEAST + ((self.high + 1) << _BITS) - 1

    def overlaps(self, other: Self) -> bool:
        are_days = self.first <= other.last and other.first <= self.last
        return are_days and self.low <= other.high and other.low <= self.high

    def bounds(self, zone: str) -> tuple[int, int]:
        """When its days begin, and when they are over, in unix milliseconds."""
        return begin_of(self.first, zone), begin_of(self.last + 1, zone)

    def select(self, zone: str) -> str:
        """The SQL condition that a row lies in it."""
        begin, end = self.bounds(zone)
        during = f'"timestamp" >= {begin} AND "timestamp" < {end}'
        if self.owners is None:
            return during
        return f"{during} AND {_SHARE} BETWEEN {self.low} AND {self.high}"


@dataclass(frozen=True, slots=True)
class Cut:
    """A box by the local days of a zone, and the digest of their midnights as they were."""

    box: Box
    zone: str
    midnights: bytes

    def holds(self, zone: str) -> bool:
        """Whether the days are those of a zone, as its rules are now."""
        return self.midnights == _digest(self.box.first, self.box.last, zone)

    @property
    def days(self) -> tuple[int, int]:
        return self.box.first, self.box.last


def make_cut(box: Box, zone: str) -> Cut:
    return Cut(box, zone, _digest(box.first, box.last, zone))


def read_cut(days: Sequence[int], owners: Sequence[int] | None, zone: str, midnights: bytes) -> Cut:
    """A cut as the list of segments has it."""
    first, last = days
    low, high = ((bound - _LEAST) >> _BITS for bound in owners) if owners else (0, SHARES - 1)
    return Cut(Box(first, last, low, high), zone, midnights)


@lru_cache(16_384)
def _digest(first: int, last: int, zone: str) -> bytes:
    return digest(list_midnights(first, last, zone))


def count_rows(
    engine: "DuckDBPyConnection",
    rows: str,
    days: tuple[int, int],
    zone: str,
    parameters: Sequence[Any] | Mapping[str, Any] = (),
) -> Counter[tuple[int, int]]:
    """The rows of what can stand in a FROM, which has rows of these local days alone."""
    first, last = days
    index = index_days(list_midnights(first, last, zone))
    found = engine.execute(
        f"SELECT {first} + {index}, {_SHARE}, count(*) FROM {rows} GROUP BY ALL", parameters
    ).fetchall()
    return Counter({(day, share): count for day, share, count in found})


def count_by_day(counts: Counts) -> Counter[int]:
    days: Counter[int] = Counter()
    for (day, _), count in counts.items():
        days[day] += count
    return days


def split(counts: Counts, box: Box, most: int) -> Iterator[tuple[Box, int]]:
    """Boxes that hold all rows of a box, in order, and how many are in each: about `most`.

    Days lie together while they are fewer; a day that has more is split by its owners.
    """
    days = count_by_day(counts)
    first, rows = box.first, 0
    for day in sorted(days):
        if rows and rows + days[day] > most:
            yield from split_owners(counts, replace(box, first=first, last=day - 1), most)
            first, rows = day, 0
        rows += days[day]
    if rows:
        yield from split_owners(counts, replace(box, first=first), most)


def split_owners(counts: Counts, box: Box, most: int) -> Iterator[tuple[Box, int]]:
    """As `split`, by owners alone, into parts that are about equal.

    More than `most` are in one where few owners have much.
    """
    shares: Counter[int] = Counter()
    for (day, share), count in counts.items():
        if box.first <= day <= box.last and box.low <= share <= box.high:
            shares[share] += count
    parts = -(-shares.total() // most)
    low, rows = box.low, 0
    for share in sorted(shares):
        if rows and (rows + shares[share] / 2) * parts > shares.total():
            yield replace(box, low=low, high=share - 1), rows
            low, rows = share, 0
        rows += shares[share]
    yield replace(box, low=low), rows
