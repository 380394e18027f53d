"""The heads of days and months: which runs are in force (docs/data-model.md).

Writer and readers find heads by these keys, and ask here whether a copy is current.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from analytics.databases.mongo import Document
from analytics.events.ids import UNIT_BYTES, ids_of
from analytics.rollups import Descriptor


def day_key(project_id: bytes, day: int) -> bytes:
    """The `_id` of the head of a day, in days since 1970."""
    return project_id + _number_bytes(day)


def month_key(project_id: bytes, month: int) -> bytes:
    """The `_id` of the head of a month, counted from year 0."""
    return project_id + _number_bytes(month)


def heads_of(project_id: bytes, numbers: range) -> Document:
    """The condition on the heads of a not empty range of days, or of months."""
    first, last = _number_bytes(numbers[0]), _number_bytes(numbers[-1])
    return {**ids_of(project_id, UNIT_BYTES, first=first, last=last), "project": project_id}


def _number_bytes(number: int) -> bytes:
    return number.to_bytes(UNIT_BYTES, "big")


@dataclass(frozen=True, slots=True)
class DayState:
    """The version of a day, and of which version its copy is (None: it has no copy)."""

    day: int
    version: int
    copied_version: int | None = None
    has_day_parts: bool = False

    @property
    def is_copied(self) -> bool:
        """Whether the copy is current: it counts all that the day's buckets do."""
        return self.copied_version == self.version


def parse_state(found: Mapping[str, Any]) -> DayState:
    """Of the head of a day, its `day`, `version` and, of `whole`, `version` and `parts`."""
    copy = found.get("whole") or {}
    return DayState(found["day"], found["version"], copy.get("version"), bool(copy.get("parts")))


def note_versions(states: Iterable[DayState]) -> dict[str, int]:
    """What the copy of a month notes as `days`: of which versions of its days it is made."""
    return {str(state.day): state.version for state in states}


def is_month_copied(noted: Mapping[str, int] | None, states: Iterable[DayState]) -> bool:
    """Whether the copy of a month is current, by what it `noted` (None: it has no copy)."""
    return noted == note_versions(states)


@dataclass(slots=True)
class DayHead:
    """The runs of each slot of a day; `version` counts the changes, 0 is a day without head."""

    project_id: bytes
    day: int
    version: int = 0
    buckets: dict[int, list[Descriptor]] = field(default_factory=dict)
    whole: Document | None = None  # {"run": descriptor, "version": of the head it is a copy of}

    @property
    def state(self) -> DayState:
        return parse_state({"day": self.day, "version": self.version, "whole": self.whole})


def parse_head(found: Mapping[str, Any]) -> DayHead:
    buckets = {int(slot): runs for slot, runs in found["buckets"].items()}
    project = bytes(found["project"])
    return DayHead(project, found["day"], found["version"], buckets, found.get("whole"))
