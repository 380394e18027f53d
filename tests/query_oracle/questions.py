"""Random questions, as bodies of POST /query and its kin that are not refused."""

from datetime import datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.query_oracle.brute.measures import VISIT_METRICS
from tests.query_oracle.samples import (
    CHANGES,
    EVENTS,
    FIELDS,
    NUMBERS,
    PATHS,
    PROPERTIES,
    TEXTS,
    USERS,
)

Body = dict[str, Any]
Asked = tuple[str, Body]
"""A path, and what is posted to it."""

TABLE, FUNNEL = "/query", "/query/funnel"
RETENTION, JOURNEYS = "/query/retention", "/query/journeys"

PATTERNS = ["^/a", "a|b", "[0-9]+", "a.c", "^/[a-z]$", "(?i)A", "\\\\", "^$", "ü"]
PLAIN_METRICS = ["views", "events", "visitors", "users", "engagedSeconds", "scrollDepth"]
PLAIN_METRICS += VISIT_METRICS
CALLS = ["count", "sum", "avg", "min", "max", "p50", "p75", "p90", "p95", "p99", "unique"]
UNITS = ["minute", "hour", "day", "week", "month"]
PERIODS = [
    "today",
    "24h",
    "12mo",
    "yesterday",
    "7d",
    "28d",
    "30d",
    "90d",
    "91d",
    "month",
    "lastMonth",
    "year",
]

any_value = st.one_of(
    st.sampled_from([*TEXTS, *PATHS, *USERS, "GPTBot", "signup", "b", "1e21", "05"]),
    st.sampled_from([number for number in NUMBERS if number is not None]),
    st.booleans(), st.none(),
)  # fmt: skip


@st.composite
def comparisons(draw: st.DrawFn) -> Body:
    field = draw(st.sampled_from([*FIELDS, *PROPERTIES, "path", "event", "properties.v"]))
    operators = ["is", "is", "contains", "startsWith", "endsWith", "matches", "exists"]
    if field.startswith("properties"):
        operators += ["gt", "gte", "lt", "lte"]
    operator = draw(st.sampled_from(operators))
    given: Body = {"field": field, "op": operator}
    if operator == "exists":
        return given
    if operator in ("gt", "gte", "lt", "lte"):
        return given | {"values": [draw(st.sampled_from([*NUMBERS, "5", "1e2"]))]}
    source = st.sampled_from(PATTERNS) if operator == "matches" else any_value
    given["values"] = draw(st.lists(source, min_size=1, max_size=3))
    if draw(st.integers(0, 3)) == 0:
        given["caseSensitive"] = draw(st.booleans())
    return given


def combined(part: st.SearchStrategy[Body]) -> st.SearchStrategy[Body]:
    parts = st.lists(part, min_size=1, max_size=3)
    return st.one_of(
        st.builds(lambda found: {"and": found}, parts),
        st.builds(lambda found: {"or": found}, parts),
        st.builds(lambda found: {"not": found}, part),
    )


plain_filters = st.recursive(comparisons(), combined, max_leaves=4)
filters = st.recursive(
    st.one_of(comparisons(), st.builds(lambda part: {"did": part}, plain_filters)),
    combined,
    max_leaves=4,
)


def find_one(field: str, values: list[str]) -> st.SearchStrategy[Body]:
    found = st.lists(st.sampled_from(values), min_size=1, max_size=2, unique=True)
    return st.builds(lambda drawn: {"field": field, "op": "is", "values": drawn}, found)


likely = st.one_of(
    find_one("path", PATHS[:3]), find_one("event", EVENTS[2:]), find_one("event", EVENTS[2:]),
    find_one("entryPath", PATHS[:3]), find_one("exitPath", PATHS[:3]),
    find_one("userId", USERS[:2]), find_one("source", ["a", "b"]),
    st.sampled_from(["event", "event", "source", "country", "userId", "entryPath"]).map(
        lambda field: {"field": field, "op": "exists"}
    ),
)  # fmt: skip
"""What some events of most stories pass."""

likely_filters = st.recursive(
    likely | st.builds(lambda part: {"did": part}, likely), combined, max_leaves=3
)


@st.composite
def windows(draw: st.DrawFn, middle: datetime) -> Body:
    """Around the change of the clocks, by dates or to the minute, or a period up to today."""
    kind = draw(st.sampled_from(["dates", "dates", "moments", "moments", "period"]))
    if kind == "period":
        return {"period": draw(st.sampled_from(PERIODS))}
    before, after = draw(st.integers(0, 4) | st.just(15)), draw(st.integers(1, 4))
    start, end = middle - timedelta(days=before), middle + timedelta(days=after)
    if kind == "dates":
        return {"start": start.date().isoformat(), "end": end.date().isoformat()}
    start += timedelta(minutes=draw(st.sampled_from([-30, 0, 17])))
    return {"start": start.isoformat(), "end": end.isoformat()}


