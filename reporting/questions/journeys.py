"""A question for journeys: which ways visits go (docs/querying.md)."""

from dataclasses import dataclass
from typing import Literal

from reporting.questions.conditions import Condition
from reporting.questions.windowed import WindowedQuery

JourneyField = Literal["path", "event"]


@dataclass(frozen=True, slots=True, kw_only=True)
class JourneysQuery(WindowedQuery):
    """`origin` is what a journey begins with; None: with the first event of the visit."""

    steps: int
    field: JourneyField = "path"
    origin: Condition | None = None
    condition: Condition | None = None
    limit: int = 100

    @property
    def needs_visits(self) -> bool:
        return True
