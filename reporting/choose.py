"""Which answer source a question goes to.

Rollups wherever they have the answer, else columns. Raw events are counted where that was asked
for in so many words.
"""

from datetime import datetime

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
    _check_horizon(query)
    return _RAW if query.exact and query.condition is None else COLUMNS


def needs_events(query: Query) -> bool:
    """Rollups know neither filters nor users nor properties, and nothing within a bucket.

    Of who is without a value they know no people: a set cannot be taken from a set.
    """
    if query.condition or query.exact:
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
    horizon = query.raw_horizon
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


def choose_properties_source(query: PropertiesQuery) -> ColumnsAnswerSource:
    """Raises BadRequest (`raw_expired`), as nothing else knows properties."""
    horizon = query.raw_horizon
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


def _check_horizon(query: Query) -> None:
    horizon, start = query.raw_horizon, query.window.start
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
