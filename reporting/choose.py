"""Which answer source a question goes to.

Rollups wherever they have the answer, else columns. Raw events are counted where that was asked
for in so many words.
"""

from datetime import datetime

from analytics.events.moments import cut_to_ms
from analytics.projects.policy import find_policy
from analytics.rollups.calendar import is_aligned
from analytics.web.problems import BadRequest
from reporting.answers import AnswerSource, TableSource
from reporting.columns.answer_source import ColumnsAnswerSource
from reporting.questions.fields import Field
from reporting.questions.listing import PropertiesQuery
from reporting.questions.query import BreakdownQuery, Query, SeriesQuery, StatsQuery
from reporting.questions.table import TableQuery
from reporting.questions.timestamps import format_timestamp
from reporting.questions.window import Window
from reporting.questions.windowed import WindowedQuery
from reporting.raw.answer_source import RawAnswerSource
from reporting.rollups.answer_source import RollupAnswerSource
from reporting.rollups.table_source import RollupTableSource, is_rolled_up

COLUMNS = ColumnsAnswerSource()
_RAW = RawAnswerSource()
_ROLLUPS = RollupAnswerSource()
_ROLLUP_TABLES = RollupTableSource()


def choose_answer_source(query: Query) -> AnswerSource:
    """Raises BadRequest (`raw_expired`) where only events have the answer and some are gone."""
    if not needs_events(query):
        return _ROLLUPS
    is_bare = query.condition is None and query.restriction is None
    source = _RAW if query.exact and is_bare else COLUMNS
    _check_horizon(query, _find_horizon(query) if source is COLUMNS else query.raw_horizon)
    return source


def needs_events(query: Query) -> bool:
    """Rollups know neither filters nor users nor properties, and nothing within a bucket.

    Of who is without a value they know no people: a set cannot be taken from a set.
    """
    if query.condition or query.exact or query.restriction:
        return True
    match query:
        case StatsQuery():
            return query.group_by is not None and _is_of_events(query.group_by, query.none)
        case BreakdownQuery():
            return _is_of_events(query.by, query.none)
        case SeriesQuery():
            return not all(map(is_aligned, query.boundaries[1:-1]))
    return True


def _is_of_events(field: Field, none: bool) -> bool:
    return not field.is_dimension or (none and field.may_be_absent)


def choose_table_source(query: TableQuery) -> TableSource:
    """Raises BadRequest (`raw_expired`) where only columns have the answer, and not for so long."""
    horizon = _find_horizon(query)
    spans = {"start": query.span, "compare": query.compare}
    old = [place for place, span in spans.items() if span and _is_before(span.window, horizon)]
    if horizon is None or not old:
        return COLUMNS
    if is_rolled_up(query):
        return _ROLLUP_TABLES
    raise _expired(
        old[0],
        f"This project keeps its events since {format_timestamp(horizon)} only. Of the time "
        "before, views, users and visitors are known, in all, by a unit of time of an hour or "
        "more, by path or by event, without a filter. Give a start after that.",
    )


def choose_columns(query: PropertiesQuery | WindowedQuery) -> ColumnsAnswerSource:
    """Raises BadRequest (`raw_expired`), as nothing else has the answer."""
    horizon = _find_horizon(query)
    if horizon and _is_before(query.window, horizon):
        raise _expired(
            "start",
            f"This project keeps its events since {format_timestamp(horizon)} only. Give a start "
            "after that.",
        )
    return COLUMNS


def _is_before(window: Window, horizon: datetime | None) -> bool:
    """Whether it begins before; `all` begins with the events there are."""
    return horizon is not None and window.start is not None and window.start < horizon


def _find_horizon(query: Query | TableQuery | PropertiesQuery | WindowedQuery) -> datetime | None:
    """From when on the columns hold all events, which may be kept for longer than raw ones."""
    if query.raw_horizon is None:
        return None
    policy = find_policy(query.project)
    if policy.columns_retention_days is None or policy.columns_horizon is None:
        return query.raw_horizon
    return min(query.raw_horizon, cut_to_ms(policy.columns_horizon))


def _check_horizon(query: Query, horizon: datetime | None) -> None:
    start = query.window.start
    if horizon is None or (start is not None and start >= horizon):
        return
    raise _expired(
        "start",
        "This question needs raw events (it has filters, exact=true, none=true, or counts by "
        "something that rollups do not), and this project keeps them since "
        f"{format_timestamp(horizon)} only. Give a start after that.",
    )


def _expired(place: str, detail: str) -> BadRequest:
    error = {"field": place, "code": "raw_expired", "detail": detail}
    return BadRequest(detail, code="raw_expired", errors=[error])
