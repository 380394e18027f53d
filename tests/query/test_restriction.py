"""A restricted question is answered as by a project that has no other events."""

import json
from collections.abc import Callable
from dataclasses import asdict, is_dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.http import QueryDict

from analytics.web.problems import BadRequest
from columns.export import export_project
from columns.merge import merge_project
from reporting.ask import answer, answer_all
from reporting.questions.conditions import Compare, Condition, Did
from reporting.questions.fields import Field
from reporting.questions.language.funnel import parse_funnel_query
from reporting.questions.language.journeys import parse_journeys_query
from reporting.questions.language.lists import parse_events_query, parse_properties_query
from reporting.questions.language.retention import parse_retention_query
from reporting.questions.language.table import Asker, parse_table_query
from reporting.questions.query import (
    RealtimeQuery,
    parse_breakdown_query,
    parse_series_query,
    parse_stats_query,
)
from tests.conftest import TestProject
from tests.stored import ENRICHED, store_events
from upkeep.rollups.compaction import compact_summaries

NOON = datetime.now(UTC).replace(hour=12, minute=0, second=0, microsecond=0) - timedelta(days=2)
NOW = NOON + timedelta(minutes=80)
FROM_GERMANY = Compare(Field("country"), "is", ("DE",))


def at(minutes: float, visitor: int, country: str, path: str, **fields: Any) -> dict[str, Any]:
    found = {"country": country, "source": fields.pop("source", None)}  # rollups know no such
    moment = NOON + timedelta(minutes=minutes)
    number = f"{visitor}-{minutes}-{country}"
    fields |= {"eventId": number, "timestamp": moment, "userId": f"user {visitor}"}
    return {"path": path, ENRICHED: found, **fields}


EVENTS = [
    # Without what came from France it is two visits, the second begins elsewhere and bounces.
    at(0, 1, "DE", "/", source="news", properties={"plan": "pro"}),
    at(20, 1, "FR", "/pricing", source="search"),
    at(40, 1, "DE", "/docs", source="mail"),
    at(41, 1, "FR", "/docs", event="signup", properties={"plan": "free"}),
    # Of a visit without its pageview nothing is left but an event.
    at(5, 2, "FR", "/"),
    at(6, 2, "DE", "/", event="signup"),
    at(50, 3, "DE", "/"),
    at(70, 3, "DE", "/pricing"),
    at(75, 4, "FR", "/secret", properties={"hidden": 1}),
    *(at(-1_440 * day, 3, ("DE", "FR")[day % 2], f"/{day}") for day in range(1, 5)),
]

TABLES: list[dict[str, Any]] = [
    {"metrics": ["views", "events", "visitors", "users", "visits", "bounceRate",
                 "visitDuration", "viewsPerVisit", "sum(properties.plan)"], "compare": "previous"},
    {"metrics": ["views", "visitors"], "dimensions": ["path"]},
    {"metrics": ["visits", "views"], "dimensions": ["entryPath", "exitPath"]},
    {"metrics": ["visits", "events"], "dimensions": ["source"]},
    {"metrics": ["visits", "views"], "dimensions": ["time:hour"], "timezone": "Asia/Kolkata"},
    {"metrics": ["views", "visits"], "period": "all", "dimensions": ["country"]},
    {"metrics": ["views"], "period": "all", "dimensions": ["time:day"]},
    {"metrics": ["visitors", "conversions", "conversionRate"],
     "goal": {"field": "event", "op": "is", "values": ["signup"]}},
    {"metrics": ["visitors", "visits"],
     "filter": {"did": {"field": "path", "op": "is", "values": ["/pricing"]}}},
    {"metrics": ["visits"], "filter": {"field": "entryPath", "op": "is", "values": ["/docs"]}},
    {"metrics": ["count(properties.plan)", "unique(properties.plan)"]},
]  # fmt: skip

Ask = Callable[[Asker], Any]


def as_table(body: dict[str, Any]) -> Ask:
    def ask(asker: Asker) -> Any:
        [found] = answer_all([parse_table_query(write({"period": "7d"} | body), asker)])
        return found

    return ask


def write(body: dict[str, Any]) -> bytes:
    if "period" in body and body["period"] == "7d":
        body = {name: value for name, value in body.items() if name != "period"}
        begin = (NOON - timedelta(days=6)).date()
        body |= {"start": begin.isoformat(), "end": (begin + timedelta(days=7)).isoformat()}
    return json.dumps(body).encode()


def through(parse: Callable[[bytes, Asker], Any], **body: Any) -> Ask:
    return lambda asker: answer(parse(write({"period": "7d"} | body), asker))


def of_stats(parse: Callable[..., Any], **given: str) -> Ask:
    def ask(asker: Asker) -> Any:
        query = QueryDict(mutable=True)
        query.update(given)
        return answer(replace(parse(asker.project, query), restriction=asker.restriction))

    return ask


