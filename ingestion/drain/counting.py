"""What the drain counts, and the one line it logs for what it buried."""

import time
from collections import Counter
from collections.abc import Sequence

import structlog

from analytics.events.ids import parse_place
from analytics.metrics import names as metrics
from analytics.metrics.tracing import is_tracing, trace_stored
from ingestion.store.plan import BatchPlan
from ingestion.store.prepare import PreparedEvent
from ingestion.stream.entries import ReadEntry

log = structlog.get_logger(__name__)


def count_batch(written: Sequence[BatchPlan], events: int, seconds: float) -> None:
    """A batch was stored and acked; of `events`, what was done before counts in no outcome."""
    metrics.BATCH_EVENTS.observe(events)
    metrics.STORE_SECONDS.observe(seconds)
    for part in written:
        for outcome, places in (
            ("stored", part.new),
            ("duplicate", part.duplicates),
            ("dead", part.dead),
        ):
            metrics.DRAINED_EVENTS.labels(outcome).inc(len(places))
        count_buried(part.dead)


def count_buried(events: Sequence[PreparedEvent]) -> None:
    """A line for each project and reason, with the first entry: the rest is in the dead letters."""
    buried = [(event, event.failure.reason) for event in events if event.failure]
    for _, reason in buried:
        metrics.DEAD_LETTERS.labels(reason).inc()
    for (project, reason), count in Counter(
        (event.project_id, reason) for event, reason in buried
    ).items():
        first = next(event for event, why in buried if (event.project_id, why) == (project, reason))
        entry_id, _ = parse_place(first.place)
        log.warning("events_buried", project=project.hex(), reason=reason, events=count,
                    entry_id=f"{entry_id.ms}-{entry_id.sequence}")  # fmt: skip


def trace_batch(batch: Sequence[ReadEntry], seconds: float) -> None:
    """A span for each request of a stored batch that carries a trace."""
    if not is_tracing():
        return
    traced = [(read, part) for read in batch for part in read.entry.parts if part.trace]
    started_ns = time.time_ns() - int(seconds * 1e9)
    batch_events = sum(read.entry.event_count for read in batch)
    for read, part in traced:
        trace_stored(
            part.trace or "",
            entry_id=read.raw_id.decode(),
            project=part.project_id.hex(),
            events=len(part.events),
            batch_events=batch_events,
            started_ns=started_ns,
        )


def count_store_error() -> None:
    metrics.STORE_ERRORS.inc()
