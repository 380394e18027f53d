"""What verification finds: rows of segments that are not what the stored events say."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb
import structlog

from columns.files.layout import TYPES

log = structlog.get_logger(__name__)

DESCRIBED: Final = 100
"""Of the events that differ on a day, so many are told one by one."""

_COLUMNS: Final = ", ".join(f'"{name}"' for name in TYPES)


@dataclass(frozen=True, slots=True)
class Difference:
    """An event, or a whole segment, that is not in the columns as it should be.

    `what` of an event: `missing` (stored, and in no segment), `unknown` (in a segment, and no
    stored event of the project that a segment should hold), `doubled`, `changed`, or `visit` (the
    visit it has there is not the one that the segment's rows make up); of a segment: `unreadable`,
    or `overlapping` (it shares an owner's day with another).
    """

    project_id: bytes
    day: int
    what: str
    name: str  # the event's id without its project, or the segment's, in hex
    columns: Sequence[str] = ()  # that were changed; or what is wrong with a segment


def compare(
    engine: duckdb.DuckDBPyConnection, project_id: bytes, day: int
) -> tuple[int, list[Difference]]:
    """How many events of a day differ, and DESCRIBED of them.

    The engine has the views `stored` and `listed`, with the columns of `layout.TYPES`: what the
    stored events say, and what the segments hold.
    """
    engine.execute(
        f"""CREATE TEMP TABLE differing AS
        SELECT DISTINCT id FROM (
            SELECT id, hash({_COLUMNS}) AS said, 1 AS side FROM stored
            UNION ALL
            SELECT id, hash({_COLUMNS}), -1 FROM listed
        ) GROUP BY id, said HAVING sum(side) != 0"""
    )
    [[count]] = engine.execute("SELECT count(*) FROM differing").fetchall()
    if not count:
        return 0, []
    told = f"SELECT id FROM differing ORDER BY id LIMIT {DESCRIBED}"
    stored, listed = (_read_rows(engine, view, told) for view in ("stored", "listed"))
    return count, list(_describe(project_id, day, stored, listed))


Rows = dict[bytes, list[tuple[Any, ...]]]


def _read_rows(engine: duckdb.DuckDBPyConnection, view: str, told: str) -> Rows:
    """By id, the rows of some events."""
    rows: Rows = {}
    found = engine.execute(f"SELECT {_COLUMNS} FROM {view} WHERE id IN ({told})")
    for row in found.fetchall():
        rows.setdefault(bytes(row[0]), []).append(row)
    return rows


def _describe(project_id: bytes, day: int, stored: Rows, listed: Rows) -> Iterator[Difference]:
    for key in sorted({*stored, *listed}):
        left, right = stored.get(key, []), listed.get(key, [])
        name = key.hex()
        if not right:
            yield Difference(project_id, day, "missing", name)
        elif not left:
            yield Difference(project_id, day, "unknown", name)
        elif len(right) > 1:
            yield Difference(project_id, day, "doubled", name)
        else:
            pairs = zip(TYPES, left[0], right[0], strict=True)
            changed = [column for column, said, held in pairs if said != held]
            yield Difference(project_id, day, "changed", name, changed)


def report(differences: Sequence[Difference]) -> None:
    for found in differences:
        log.error("column_drift", project=found.project_id.hex(), day=found.day, what=found.what,
                  name=found.name, columns=",".join(found.columns))  # fmt: skip
