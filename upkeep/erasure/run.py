"""What is done for an erasure: the stride of each step."""

from analytics.events.ids import parse_place
from upkeep.erasure.buckets import forget_in_old_buckets, rebuild_buckets
from upkeep.erasure.columns import draw_veil, export_tail, forget_in_segments, wait_for_files
from upkeep.erasure.events import erase_events
from upkeep.erasure.exports import remove_exports
from upkeep.erasure.job import Erasure
from upkeep.erasure.letters import redact_duplicates, redact_letters
from upkeep.jobs.job import JobKind
from upkeep.jobs.waiting import wait_for_drain


def wait(job: Erasure) -> None:
    """Only what is stored can be erased."""
    last, _ = parse_place(job.last_place)
    wait_for_drain(job, last)


ERASURES = JobKind(
    Erasure,
    {
        "first_letters": redact_letters,
        "drain": wait,
        "veil": draw_veil,
        "exports": remove_exports,
        "events": erase_events,
        "letters": redact_letters,
        "duplicates": redact_duplicates,
        "buckets": rebuild_buckets,
        "old_buckets": forget_in_old_buckets,
        "tail": export_tail,
        "columns": forget_in_segments,
        "files": wait_for_files,
        "exports_again": remove_exports,
    },
)
