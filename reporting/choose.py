"""Which answer source a question goes to.

Rollups wherever they have the answer, else raw events while there are any.
"""

from analytics.rollups.calendar import is_aligned
from analytics.web.problems import BadRequest
from reporting.answers import AnswerSource
from reporting.questions.fields import Field
from reporting.questions.query import BreakdownQuery, Query, SeriesQuery, StatsQuery
from reporting.questions.timestamps import format_timestamp
from reporting.raw.answer_source import RawAnswerSource
from reporting.rollups.answer_source import RollupAnswerSource

_RAW = RawAnswerSource()
_ROLLUPS = RollupAnswerSource()


def choose_answer_source(query: Query) -> AnswerSource:
    """Raises BadRequest (`raw_expired`) where only raw events have the answer and some are gone."""
    if not needs_raw(query):
        return _ROLLUPS
    _check_horizon(query)
    return _RAW


def needs_raw(query: Query) -> bool:
    """Rollups know neither filters nor users nor properties, and nothing within a bucket.

    Of who is without a value they know no people: a set cannot be taken from a set.
    """
    if query.condition or query.exact:
        return True
    match query:
        case StatsQuery():
            return query.group_by is not None and _is_raw(query.group_by, query.none)
        case BreakdownQuery():
            return _is_raw(query.by, query.none)
        case SeriesQuery():
            return not all(map(is_aligned, query.boundaries[1:-1]))
    return True


def _is_raw(field: Field, none: bool) -> bool:
    return not field.is_dimension or (none and field.may_be_absent)


def _check_horizon(query: Query) -> None:
    horizon, start = query.raw_horizon, query.window.start
    if horizon is None or (start is not None and start >= horizon):
        return
    raise BadRequest(
        "This question needs raw events (it has filters, exact=true, none=true, or counts by "
        "something that rollups do not), and this project keeps them since "
        f"{format_timestamp(horizon)} only. Give a start after that.",
        code="raw_expired",
    )
