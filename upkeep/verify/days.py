"""The days that a project has anything of: one look at an index for each, however far apart.

A device whose clock was reset sends an event of 1970. So nothing goes by the span of the days.
"""

from collections.abc import Iterator
from datetime import datetime

from analytics.databases import mongo
from analytics.databases.mongo import Document, collection
from analytics.events.ids import MS_PER_DAY, datetime_of_day, day_of
from analytics.rollups.heads import heads_of

_LAST_DAY = 2**32 - 2


def find_days(
    project_id: bytes, start: datetime | None = None, end: datetime | None = None
) -> list[int]:
    """The UTC days that `[start, end)` touches and that have events, summaries or rollups."""
    first = day_of(start) if start else None
    last = -(-int(end.timestamp() * 1000) // MS_PER_DAY) if end else None
    bounds: Document = {}
    if first is not None:
        bounds["$gte"] = datetime_of_day(first)
    if last is not None:
        bounds["$lt"] = datetime_of_day(last)
    days = {
        *_walk_days(mongo.EVENTS, "timestamp", project_id, bounds),
        *_walk_days(mongo.SUMMARIES, "bucket", project_id, bounds),
        *_list_heads(project_id, first or 0, _LAST_DAY if last is None else last),
    }
    return sorted(days)


def _walk_days(name: str, field: str, project_id: bytes, bounds: Document) -> Iterator[int]:
    """The days of documents with `field` within `bounds`, by their index of project and field."""
    while found := collection(name).find_one(
        {"project": project_id} | ({field: bounds} if bounds else {}),
        {"_id": 0, field: 1},
        sort=[("project", 1), (field, 1)],
    ):
        day = day_of(found[field])
        yield day
        bounds = {**bounds, "$gte": datetime_of_day(day + 1)}


def _list_heads(project_id: bytes, first: int, last: int) -> Iterator[int]:
    if first < last:
        heads = collection(mongo.ROLLUP_DAYS).find(
            heads_of(project_id, range(first, last)), {"_id": 0, "day": 1}
        )
        yield from (head["day"] for head in heads)