def of_now(asker: Asker) -> Any:
    return answer(RealtimeQuery(project=asker.project, now=NOW, restriction=asker.restriction))


def of_lists(parse: Callable[..., Any]) -> Ask:
    def ask(asker: Asker) -> Any:
        given = QueryDict(mutable=True)
        given["period"] = "all"
        found = answer(parse(given, asker))
        return [each.timestamp_ms for each in found.places] if hasattr(found, "places") else found

    return ask


IS = {"field": "path", "op": "is"}
WINDOW = {
    "start": (NOON - timedelta(days=7)).isoformat(),
    "end": (NOON + timedelta(days=1)).isoformat(),
}
ASKED: dict[str, Ask] = {
    **{f"table {number}": as_table(body) for number, body in enumerate(TABLES)},
    "funnel": through(
        parse_funnel_query,
        steps=[{**IS, "values": ["/"]}, {**IS, "values": ["/pricing", "/docs"]}],
    ),
    "funnel by visit": through(
        parse_funnel_query,
        steps=[{**IS, "values": ["/"]}, {**IS, "values": ["/pricing"]}],
        by="visit",
        order="strict",
    ),
    "retention": through(parse_retention_query, interval="day", periods=4, by="visitor"),
    "journeys": through(parse_journeys_query, steps=3, field="path"),
    "stats": of_stats(parse_stats_query, **WINDOW),
    "stats of all": of_stats(parse_stats_query, limit="2"),
    "exact stats": of_stats(parse_stats_query, exact="true", groupBy="properties.plan"),
    "series": of_stats(parse_series_query, interval="day", **WINDOW),
    "breakdown": of_stats(parse_breakdown_query, by="path", **WINDOW),
    "now": of_now,
    "events": of_lists(parse_events_query),
    "properties": of_lists(parse_properties_query),
}


def asker_of(project: TestProject, restriction: Condition | None = None) -> Asker:
    return Asker(project.id, NOW, UTC, restriction=restriction)


def without_moment(found: Any) -> Any:
    """An answer without where and when it was read, and the rows that were."""
    if not is_dataclass(found) or isinstance(found, type):
        return found
    told = asdict(found)
    where = told.pop("provenance")
    told.pop("rows_read", None)
    told |= {"counted": where["counted"], "nothing": where["nothing"]}
    return json.loads(json.dumps(told, default=str))


def settle(*projects: TestProject) -> None:
    """Rollups, and segments whose visits are known."""
    while compact_summaries():
        pass
    for project in projects:
        export_project(project.id)
        while merge_project(project.id, datetime.now(UTC) + timedelta(days=2)):
            pass


@pytest.mark.parametrize("is_settled", [False, True], ids=["fresh", "settled"])
def test_a_restricted_question_knows_no_other_event(
    project: TestProject, other_project: TestProject, is_settled: bool
) -> None:
    store_events(project, EVENTS)
    store_events(other_project, [each for each in EVENTS if each[ENRICHED]["country"] == "DE"])
    if is_settled:
        settle(project, other_project)

    for name, ask in ASKED.items():
        whole = without_moment(ask(asker_of(project)))  # first: what is remembered is not given
        alone = without_moment(ask(asker_of(other_project)))
        restricted = without_moment(ask(asker_of(project, FROM_GERMANY)))

        assert restricted == alone, name
        assert restricted != whole, name  # else the question tells nothing
        assert without_moment(ask(asker_of(project))) == whole, name


def test_rollups_do_not_answer_for_a_time_of_which_no_event_is_kept(project: TestProject) -> None:
    store_events(project, EVENTS)
    settle(project)
    old = replace(asker_of(project), raw_horizon=NOON - timedelta(hours=1))
    body = write({"period": "7d", "metrics": ["views"]})

    [known] = answer_all([parse_table_query(body, old)])
    assert known.totals.metrics[0]
    for restriction in (FROM_GERMANY, Compare(Field("path"), "exists")):
        with pytest.raises(BadRequest) as refused:
            answer_all([parse_table_query(body, replace(old, restriction=restriction))])
        assert refused.value.code == "raw_expired"


@pytest.mark.parametrize(
    "restriction", [Did(FROM_GERMANY), Compare(Field("country", of_visit=True), "is", ("DE",))]
)
def test_a_restriction_is_of_single_events(project: TestProject, restriction: Condition) -> None:
    store_events(project, EVENTS)

    with pytest.raises(ValueError, match="a restriction by"):
        ASKED["table 0"](asker_of(project, restriction))


def test_a_pattern_that_is_refused_is_told(project: TestProject) -> None:
    store_events(project, EVENTS)
    too_large = Compare(Field("path"), "matches", ("(a{1000}){1000}",))

    with pytest.raises(BadRequest) as refused:
        ASKED["table 0"](asker_of(project, too_large))

    assert refused.value.code == "bad_pattern"
    assert "restriction" in str(refused.value.detail)
