"""What an answer source gives back: numbers, still without their wire form."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from reporting.questions.fields import Field
from reporting.questions.listing import EventPlace
from reporting.questions.query import BreakdownQuery, SeriesQuery, StatsQuery, Window
from reporting.questions.table import TableQuery


@dataclass(frozen=True, slots=True)
class Reason:
    """Why there is nothing in an answer: a code, and the parameter and field that it is about."""

    code: Literal["no_events", "field_absent", "value_absent", "no_overlap"]
    detail: str
    parameter: str | None = None
    field: str | None = None


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where the numbers come from.

    `error` is the relative error of unique counts (0 for exact ones). Every event stored before
    `fresh_as_of` is counted. `counted` is the window that was, where it is wider than asked.
    `nothing` says why, where there is nothing in the answer.
    """

    source: Literal["raw", "rollup", "mixed", "columns", "clickhouse"]
    method: str
    error: float
    fresh_as_of: datetime
    counted: Window | None = None
    nothing: Sequence[Reason] = ()


@dataclass(frozen=True, slots=True)
class Counts:
    """`views` are pageviews, `events` everything; `users` and `visitors` are distinct."""

    views: int = 0
    events: int = 0
    users: int = 0
    visitors: int = 0

    def ranking(self, field: Field) -> int:
        """The count that values of `field` are ranked by."""
        return self.events if field.counts_events else self.views


@dataclass(frozen=True, slots=True)
class Row:
    """The counts of the events with one value of a field."""

    value: Any
    counts: Counts


@dataclass(frozen=True, slots=True)
class StatsAnswer:
    """`top_paths` as (path, views); `groups` in order, None when not asked for.

    Of groups only views, events and users are shown: their visitors may be left at 0.
    """

    totals: Counts
    top_paths: Sequence[tuple[str, int]]
    groups: Sequence[Row] | None
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class SeriesAnswer:
    """One point per unit of the query, in order, empty ones too."""

    points: Sequence[Counts]
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class BreakdownAnswer:
    """One page of rows; `total` distinct values; `whole` the views (or events) of the window."""

    rows: Sequence[Row]
    total: int
    whole: int
    provenance: Provenance


@dataclass(frozen=True, slots=True)
class RealtimeAnswer:
    """Visitors of the last minutes, and (minute, views) of each minute, oldest first.

    `visits` are those that began in these minutes; None: they cannot be told at the moment, and
    `visits_refusal` is the code of why.
    """

    visitors: int
    views: Sequence[tuple[datetime, int]]
    provenance: Provenance
    visits: int | None = None
    visits_refusal: str | None = None


Number = int | float | None


@dataclass(frozen=True, slots=True)
class TableRow:
    """`dimensions` as they are written: texts, numbers, None, and of a unit its start in UTC.

    `compared` are the metrics of the same row in the other window; None without one.
    """

    dimensions: tuple[Any, ...]
    metrics: tuple[Number, ...]
    compared: tuple[Number, ...] | None = None


@dataclass(frozen=True, slots=True)
class TableAnswer:
    """One page of rows; `total` is how many there are, `totals` are of the whole window.

    `not_finite` counts the numbers that are None because they are not finite; `mixed` are the
    metrics that add up more than one currency. `rows_read` is how many events were looked at.
    """

    rows: Sequence[TableRow]
    totals: TableRow
    total: int
    provenance: Provenance
    rows_read: int = 0
    not_finite: int = 0
    mixed: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class EventsAnswer:
    """The places of the events of a page, in their order."""

    places: Sequence[EventPlace]
    provenance: Provenance
    rows_read: int = 0


@dataclass(frozen=True, slots=True)
class PropertyRow:
    """`events` have it, `types` are the JSON types of its values, by name."""

    name: str
    types: Sequence[str]
    events: int
    last_seen: datetime


@dataclass(frozen=True, slots=True)
class PropertiesAnswer:
    """The most frequent first; `events` are all that were looked at."""

    rows: Sequence[PropertyRow]
    events: int
    provenance: Provenance
    rows_read: int = 0


@dataclass(frozen=True, slots=True)
class FunnelStep:
    """How many came so far; the median is of the time since the step before, in seconds."""

    people: int
    median_seconds: float | None


@dataclass(frozen=True, slots=True)
class FunnelGroup:
    """Those whose first event had `value`."""

    value: Any
    steps: Sequence[FunnelStep]


@dataclass(frozen=True, slots=True)
class FunnelAnswer:
    """`groups` in order, None where no dimension is asked for."""

    steps: Sequence[FunnelStep]
    groups: Sequence[FunnelGroup] | None
    provenance: Provenance
    rows_read: int = 0


@dataclass(frozen=True, slots=True)
class Cohort:
    """How many came first in a unit, and how many of them in each unit from that one on."""

    people: int
    returned: Sequence[int]


@dataclass(frozen=True, slots=True)
class RetentionAnswer:
    """A cohort of each unit, in order, empty ones too."""

    cohorts: Sequence[Cohort]
    provenance: Provenance
    rows_read: int = 0


@dataclass(frozen=True, slots=True)
class JourneysAnswer:
    """Values and visits, the most frequent first; `visits` are all that went any way."""

    journeys: Sequence[tuple[Sequence[str], int]]
    visits: int
    provenance: Provenance
    rows_read: int = 0


class AnswerSource(Protocol):
    """Something that answers questions, each from one point in time.

    Raises BadRequest (`query_timeout`) and Unavailable (`store_unavailable`).
    """

    def answer_stats(self, query: StatsQuery) -> StatsAnswer: ...

    def answer_series(self, query: SeriesQuery) -> SeriesAnswer: ...

    def answer_breakdown(self, query: BreakdownQuery) -> BreakdownAnswer: ...


class TableSource(Protocol):
    """Something that answers questions for tables, from one point in time.

    Raises as AnswerSource.
    """

    def answer_table(self, query: TableQuery) -> TableAnswer: ...
