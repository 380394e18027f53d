"""What verification finds: tables that are not what they count."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import structlog

from analytics.metrics.names import ROLLUP_DRIFT
from analytics.rollups import Table
from analytics.rollups.codec import Integers
from upkeep.rollups.runs import Tables

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Difference:
    """A table that is not what it counts: a bucket's raw events, or what a copy was made of."""

    project_id: bytes
    start: datetime
    unit: str  # bucket, day or month
    dimension: str
    raw: str
    rollup: str


def compare(
    project_id: bytes, start: datetime, unit: str, raw: Tables, rollup: Tables
) -> Iterator[Difference]:
    """Tell each table of a unit that is in one and not the same in the other."""
    for dimension in sorted({*raw, *rollup}):
        left, right = raw.get(dimension), rollup.get(dimension)
        if not _same(left, right):
            yield Difference(project_id, start, unit, dimension, _describe(left), _describe(right))


def report(differences: list[Difference]) -> list[Difference]:
    """Log and count what was found, and return it."""
    for found in differences:
        ROLLUP_DRIFT.labels(found.unit).inc()
        log.error("rollup_drift", project=found.project_id.hex(), start=found.start.isoformat(),
                  unit=found.unit, dimension=found.dimension)  # fmt: skip
    return differences


def _same(left: Table | None, right: Table | None) -> bool:
    return left is right or (left is not None and right is not None and left.equals(right))


def _describe(table: Table | None) -> str:
    if table is None:
        return "nothing"
    return f"{len(table)} rows, {_sum(table.views)} views, {_sum(table.events)} events"


def _sum(column: Integers | None) -> int:
    return 0 if column is None else int(column.sum())