@st.composite
def contexts(draw: st.DrawFn, middle: datetime) -> Body:
    """What every question may say: when, where, and of whom."""
    body = draw(windows(middle))
    if draw(st.integers(0, 2)) == 0:
        body["timezone"] = draw(st.sampled_from([*CHANGES, "UTC"]))
    if draw(st.integers(0, 2)) == 0:
        body["bots"] = draw(st.sampled_from([True, False, "only"]))
    return body


@st.composite
def of_all_time(draw: st.DrawFn, body: Body) -> Body:
    """Some of those for a period, which must not be cut into units."""
    is_asked = "period" in body and draw(st.booleans())
    return body | {"period": "all"} if is_asked else body


@st.composite
def questions(draw: st.DrawFn, middle: datetime) -> Body:
    body = draw(contexts(middle))
    metric = st.one_of(
        st.sampled_from(PLAIN_METRICS),
        st.builds(
            lambda call, field: f"{call}({field})",
            st.sampled_from(CALLS),
            st.sampled_from(["properties.n", *PROPERTIES]),
        ),
    )
    metrics = draw(st.lists(metric, min_size=1, max_size=4, unique=True))
    if draw(st.integers(0, 2)) == 0:
        body["goal"] = draw(plain_filters)
        metrics += draw(st.sampled_from([["conversions"], ["conversions", "conversionRate"]]))
    body["metrics"] = metrics
    field = st.sampled_from([*FIELDS, *PROPERTIES, "path", "event", "country", "properties.v"])
    dimensions = draw(st.lists(field, max_size=2, unique=True))
    if draw(st.integers(0, 2)) == 0:
        dimensions = [draw(units(body)), *dimensions[:1]]
    if dimensions:
        body["dimensions"] = dimensions
    if draw(st.booleans()):
        body["filter"] = draw(filters | likely_filters)
    if draw(st.integers(0, 3)) == 0:
        body["compare"] = draw(st.sampled_from(["previous", "year"]))
    elif not any(name.startswith("time:") for name in dimensions):
        body = draw(of_all_time(body))
    if len(dimensions) == 1 and dimensions[0].startswith("time:"):
        return body
    if draw(st.booleans()):
        names = st.sampled_from([*metrics, *dimensions])
        by = draw(st.lists(names, min_size=1, max_size=2, unique=True))
        body["order"] = [[name, draw(st.sampled_from(["asc", "desc"]))] for name in by]
    if draw(st.booleans()):
        body |= {"limit": draw(st.integers(1, 4)), "offset": draw(st.integers(0, 3))}
    return body


def units(body: Body) -> st.SearchStrategy[str]:
    """Those that make few points of the window."""
    known = UNITS[1:] if "start" in body else UNITS[2:]
    return st.sampled_from([f"time:{unit}" for unit in known])


@st.composite
def funnels(draw: st.DrawFn, middle: datetime) -> Body:
    body = draw(of_all_time(draw(contexts(middle))))
    step = likely | likely | likely_filters
    most = draw(st.sampled_from([3, 3, 4, 8]))
    body["steps"] = draw(st.lists(step, min_size=2, max_size=most))
    body["by"] = draw(st.sampled_from(["visitor", "user", "visit"]))
    body["order"] = draw(st.sampled_from(["any_between", "strict"]))
    if draw(st.booleans()):
        body["within"] = draw(st.sampled_from([1, 900, 1_799, 1_800, 2_700, 7_776_000]))
    if draw(st.booleans()):
        body["filter"] = draw(likely_filters)
    if draw(st.booleans()):
        body["dimension"] = draw(st.sampled_from(["path", "source", "entryPath", "event", *FIELDS]))
        if draw(st.integers(0, 3)) == 0:
            body["limit"] = draw(st.integers(1, 3))
    return body


@st.composite
def retentions(draw: st.DrawFn, middle: datetime) -> Body:
    body = draw(contexts(middle))
    body |= {
        "interval": draw(st.sampled_from(["day", "day", "week", "month"])),
        "periods": draw(st.integers(2, 5) | st.just(31)),
    }
    if draw(st.booleans()):
        body["by"] = draw(st.sampled_from(["visitor", "user"]))
    for name in draw(st.lists(st.sampled_from(["cohort", "return"]), unique=True)):
        body[name] = draw(likely_filters)
    return body


@st.composite
def journeys(draw: st.DrawFn, middle: datetime) -> Body:
    body = draw(of_all_time(draw(contexts(middle))))
    body |= {
        "steps": draw(st.integers(2, 4) | st.just(8)),
        "field": draw(st.sampled_from(["path", "event"])),
    }
    for name in draw(st.lists(st.sampled_from(["from", "filter"]), unique=True)):
        body[name] = draw(likely_filters)
    if draw(st.integers(0, 2)) == 0:
        body["limit"] = draw(st.integers(1, 3))
    return body


def asked(middle: datetime) -> st.SearchStrategy[Asked]:
    return st.one_of(
        st.tuples(st.just(TABLE), questions(middle)),
        st.tuples(st.just(FUNNEL), funnels(middle)),
        st.tuples(st.just(RETENTION), retentions(middle)),
        st.tuples(st.just(JOURNEYS), journeys(middle)),
    )
