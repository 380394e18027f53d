"""The heads of days and months: which runs are in force (docs/data-model.md)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from analytics.databases.mongo import Document
from analytics.events.ids import UNIT_BYTES
from analytics.rollups import Descriptor


def day_key(project_id: bytes, day: int) -> bytes:
    """The `_id` of the head of a day, in days since 1970."""
    return project_id + day.to_bytes(UNIT_BYTES, "big")


def month_key(project_id: bytes, month: int) -> bytes:
    """The `_id` of the head of a month, counted from year 0."""
    return project_id + month.to_bytes(UNIT_BYTES, "big")


@dataclass(slots=True)
class DayHead:
    """The runs of each bucket of a day; `version` counts the changes, 0 is a day without head."""

    project_id: bytes
    day: int
    version: int = 0
    buckets: dict[int, list[Descriptor]] = field(default_factory=dict)
    whole: Document | None = None  # {"run": descriptor, "version": of the head it is a copy of}

    @property
    def is_clean(self) -> bool:
        return self.whole is not None and self.whole["version"] == self.version


def parse_head(found: Mapping[str, Any]) -> DayHead:
    buckets = {int(number): runs for number, runs in found["buckets"].items()}
    project = bytes(found["project"])
    return DayHead(project, found["day"], found["version"], buckets, found.get("whole"))
