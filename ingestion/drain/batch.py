"""What goes through the drain at once: whole entries, and the events in them."""

from collections.abc import Sequence
from dataclasses import dataclass

from analytics.events.ids import make_place
from ingestion.store.prepare import PreparedEvent
from ingestion.stream.entries import ReadEntry

_ENTRY_BYTES = 12  # of a place, the part that is the entry's


@dataclass(frozen=True, slots=True)
class Batch:
    """Entries and all of their events, in stream order."""

    entries: Sequence[ReadEntry]
    events: Sequence[PreparedEvent]

    @property
    def is_suspect(self) -> bool:
        """A suspect entry is a batch of its own."""
        return self.entries[0].is_suspect

    def without(self, held: Sequence[ReadEntry]) -> "Batch":
        """The batch less the entries `held`; mostly there are none."""
        if not held:
            return self
        left_out = {entry_of(read) for read in held}
        return Batch(
            [read for read in self.entries if entry_of(read) not in left_out],
            [event for event in self.events if entry_of_event(event) not in left_out],
        )


def join_batches(parts: Sequence[Batch]) -> Batch:
    if len(parts) == 1:
        return parts[0]
    return Batch(
        [read for part in parts for read in part.entries],
        [event for part in parts for event in part.events],
    )


def entry_of(read: ReadEntry) -> bytes:
    """What the places of its events begin with."""
    return make_place(read.id, 0)[:_ENTRY_BYTES]


def entry_of_event(event: PreparedEvent) -> bytes:
    return event.place[:_ENTRY_BYTES]
