"""What was made of one request: what to append, what is refused, what is to be counted."""

from analytics.events.entry import AcceptedEvent
from analytics.keys.records import KeyRecord
from analytics.keys.refusals import note_refusal


class Judged:
    """The events of one request: those to accept, and why the others are refused."""

    __slots__ = ("accepted", "counts", "rejected", "skew_ms")

    def __init__(self, skew_ms: int = 0) -> None:
        self.skew_ms = skew_ms  # which the timestamps of all move by
        self.accepted: list[AcceptedEvent] = []
        self.rejected: list[dict[str, object]] = []
        self.counts: dict[str, int] | None = None  # by reason

    def count(self, reason: str, count: int = 1) -> None:
        self.counts = counts = self.counts or {}
        counts[reason] = counts.get(reason, 0) + count

    def note_counts(self, key: KeyRecord) -> None:
        """Once the request has its final answer: one that is to be sent again counts later."""
        for reason, count in (self.counts or {}).items():
            note_refusal(key, reason, count)
