"""What the listed segments of a project hold, read by an engine of its own."""

from typing import Any

import duckdb

from columns.files.folder import find_folder
from columns.files.layout import TYPES, VISIT_TYPES
from columns.segments import Segment, list_segments, read_head


def listed(project_id: bytes) -> list[Segment]:
    return list_segments(read_head(project_id))


def read_rows(project_id: bytes) -> list[dict[str, Any]]:
    """The rows of all listed segments, in the order of the list and of each file."""
    return [row for segment in listed(project_id) for row in read_segment(segment)]


def read_segment(segment: Segment) -> list[dict[str, Any]]:
    path = str(find_folder().bring(segment))
    with duckdb.connect() as engine:
        found = engine.execute("SELECT * FROM read_parquet(?, hive_partitioning = false)", [path])
        names = [column[0] for column in found.description or ()]
        assert names == list(TYPES | VISIT_TYPES if segment.cut else TYPES)
        return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def paths_of(project_id: bytes) -> list[str]:
    return sorted(row["path"] for row in read_rows(project_id))
