"""A question for a table: metrics by dimensions (docs/querying.md)."""

from dataclasses import dataclass
from datetime import datetime, tzinfo
from typing import Literal

from reporting.questions.bots import Bots
from reporting.questions.conditions import Condition, list_fields
from reporting.questions.fields import Field
from reporting.questions.units import UnitName as UnitName
from reporting.questions.window import Window

OF_VISITS = ("visits", "bounceRate", "visitDuration", "viewsPerVisit")
"""The metrics of visits."""


@dataclass(frozen=True, slots=True)
class Metric:
    """`name` without its field: `views`, `sum`, `p95`; `text` as it was asked for."""

    text: str
    name: str
    field: Field | None = None


@dataclass(frozen=True, slots=True)
class Unit:
    """The dimension `time:<name>`."""

    name: UnitName


Dimension = Field | Unit


@dataclass(frozen=True, slots=True)
class Order:
    """By one of the metrics or the dimensions, by its index among them."""

    of: Literal["metric", "dimension"]
    index: int
    descending: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A window of a question, and the units of time in it.

    `boundaries` are the starts of the units, in UTC, and the end of the last; empty where no
    dimension is a unit. They may begin before the window and end after it.
    """

    window: Window
    boundaries: tuple[datetime, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TableQuery:
    """`span.window` has both its ends, but for `period: all`: then its start is None until the
    first event is known (`begin_at`). `visit_zone` is the one whose midnights end visits. Of all
    events only those that pass `restriction` are there, before visits and `did` are worked out: a
    condition on single events.
    """

    project: bytes
    metrics: tuple[Metric, ...]
    dimensions: tuple[Dimension, ...] = ()
    span: Span
    timezone: tzinfo
    condition: Condition | None = None
    goal: Condition | None = None
    bots: Bots = "included"
    compare: Span | None = None
    order: tuple[Order, ...] = ()
    limit: int = 100
    offset: int = 0
    now: datetime
    raw_horizon: datetime | None = None
    visit_zone: str = "UTC"
    restriction: Condition | None = None

    @property
    def needs_visits(self) -> bool:
        """Whether it asks for anything of visits, which takes more reading."""
        conditions = (self.condition, self.goal)
        fields = [field for each in conditions for field in list_fields(each)]
        fields += [each for each in self.dimensions if isinstance(each, Field)]
        return any(metric.name in OF_VISITS for metric in self.metrics) or any(
            field.of_visit for field in fields
        )

    @property
    def is_series(self) -> bool:
        """Whether a unit of time is the only dimension: then every unit has a row."""
        return len(self.dimensions) == 1 and isinstance(self.dimensions[0], Unit)
