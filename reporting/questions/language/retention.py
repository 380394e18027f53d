"""The body of POST /query/retention as a typed question."""

from dataclasses import replace
from typing import get_args

from reporting.questions.language.common import COMMON, Body
from reporting.questions.language.json_body import read_body
from reporting.questions.language.table import Asker
from reporting.questions.params import Mistakes
from reporting.questions.retention import RetentionInterval, RetentionQuery
from reporting.questions.units import MAX_POINTS, TooManyPoints, list_boundaries
from reporting.questions.window import EDGE
from reporting.questions.windowed import Person

MAX_PERIODS = 31
DEFAULT_PERIODS = 8
RETENTION_FIELDS = ("interval", "periods", "cohort", "return", "by", *COMMON)
RETENTION_INTERVALS: tuple[RetentionInterval, ...] = get_args(RetentionInterval)
RETENTION_BY: tuple[Person, ...] = get_args(Person)


def parse_retention_query(body: bytes, asker: Asker) -> RetentionQuery:
    """Raises BadRequest, with the code and the place of each mistake."""
    root = read_body(body)
    read = Body(root.fields(RETENTION_FIELDS), root.mistakes)
    cohort, returned = read.conditions("cohort", "return")
    query = RetentionQuery(
        **read.read_common(asker),
        interval=read.choice("interval", "bad_interval", RETENTION_INTERVALS, "week"),
        periods=read.number("periods", "bad_periods", 1, MAX_PERIODS, DEFAULT_PERIODS),
        cohort=cohort,
        returned=returned,
        by=read.choice("by", "bad_by", RETENTION_BY, "user"),
    )
    read.mistakes.check()
    return add_cohorts(query)


def add_cohorts(query: RetentionQuery) -> RetentionQuery:
    """With the units of its window, if that is known. Raises BadRequest (`too_many_points`)."""
    start, end = query.window.start, query.window.end
    if start is None or end is None:
        return query
    mistakes = Mistakes()
    try:
        boundaries = list_boundaries(start, end, query.interval, query.timezone)
        return replace(query, boundaries=tuple(boundaries))
    except TooManyPoints:
        reason = f"makes more than {MAX_POINTS:,} units of the window"
        mistakes.refuse("interval", "too_many_points", reason)
    except OverflowError:
        mistakes.refuse("end", "bad_window", EDGE)
    mistakes.check()
    return query
