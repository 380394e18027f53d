"""What every question about people and visits has: a project, a window, and bots or none."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from reporting.questions.bots import Bots
from reporting.questions.conditions import Condition, list_fields
from reporting.questions.window import Window

Person = Literal["visitor", "user"]


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowedQuery(ABC):
    """`window` has both its ends, but for `period: all`: then its start is None until the first
    event is known (`begin_at`). `visit_zone` is the one whose midnights end visits. Of all
    events only those that pass `restriction` are there (as TableQuery).
    """

    project: bytes
    window: Window
    timezone: tzinfo
    bots: Bots = "included"
    now: datetime
    raw_horizon: datetime | None = None
    visit_zone: str = "UTC"
    restriction: Condition | None = None

    @property
    @abstractmethod
    def needs_visits(self) -> bool:
        """Whether it asks for anything of visits, which takes more reading."""


def asks_of_visits(conditions: Iterable[Condition | None]) -> bool:
    """Whether any of them is on a field of the visit."""
    return any(field.of_visit for condition in conditions for field in list_fields(condition))
