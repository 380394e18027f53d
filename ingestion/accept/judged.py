"""What was made of one request: what to append, what is refused, what is to be counted."""

from analytics.events.entry import AcceptedEvent
from analytics.keys.records import KeyRecord
from analytics.keys.refusals import EXCLUDED, note_refusal


class Judged:
    """The events of one request: those to accept, how many are left out, which are refused."""

    __slots__ = ("accepted", "counts", "excluded", "rejected", "skew_ms")

    def __init__(self, skew_ms: int = 0) -> None:
        self.excluded = 0  # good events that the project leaves out
        self.skew_ms = skew_ms  # which the timestamps of all move by
        self.accepted: list[AcceptedEvent] = []
        self.rejected: list[dict[str, object]] = []
        self.counts: dict[str, int] | None = None  # by reason

    def count(self, reason: str, count: int = 1) -> None:
        self.counts = counts = self.counts or {}
        counts[reason] = counts.get(reason, 0) + count

    def exclude(self) -> None:
        self.excluded += 1
        self.count(EXCLUDED)

    def note_counts(self, key: KeyRecord) -> None:
        """Once the request has its final answer: one that is to be sent again counts later."""
        for reason, count in (self.counts or {}).items():
            note_refusal(key, reason, count)
