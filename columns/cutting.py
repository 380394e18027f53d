"""The rows of a cut, sorted, with the visits that they make up, in bounded memory."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from columns.cuts import Cut, count_rows, split
from columns.files.days import index_days, list_midnights
from columns.files.engine import quote, read_files
from columns.files.layout import VISIT_TYPES
from columns.files.visits import OWNER, work_out

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

# Of files that are read once, in a moment.
_PART: Final = "FORMAT parquet, COMPRESSION snappy, ROW_GROUP_SIZE 16384"


Parameters = Sequence[Any] | Mapping[str, Any]


class Rows(NamedTuple):
    """A SELECT, and its parameters."""

    select: str
    parameters: Parameters = ()


def select_cut(
    engine: "DuckDBPyConnection", work: Path, rows: Rows, cut: Cut, *, most: int, sorts: int
) -> Rows | None:
    """`rows`, all of which lie in a cut, with their visits, in order; None: there are none.

    About `most` are worked out at a time, of whole days or whole owners, and put together from
    files in `work`. Of one owner's day there may be more; beyond `sorts` they stay as they come.
    Raises AssertionError where a row lies elsewhere: it would be in no part.
    """
    counts = count_rows(engine, f"({rows.select})", cut.days, cut.zone, rows.parameters)
    parts = list(split(counts, cut.box, most))
    if sum(count for _, count in parts) != counts.total():
        raise AssertionError(f"{parts} of {counts.total()} rows")
    day = index_days(list_midnights(*cut.days, cut.zone))
    found: list[Rows] = []
    for part, count in parts:
        select = work_out(
            f"(SELECT * FROM ({rows.select}) WHERE {part.select(cut.zone)})", day, VISIT_TYPES
        )
        if count <= sorts:
            select = f'SELECT * FROM ({select}) ORDER BY {day}, {OWNER}, "timestamp", "id"'
        if len(parts) > 1:
            path = work / f"part-{len(found)}.parquet"
            engine.execute(f"COPY ({select}) TO {quote(path)} ({_PART})", rows.parameters)
            found.append(Rows(str(path)))
        else:
            found.append(Rows(select, rows.parameters))
    if len(found) > 1:
        return Rows(f"SELECT * FROM {read_files(part.select for part in found)}")
    return found[0] if found else None
