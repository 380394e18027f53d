"""A question for retention: who comes back, by when they came first (docs/querying.md)."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from reporting.questions.conditions import Condition
from reporting.questions.windowed import Person, WindowedQuery, asks_of_visits

RetentionInterval = Literal["day", "week", "month"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RetentionQuery(WindowedQuery):
    """`boundaries` are the starts of the units of the window, in UTC, and the end of the last; they
    are empty until the window's start is known."""

    interval: RetentionInterval
    periods: int
    cohort: Condition | None = None
    returned: Condition | None = None
    by: Person = "user"
    boundaries: tuple[datetime, ...] = ()

    @property
    def needs_visits(self) -> bool:
        return asks_of_visits((self.cohort, self.returned))
