"""Questions of `period: all`, once the first event is known."""

from dataclasses import replace
from datetime import datetime
from typing import TypeVar

from reporting.questions.funnel import FunnelQuery
from reporting.questions.journeys import JourneysQuery
from reporting.questions.language.retention import add_cohorts
from reporting.questions.language.spans import begin_window
from reporting.questions.retention import RetentionQuery

Q = TypeVar("Q", FunnelQuery, RetentionQuery, JourneysQuery)


def begin_windowed(query: Q, first_event: datetime | None) -> Q:
    """`period: all` from the day of the first event on; without any, from today on.

    Every other question as it is. Raises BadRequest (`too_many_points`).
    """
    if query.window.start is not None:
        return query
    window = begin_window(query.window, first_event, query.now, query.timezone)
    begun = replace(query, window=window)
    return add_cohorts(begun) if isinstance(begun, RetentionQuery) else begun
