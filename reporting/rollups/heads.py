"""Read the heads of days and months: which runs are in force (docs/data-model.md)."""

from collections.abc import Iterator, Mapping, Sequence

from analytics.databases.mongo import ROLLUP_DAYS, ROLLUP_MONTHS, Document
from analytics.events.ids import UNIT_BYTES, ids_of
from analytics.rollups import Descriptor
from reporting.rollups.cover import BUCKETS_PER_DAY, Head
from reporting.snapshot import Snapshot


def read_day_heads(snapshot: Snapshot, project: bytes, days: range) -> list[Head]:
    """The state of each day that has a head, in order."""
    fields = ("day", "version", "whole.version", "whole.parts")
    heads = []
    for found in _find_heads(snapshot, ROLLUP_DAYS, project, days, fields):
        copy = found.get("whole") or {}
        has_parts = bool(copy.get("parts"))
        heads.append(Head(found["day"], found["version"], copy.get("version"), has_parts))
    return heads


def read_months(snapshot: Snapshot, project: bytes, months: range) -> dict[int, Document]:
    """The head of each month that has a copy: `run`, and `days`, the versions it is made of."""
    fields = ("month", "run", "days")
    heads = _find_heads(snapshot, ROLLUP_MONTHS, project, months, fields)
    return {found["month"]: found for found in heads if "run" in found}


def find_day_runs(
    snapshot: Snapshot, project: bytes, days: Sequence[int]
) -> Iterator[tuple[int, Descriptor]]:
    """The days, and the run of each one's copy."""
    if days:
        for found in _find_heads(snapshot, ROLLUP_DAYS, project, days, ("day", "whole.run")):
            if found["whole"]["run"]["n"]:
                yield found["day"], found["whole"]["run"]


def find_bucket_runs(
    snapshot: Snapshot, project: bytes, buckets: Mapping[int, Sequence[int]]
) -> Iterator[tuple[int, Descriptor]]:
    """The runs of the wanted buckets of each day, and the bucket, numbered from 1970."""
    if not buckets:
        return
    numbers = {number for wanted in buckets.values() for number in wanted}
    fields = ("day", *(f"buckets.{number}" for number in sorted(numbers)))
    for found in _find_heads(snapshot, ROLLUP_DAYS, project, list(buckets), fields):
        wanted = buckets[found["day"]]
        for number, descriptors in found.get("buckets", {}).items():
            if int(number) in wanted:
                for descriptor in descriptors:
                    yield found["day"] * BUCKETS_PER_DAY + int(number), descriptor


def _find_heads(
    snapshot: Snapshot,
    name: str,
    project: bytes,
    numbers: range | Sequence[int],
    fields: Sequence[str],
) -> list[Document]:
    """The heads of days or months: of all in a range, or of those in a list; ascending."""

    def rest(number: int) -> bytes:
        return number.to_bytes(UNIT_BYTES, "big")

    if isinstance(numbers, range):
        condition: Document = ids_of(
            project, UNIT_BYTES, first=rest(numbers[0]), last=rest(numbers[-1])
        )
    else:
        condition = {"_id": {"$in": [project + rest(number) for number in numbers]}}
    projection = dict.fromkeys(fields, 1) | {"_id": 0}
    found = list(snapshot.find(name, {**condition, "project": project}, projection))
    return sorted(found, key=lambda head: int(head.get("day", 0)))
