"""The columns: is their folder ours, does the exporter keep up, is every segment whole?"""

import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

from analytics.databases import mongo
from analytics.databases.column_documents import ColumnHeadDocument, SegmentDocument
from analytics.databases.documents import typed
from analytics.databases.mongo import collection
from analytics.events.fresh import fresh_since_ms
from analytics.metrics.sightings import Sightings
from columns.files.folder import ColumnsUnavailable, check_folder
from upkeep.watch.finding import Finding, doubtful, well, wrong

# An event is exported after an hour at the latest, and the exporter looks every 5 s.
MAX_FRESH_SECONDS = 3_630
MAX_TAIL_EVENTS = 20_000
MIN_FREE_RATIO = 0.1


class Fresh(NamedTuple):
    """What waits for a segment: events in all, those of the longest tail, the age of the oldest."""

    events: int
    longest_tail: int
    oldest_seconds: float


class Segments(NamedTuple):
    """What is listed."""

    listed: int
    file_bytes: int
    damaged: int


def read_fresh() -> Fresh:
    grouped = collection(mongo.COLUMN_FRESH).aggregate(
        [{"$group": {"_id": "$project", "events": {"$sum": "$n"}, "first": {"$min": "$_id"}}}]
    )
    tails = [(tail["events"], fresh_since_ms(bytes(tail["first"]))) for tail in grouped]
    if not tails:
        return Fresh(0, 0, 0.0)
    age = time.time() - min(since_ms for _, since_ms in tails) / 1_000
    counts = [events for events, _ in tails]
    return Fresh(sum(counts), max(counts), max(0.0, age))


def read_segments() -> Segments:
    found = typed(SegmentDocument, mongo.COLUMN_SEGMENTS).find({}, {"bytes": 1, "damagedAt": 1})
    rows = [(row["bytes"], row.get("damagedAt")) for row in found]
    return Segments(len(rows), sum(size for size, _ in rows), sum(at is not None for _, at in rows))


def count_old() -> int:
    """The projects with events from before there were columns that are in none yet."""
    heads = typed(ColumnHeadDocument, mongo.COLUMN_HEADS)
    return heads.count_documents({"oldUntil": {"$exists": True}})


def check_usable() -> None:
    """Raises ColumnsUnavailable; not where nothing was ever exported."""
    if collection(mongo.COLUMN_STORE).find_one({}):
        check_folder()


def check_columns() -> Iterator[Finding]:
    try:
        yield from _check_folder()
    except (ColumnsUnavailable, OSError) as exc:
        yield wrong(
            f"the folder of the columns cannot be used: {exc}",
            "have what COLUMNS_URL names, of this deployment, where workers may write",
        )
    yield from _check_fresh()
    segments = read_segments()
    if segments.damaged:
        yield wrong(
            f"{segments.damaged} of {segments.listed} segments are damaged or missing",
            "is the disk well? They are made anew by themselves; manage.py verify_columns",
        )
    if drift := Sightings().column_drift:
        yield wrong(
            f"{drift} events or files of the columns were not as stored at the last verification",
            "manage.py verify_columns, then manage.py rebuild_columns",
        )
    if projects := count_old():
        yield doubtful(
            f"events of {projects} projects from before there were columns are being exported",
            "wait; analytics_columns_old_projects says how many are left",
        )


def _check_folder() -> Iterator[Finding]:
    if not collection(mongo.COLUMN_STORE).find_one({}):
        yield well("nothing was exported yet")
        return
    folder = check_folder()
    folder.prepare()
    text = f"{folder.name} is ours"
    if isinstance(settings.COLUMNS_URL, Path):
        yield _check_disk(settings.COLUMNS_URL, text, "nothing is exported to a full disk")
        return
    if not settings.COLUMNS_URL.startswith("s3://"):
        yield doubtful(
            f"{text}; whether old versions of objects are kept there is not known",
            "have neither versions nor soft deletion: an erasure says done when a file is deleted",
        )
    else:
        yield well(f"{text}, and keeps no old versions")
    cache = settings.COLUMNS_CACHE_DIR
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    yield _check_disk(cache, f"the cache of this host is {cache}", "questions need its files here")


def _check_disk(folder: Path, text: str, why: str) -> Finding:
    """Whether there is room, and files may be made. Raises OSError."""
    with tempfile.TemporaryFile(dir=folder):
        pass
    disk = shutil.disk_usage(folder)
    text = f"{text}, with {disk.free / 2**30:.1f} GiB free"
    if disk.free < MIN_FREE_RATIO * disk.total:
        return doubtful(text, f"make room: {why}")
    return well(text)


def _check_fresh() -> Iterator[Finding]:
    fresh = read_fresh()
    text = (
        f"{fresh.events:,} events wait for a segment, the oldest for {fresh.oldest_seconds:.0f} s"
    )
    if fresh.oldest_seconds > MAX_FRESH_SECONDS or fresh.longest_tail > MAX_TAIL_EVENTS:
        yield wrong(
            f"{text}, {fresh.longest_tail:,} of one project",
            "is beat up? columns_left and unit_failed in the log of the workers say what fails",
        )
    else:
        yield well(text)
