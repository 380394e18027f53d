"""Questions without visits, and what says the same to bare DuckDB on flat files."""

from dataclasses import dataclass, field
from typing import Any

Body = dict[str, Any]

MONTH = "30 days"
QUARTER = "12 weeks"
YEAR = "12 months"

GERMAN: Body = {"field": "country", "op": "is", "values": ["DE"]}
PRO: Body = {"field": "properties.plan", "op": "is", "values": ["pro"]}

_PLAN = "json_extract_string(properties, '$.plan')"
_AMOUNT = "TRY_CAST(json_extract_string(properties, '$.amount') AS DOUBLE)"
_VIEWS = "count(*) FILTER (event = 'pageview')"
_PEOPLE = "count(DISTINCT visitor)"
_EVENTS = "count(*) FILTER (NOT starts_with(event, '$'))"


@dataclass(frozen=True, slots=True)
class Asked:
    """`selects` are read from `flat`, which is cut to the window: the totals first, then rows.

    `goals` are the p95 in ms to reach, by the width of the window.
    """

    body: Body
    selects: tuple[str, ...]
    goals: dict[str, int] = field(default_factory=dict)
    path: str = "/query"
    widths: tuple[str, ...] = (MONTH, YEAR)


def _by(column: str, measures: str, condition: str = "true") -> str:
    return (
        f"SELECT {column} AS value, {measures}, count(*) OVER () FROM flat WHERE {condition} "
        "GROUP BY value ORDER BY 2 DESC, 1 LIMIT 10"
    )


def _totals(measures: str, condition: str) -> str:
    return f"SELECT {measures} FROM flat WHERE {condition}"


_IN_GERMANY = "visitCountry = 'DE'"
_ON_PRO = f"{_PLAN} = 'pro'"

QUESTIONS: dict[str, Asked] = {
    "total and top list": Asked(
        {"metrics": ["views"], "dimensions": ["path"], "filter": GERMAN, "limit": 10},
        (_totals(_VIEWS, _IN_GERMANY), _by("path", _VIEWS, _IN_GERMANY)),
        {MONTH: 100, YEAR: 750},
    ),
    "totals with uniques": Asked(
        {"metrics": ["views", "visitors", "users"], "filter": GERMAN},
        (_totals(f"{_VIEWS}, {_PEOPLE}, count(DISTINCT userId)", _IN_GERMANY),),
    ),
    "top ten with uniques": Asked(
        {"metrics": ["views", "visitors"], "dimensions": ["path"], "filter": GERMAN, "limit": 10},
        (
            _totals(f"{_VIEWS}, {_PEOPLE}", _IN_GERMANY),
            _by("path", f"{_VIEWS}, {_PEOPLE}", _IN_GERMANY),
        ),
    ),
    "series by day": Asked(
        {"metrics": ["views", "visitors"], "dimensions": ["time:day"], "filter": GERMAN},
        (
            _totals(f"{_VIEWS}, {_PEOPLE}", _IN_GERMANY),
            f"SELECT timestamp // 86400000 AS day, {_VIEWS}, {_PEOPLE} FROM flat "
            f"WHERE {_IN_GERMANY} GROUP BY day ORDER BY day",
        ),
    ),
    "property filter": Asked(
        {"metrics": ["views", "visitors"], "filter": PRO},
        (_totals(f"{_VIEWS}, {_PEOPLE}", _ON_PRO),),
    ),
    "property breakdown": Asked(
        {"metrics": ["events", "sum(properties.amount)"], "dimensions": ["properties.plan"]},
        (
            _totals(f"{_EVENTS}, sum({_AMOUNT})", "true"),
            _by(_PLAN, f"{_EVENTS}, sum({_AMOUNT})"),
        ),
    ),
}

PAGE: tuple[Body, ...] = (
    *(asked.body for asked in QUESTIONS.values()),
    *(
        {"metrics": ["visitors"], "dimensions": [field], "filter": GERMAN, "limit": 10}
        for field in ("referrer", "browser", "os", "event")
    ),
)
"""Ten questions that one page asks together."""
