"""Read the heads of days and months: which runs are in force (docs/data-model.md)."""

from collections.abc import Iterator, Mapping, Sequence

from analytics.databases.mongo import ROLLUP_DAYS, ROLLUP_MONTHS, Document
from analytics.rollups import Descriptor
from analytics.rollups.calendar import bucket_at
from analytics.rollups.heads import DayState, day_key, heads_of, parse_state
from reporting.snapshot import Snapshot


def read_day_states(snapshot: Snapshot, project: bytes, days: range) -> list[DayState]:
    """The state of each day that has a head, in order."""
    fields = ("day", "version", "whole.version", "whole.parts")
    condition = heads_of(project, days)
    return [parse_state(found) for found in _find_days(snapshot, condition, fields)]


def read_months(snapshot: Snapshot, project: bytes, months: range) -> dict[int, Document]:
    """The head of each month that has a copy: `run`, and `days`, the versions it is made of."""
    fields = ("month", "run", "days")
    heads = snapshot.find(ROLLUP_MONTHS, heads_of(project, months), _only(fields))
    return {found["month"]: found for found in heads if "run" in found}


def find_day_runs(
    snapshot: Snapshot, project: bytes, days: Sequence[int]
) -> Iterator[tuple[int, Descriptor]]:
    """The days, and the run of each one's copy."""
    if days:
        fields = ("day", "whole.run")
        for found in _find_days(snapshot, _listed(project, days), fields):
            if found["whole"]["run"]["n"]:
                yield found["day"], found["whole"]["run"]


def find_bucket_runs(
    snapshot: Snapshot, project: bytes, slots: Mapping[int, Sequence[int]]
) -> Iterator[tuple[int, Descriptor]]:
    """The runs of the wanted `slots` of each day, and the bucket of each run."""
    if not slots:
        return
    all_slots = {slot for wanted in slots.values() for slot in wanted}
    fields = ("day", *(f"buckets.{slot}" for slot in sorted(all_slots)))
    for found in _find_days(snapshot, _listed(project, list(slots)), fields):
        day, wanted = found["day"], slots[found["day"]]
        for slot, descriptors in found.get("buckets", {}).items():
            if int(slot) in wanted:
                for descriptor in descriptors:
                    yield bucket_at(day, int(slot)), descriptor


def _listed(project: bytes, days: Sequence[int]) -> Document:
    """The condition on the heads of some days."""
    return {"_id": {"$in": [day_key(project, day) for day in days]}, "project": project}


def _find_days(snapshot: Snapshot, condition: Document, fields: Sequence[str]) -> list[Document]:
    """The heads of days, ascending."""
    found = snapshot.find(ROLLUP_DAYS, condition, _only(fields))
    return sorted(found, key=lambda head: int(head["day"]))


def _only(fields: Sequence[str]) -> Document:
    return dict.fromkeys(fields, 1) | {"_id": 0}
