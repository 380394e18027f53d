"""What the listed segments of a project hold, for the tests."""

from typing import Any

import duckdb

from analytics.databases import mongo
from analytics.databases.mongo import collection
from columns.files.engine import quote
from columns.files.folder import find_folder
from columns.segments import Segment, list_segments, read_head
from tests.conftest import TestProject


def segments_of(project: TestProject) -> list[Segment]:
    return list_segments(read_head(project.id))


def held(project: TestProject, column: str = "path") -> list[Any]:
    """A column of all rows, sorted."""
    files = [quote(find_folder().bring(segment)) for segment in segments_of(project)]
    if not files:
        return []
    with duckdb.connect() as engine:
        rows = engine.execute(f'SELECT "{column}" FROM read_parquet([{", ".join(files)}])')
        return sorted(value for (value,) in rows.fetchall())


def forget_columns(project: TestProject, old_until: int = 1 << 62) -> None:
    """As if what is stored of the project was stored before there were columns."""
    for name in (mongo.COLUMN_FRESH, mongo.COLUMN_SEGMENTS):
        collection(name).delete_many({"project": project.id})
    collection(mongo.COLUMN_HEADS).update_one(
        {"_id": project.id},
        {"$set": {"revision": 0, "generation": 0, "oldUntil": old_until}},
        upsert=True,
    )
