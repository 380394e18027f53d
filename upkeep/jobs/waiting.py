"""Wait for what others have to do first: what is in the stream, a folder that is not there."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

import structlog
from redis.exceptions import ResponseError

from analytics.databases.redis_clients import stream_client
from analytics.databases.redis_commands import typed_commands
from analytics.databases.redis_keys import stream_key
from analytics.databases.transactions import durable_transaction
from analytics.events.ids import EntryId
from columns.files.folder import ColumnsUnavailable
from ingestion.stream.walk import walk_stream
from upkeep.jobs.job import Job, MustWait, finish_step, save_progress

log = structlog.get_logger(__name__)

MAX_LOOK_ENTRIES = 4_000
# Above the index of any event of an entry.
ANY_INDEX = 0xFFFF


def read_last_entry(partition: int) -> EntryId:
    """The id of the newest entry ever appended to a partition; 0-0 before the first."""
    client = typed_commands(stream_client())
    try:
        stream = client.xinfo_stream(stream_key(partition))
    except ResponseError as exc:
        if "no such key" not in str(exc):
            raise
        return EntryId(0, 0)
    return EntryId.parse(stream["last-generated-id"])


def find_waiting(
    project_id: bytes, partition: int, last: EntryId, start: bytes | None
) -> bytes | None:
    """An entry from `start` (None: the first) to `last` before which nothing of the project waits.

    None when nothing does at all. An entry leaves the stream when what it holds is stored, so
    one that is not there is drained. What is returned is where to go on: an entry that may be
    of the project, or as far as one call looks. What cannot be read may be anybody's, and waits
    for a worker that understands it.
    """
    end = f"{last.ms}-{last.sequence}".encode()
    position: bytes | None = None
    looked = 0
    for position, entry in islice(walk_stream(partition, start or b"-", end), MAX_LOOK_ENTRIES):
        if entry is None or entry.project_id == project_id:
            return position
        looked += 1
    return position if looked == MAX_LOOK_ENTRIES else None


def wait_for_drain(job: Job, last: EntryId) -> None:
    """A stride: finish the step once all that the project had accepted up to `last` is stored."""
    waiting = find_waiting(job.project_id, job.partition, last, job.cursor)
    with durable_transaction() as session:
        if waiting is None:
            finish_step(job, session)
        elif waiting != job.cursor:
            save_progress(job, session, cursor=waiting)
    if waiting is not None:
        raise MustWait


@contextmanager
def waiting_for_folder(job: Job) -> Iterator[None]:
    """A stride that needs the folder of the columns waits while it cannot be reached."""
    try:
        yield
    except ColumnsUnavailable as exc:
        log.warning("columns_unavailable", job=job.id, step=job.step, error=str(exc)[:300])
        raise MustWait from exc


@contextmanager
def waiting_for_exports(job: Job) -> Iterator[None]:
    """A stride that needs the folder of exports waits while it cannot be reached."""
    try:
        yield
    except OSError as exc:
        log.warning("exports_unavailable", job=job.id, step=job.step, error=repr(exc)[:300])
        raise MustWait from exc
