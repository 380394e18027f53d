"""What the drain counts."""

from collections.abc import Sequence

from analytics import metrics
from ingestion.store import Sorted


def count_batch(written: Sequence[Sorted], events: int, seconds: float) -> None:
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
        for event in part.dead:
            if event.failure:
                metrics.DEAD_LETTERS.labels(event.failure.reason).inc()


def count_store_error() -> None:
    metrics.STORE_ERRORS.inc()
