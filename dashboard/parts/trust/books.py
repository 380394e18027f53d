"""The books of a project, as stretches of bars."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from analytics.events.ids import day_of
from analytics.metrics.sightings import Sightings
from analytics.projects.models import Project
from upkeep.ledger.lines import Line, read_since
from upkeep.ledger.steady import read_steady

SHOWN_DAYS = 14

# What a line of the books has, and what its stretch of a bar is called in the style sheet.
_STYLES = {"stored": "stored", "duplicate": "duplicate", "dead": "dead", "waiting": "underway"}


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of a bar, in percent of it."""

    style: str
    count: int
    start: float
    width: float


@dataclass(frozen=True, slots=True)
class BookDay:
    day: date
    line: Line
    parts: Sequence[Part]


@dataclass(frozen=True, slots=True)
class Books:
    """The days that have events, the latest first, and all of them together."""

    days: Sequence[BookDay]
    total: Line

    @property
    def missing(self) -> int:
        """Accepted events that are nowhere: the sum of what is off on each day."""
        return sum(abs(each.line.difference) for each in self.days)


@dataclass(frozen=True, slots=True)
class Standing:
    """The books in one line; `verified_at` is the older of the last looks, None before both.

    `missing` are events that are off, as in `Books`, and `drift` is what the last looks found, at
    all projects.
    """

    accepted: int
    missing: int
    dead: int
    waiting: int
    erased: int
    verified_at: datetime | None
    drift: int


def read_standing(project: Project, now: datetime) -> Standing:
    """Of the last SHOWN_DAYS; missing is what `read_steady` says is off.

    Raises PyMongoError and RedisError.
    """
    first_day = day_of(now) - SHOWN_DAYS + 1
    lines, off = read_steady(project.id_bytes, first_day)
    seen = Sightings()
    looks = [seen.verified_at, seen.columns_verified_at]
    return Standing(
        accepted=sum(line.accepted for line in lines),
        missing=sum(off.values()),
        dead=sum(line.dead for line in lines),
        waiting=sum(line.waiting for line in lines),
        erased=sum(line.erased for line in lines),
        verified_at=datetime.fromtimestamp(min(looks), UTC) if all(looks) else None,
        drift=seen.drift_tables + seen.column_drift,
    )


def read_books(project: Project, now: datetime) -> Books:
    """The last SHOWN_DAYS. Raises PyMongoError and RedisError."""
    lines = read_since(project.id_bytes, day_of(now) - SHOWN_DAYS + 1)
    most = max((line.accepted for line in lines), default=0)
    total = Line(project.id_bytes, day=0)
    for line in lines:
        for name in ("accepted", "stored", "duplicate", "dead", "waiting", "erased"):
            setattr(total, name, getattr(total, name) + getattr(line, name))
    days = [BookDay(line.date, line, _cut(line, most)) for line in lines]
    return Books(days, total)


def _cut(line: Line, most: int) -> list[Part]:
    """A day as stretches, as long as its events are many beside those of the fullest day."""
    parts, start = [], 0.0
    for name, style in _STYLES.items():
        count = getattr(line, name)
        if count and most:
            width = 100 * count / most
            parts.append(Part(style, count, start, width))
            start += width
    return parts
