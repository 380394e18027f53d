"""A question for a funnel: how many come how far, step by step (docs/querying.md)."""

from dataclasses import dataclass
from typing import Literal

from reporting.questions.conditions import Condition
from reporting.questions.fields import Field
from reporting.questions.windowed import Person, WindowedQuery, asks_of_visits

FunnelBy = Person | Literal["visit"]
FunnelOrder = Literal["any_between", "strict"]


@dataclass(frozen=True, slots=True, kw_only=True)
class FunnelQuery(WindowedQuery):
    """`condition` picks the events there are; `within_seconds` is not looked at by visit."""

    steps: tuple[Condition, ...]
    within_seconds: int = 86_400
    by: FunnelBy = "visitor"
    order: FunnelOrder = "any_between"
    condition: Condition | None = None
    dimension: Field | None = None
    limit: int = 100

    @property
    def needs_visits(self) -> bool:
        of_visit = self.dimension is not None and self.dimension.of_visit
        return self.by == "visit" or of_visit or asks_of_visits((self.condition, *self.steps))
