"""What is done for a deletion: the stride of each step."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from analytics.databases.mongo import FUSES, collection
from analytics.databases.transactions import durable_transaction
from analytics.events.ids import make_place, parse_place
from analytics.projects.models import Project
from upkeep.deletion import columns, data
from upkeep.deletion.books import close_books, delete_counters
from upkeep.deletion.job import AGAIN, Deletion, stop_keys
from upkeep.imports.ending import stop_imports
from upkeep.jobs.job import JobKind, MustWait, Stride, finish_step, save_progress
from upkeep.jobs.waiting import ANY_INDEX, read_last_entry, wait_for_drain

# A revoked key is refused everywhere within 10 seconds; what was admitted before is appended then.
SETTLE = timedelta(seconds=20)
# What was in flight while the data was removed (a compaction, a rebuild) has ended then.
REST = timedelta(minutes=2)


def stop(job: Deletion) -> None:
    """Once more: the keys of the request, or one that was made at that moment; and imports."""
    if not stop_keys(Project.objects.get(pk=job.id)):
        raise MustWait
    stop_imports(job.project_id)
    with durable_transaction() as session:
        finish_step(job, session)


def settle(job: Deletion) -> None:
    """Wait until no process takes an event of the project any more."""
    _wait(job, SETTLE)


def rest(job: Deletion) -> None:
    _wait(job, REST)


def _wait(job: Deletion, pause: timedelta) -> None:
    """Let `pause` pass since the step began; what is in the stream then is the last there is."""
    now = datetime.now(UTC)
    is_over = now >= (job.cursor or now) + pause
    last = make_place(read_last_entry(job.partition), ANY_INDEX)
    with durable_transaction() as session:
        if is_over:
            finish_step(job, session, lastPlace=last)
        elif job.cursor is None:
            save_progress(job, session, cursor=now)
    if not is_over:
        raise MustWait


def drain(job: Deletion) -> None:
    """What was accepted is stored first: so the books say what became of it.

    No fuse holds anything of a deleted project back any more.
    """
    assert job.last_place is not None
    collection(FUSES).delete_one({"_id": job.project_id})
    last, _ = parse_place(job.last_place)
    wait_for_drain(job, last)


_DATA: Mapping[str, Stride[Deletion]] = {
    "drain": drain,
    "events": data.delete_events,
    "duplicates": data.delete_duplicates,
    "letters": data.delete_letters,
    "summaries": data.delete_summaries,
    "days": data.delete_days,
    "months": data.delete_months,
    "erasures": data.delete_erasures,
    "buckets": data.delete_erasure_days,
    "fresh": data.delete_fresh,
    "segments": columns.delete_segments,
    "saved": data.delete_saved,
    "notices": data.delete_notices,
    "exports": data.delete_exports,
    "imports": data.delete_imports,
    "pins": data.delete_pins,
}
DELETIONS = JobKind(
    Deletion,
    {
        "keys": stop,
        "settle": settle,
        **_DATA,
        "rest": rest,
        **{step + AGAIN: stride for step, stride in _DATA.items()},
        "files": columns.delete_files,
        "books": close_books,
        "counters": delete_counters,
    },
)
