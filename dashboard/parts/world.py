"""The map of countries: each is the darker the more visitors it has, in steps.

The steps hold as many countries each, so that one large country leaves the others apart.
"""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from dashboard.parts.rows import Row
from reporting.words.formats import NOTHING, format_count

STEPS = 5
MOST_COUNTRIES = 300
# Whom the Tab key finds on the map; the rest are in the table and in the list.
WITHIN_REACH = 9


@dataclass(frozen=True, slots=True)
class Land:
    """A country and its step, 1 to STEPS."""

    row: Row
    step: int
    is_within_reach: bool


@dataclass(frozen=True, slots=True)
class Step:
    """`label` is how many visitors a country of it has, from and to."""

    number: int
    label: str


@dataclass(frozen=True, slots=True)
class World:
    """`unknown` are those of no country, who have no place on it."""

    lands: Sequence[Land]
    steps: Sequence[Step]
    unknown: Row | None


def draw_world(rows: Sequence[Row]) -> World:
    """Of all countries, the largest first."""
    known = [row for row in rows if row.key]
    counts = sorted(row.count for row in known)
    highest = _divide(counts)
    lands = [
        Land(row, 1 + bisect_left(highest, row.count), index < WITHIN_REACH)
        for index, row in enumerate(known)
    ]
    return World(
        lands=lands,
        steps=[_name(number, lands) for number in range(1, len(highest) + 1)],
        unknown=next((row for row in rows if row.key is None), None),
    )


def _divide(counts: Sequence[int | float]) -> list[int | float]:
    """The highest count of each step, of counts that rise; equal counts are in one step."""
    if not counts:
        return []
    ends = (len(counts) * number // STEPS for number in range(1, STEPS + 1))
    return sorted({counts[end - 1] for end in ends if end})


def _name(number: int, lands: Sequence[Land]) -> Step:
    counts = [land.row.count for land in lands if land.step == number]
    low, high = min(counts), max(counts)
    if low == high:
        return Step(number, format_count(low))
    return Step(number, f"{format_count(low)} {NOTHING} {format_count(high)}")
