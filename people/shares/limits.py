"""What may be asked by a share link. Every question passes here, whoever wrote it.

Pages offer nothing else; this is what holds where they are wrong.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from analytics.web.problems import Forbidden
from reporting.questions.conditions import Condition, has_did, list_fields
from reporting.questions.fields import Field
from reporting.questions.table import TableQuery
from reporting.questions.window import Window

METRICS = frozenset({
    "visitors", "visits", "views", "viewsPerVisit", "bounceRate", "visitDuration", "events",
    "conversions", "conversionRate", "engagedSeconds", "scrollDepth",
})  # fmt: skip
"""None of them is of a property that somebody names, or of users."""

MAX_ROWS = 10_000


class NotShared(Forbidden):
    def __init__(self) -> None:
        super().__init__("This is not shared.", code="forbidden")


@dataclass(frozen=True, slots=True)
class Limits:
    """`fields` are what may be counted by and filtered on; a `window` is the only one, with None
    any may be asked for."""

    fields: frozenset[str]
    window: Window | None

    def check(self, query: TableQuery) -> None:
        """Raises NotShared."""
        conditions = (query.condition, query.goal)
        named = {field.name for field in _list_all(query, conditions)}
        is_shared = (
            named <= self.fields
            and all(metric.name in METRICS and metric.field is None for metric in query.metrics)
            and not any(map(has_did, conditions))
            and (query.bots != "only" or "bot" in self.fields)
            and query.limit <= MAX_ROWS
            and self._is_of_window(query)
        )
        if not is_shared:
            raise NotShared

    def _is_of_window(self, query: TableQuery) -> bool:
        """With a window of its own nothing else is compared with it: that would show it, too."""
        if self.window is None:
            return True
        return query.compare is None and query.span.window == self.window


def _list_all(query: TableQuery, conditions: Iterable[Condition | None]) -> Iterator[Field]:
    for condition in conditions:
        yield from list_fields(condition)
    for dimension in query.dimensions:
        if isinstance(dimension, Field):
            yield dimension
