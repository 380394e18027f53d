"""Which events of a batch are new, which are there already, and what that adds to the books."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from operator import attrgetter

from ingestion.store.prepare import PreparedEvent

LedgerKey = tuple[bytes, int]  # project, UTC day of acceptance

_PROJECT_ID, _LEDGER_KEY = attrgetter("project_id"), attrgetter("project_id", "day")
_KEY, _FAILURE = attrgetter("key"), attrgetter("failure")


@dataclass(slots=True)
class BatchPlan:
    """What a transaction is about to insert, and what that adds to the ledger."""

    new: list[PreparedEvent] = field(default_factory=list)
    duplicates: list[PreparedEvent] = field(default_factory=list)
    dead: list[PreparedEvent] = field(default_factory=list)

    def ledger(self) -> dict[LedgerKey, Counter[str]]:
        """`{stored, duplicate, dead}` per project and day of acceptance, and what is `imported`."""
        lines: dict[LedgerKey, Counter[str]] = {}
        columns = {"stored": self.new, "duplicate": self.duplicates, "dead": self.dead}
        for column, events in columns.items():
            for key, count in Counter(map(_LEDGER_KEY, events)).items():
                lines.setdefault(key, Counter())[column] = count
        imported = Counter(
            (event.project_id, event.day)
            for events in columns.values()
            for event in events
            if event.part.imported
        )
        for key, count in imported.items():
            lines[key]["imported"] = count
        return lines


def by_project(events: Iterable[PreparedEvent]) -> dict[bytes, list[PreparedEvent]]:
    """The events of each project; those of an entry are neighbours."""
    found: dict[bytes, list[PreparedEvent]] = {}
    for project_id, neighbours in groupby(events, _PROJECT_ID):
        found.setdefault(project_id, []).extend(neighbours)
    return found


def sort_batch(
    batch: Sequence[PreparedEvent], stored: dict[bytes, bytes], recorded: dict[bytes, bytes | None]
) -> BatchPlan:
    """Tell new events, duplicates and dead letters; the first of an id in the batch wins.

    A Redis that lost its tail may give a place again. So a record says what became of the event
    that it is of, and of no other that is accepted at its place.
    """
    if not stored and not recorded and are_new(batch):
        return BatchPlan(list(batch))
    plan = BatchPlan()
    places = dict(stored)
    for event in batch:
        has_record = event.record_id in recorded
        if has_record and recorded[event.record_id] in (event.key, None):
            continue
        if event.failure:
            # Stored by a release that could: then it is not dead, too.
            if not has_record and stored.get(event.key) != event.place:
                plan.dead.append(event)
            continue
        place = places.setdefault(event.key, event.place)
        if event.key not in stored and place == event.place:
            plan.new.append(event)
        elif place != event.place and not has_record:
            plan.duplicates.append(event)
    return plan


def are_new(batch: Sequence[PreparedEvent]) -> bool:
    """Whether nothing in a batch speaks against storing all of it, as is the rule."""
    return not any(map(_FAILURE, batch)) and len(set(map(_KEY, batch))) == len(batch)
