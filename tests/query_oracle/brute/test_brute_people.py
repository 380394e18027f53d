"""Funnels and retention as they are counted by hand, against the contract's own words."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from tests.query_oracle.brute.brute_force import Body, Project
from tests.query_oracle.brute.funnels import answer_funnel
from tests.query_oracle.brute.retention import answer_retention

NOW = datetime(2026, 11, 26, 12, 34, 56, tzinfo=UTC)
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
DAY = 86_400


def at(seconds: float, event: str, visitor: int = 1, **fields: Any) -> dict[str, Any]:
    moment = NOON + timedelta(seconds=seconds)
    return {"timestamp": moment, "event": event, "path": "/", "visitor": visitor} | fields


def named(*names: str) -> list[dict[str, Any]]:
    """A second each."""
    return [at(second, name) for second, name in enumerate(names)]


def is_(field: str, *values: Any) -> Body:
    return {"field": field, "op": "is", "values": list(values)}


ANY: Body = {"field": "event", "op": "exists"}


def ask(documents: list[dict[str, Any]], *steps: str | Body, **body: Any) -> Body:
    filters = [is_("event", step) if isinstance(step, str) else step for step in steps]
    asked = {"steps": filters, "start": "2026-11-01", "end": "2026-12-01", **body}
    return answer_funnel(documents, asked, Project(ZoneInfo("UTC"), False), NOW)


def people(documents: list[dict[str, Any]], *steps: str | Body, **body: Any) -> list[int]:
    return [step["people"] for step in ask(documents, *steps, **body)["steps"]]


def medians(documents: list[dict[str, Any]], *steps: str | Body, **body: Any) -> list[Any]:
    return [step["medianSeconds"] for step in ask(documents, *steps, **body)["steps"]]


def retain(documents: list[dict[str, Any]], *, zone: str = "UTC", **body: Any) -> list[Body]:
    asked = {"interval": "day", "periods": 3, "by": "visitor", **body}
    found = answer_retention(documents, asked, Project(ZoneInfo(zone), False), NOW)
    assert isinstance(found["cohorts"], list)
    return found["cohorts"]


def test_steps_come_in_the_order_of_time_with_anything_between() -> None:
    assert people(named("a", "x", "b", "c"), "a", "b", "c") == [1, 1, 1]
    assert people(named("b", "a", "c"), "a", "b", "c") == [1, 0, 0]
    assert people(named("b"), "a", "b") == [0, 0]


def test_events_of_one_moment_are_in_either_order() -> None:
    assert people([at(0, "b"), at(0, "a")], "a", "b") == [1, 1]
    assert people([at(0, "b"), at(0, "a")], "b", "a") == [1, 1]


def test_each_step_is_another_event() -> None:
    assert people([at(0, "a")], "a", "a") == [1, 0]
    assert people([at(0, "a"), at(0, "a")], "a", ANY, "a") == [1, 1, 0]


def test_the_last_step_comes_within_so_many_seconds_of_the_first() -> None:
    stored = [at(0, "a"), at(DAY, "b"), at(DAY + 0.001, "c")]
    assert people(stored, "a", "b") == [1, 1]
    assert people(stored, "a", "c") == [1, 0]
    assert people(stored, "a", "c", within=DAY + 1) == [1, 1]


def test_every_start_is_tried_and_the_longest_chain_counts() -> None:
    stored = [at(0, "a"), at(1, "b"), at(2 * DAY, "a"), at(2 * DAY + 5, "b"), at(2 * DAY + 9, "c")]
    assert people(stored, "a", "b", "c") == [1, 1, 1]
    assert medians(stored, "a", "b", "c") == [None, 5, 4]


def test_of_equal_chains_the_one_whose_times_are_smallest_counts() -> None:
    stored = named("a", "a", "b", "b", "c")
    assert medians(stored, "a", "b", "c") == [None, 2, 2]
    assert medians(named("a", "b", "a", "b"), "a", "b") == [None, 1]


def test_in_strict_order_no_other_event_is_between() -> None:
    assert people(named("a", "x", "b"), "a", "b", order="strict") == [1, 0]
    assert people(named("a", "$engagement", "b"), "a", "b", order="strict") == [1, 1]
    assert people(named("a", "x", "a", "b"), "a", "b", order="strict") == [1, 1]
    only: Body = {"order": "strict", "filter": is_("event", "a", "b")}
    assert people(named("a", "x", "b"), "a", "b", **only) == [1, 1]
    same = [at(0, "a"), at(0, "x"), at(1, "b"), at(1, "y")]
    assert people(same, "a", "b", order="strict") == [1, 1]
    middle = [at(0, "a"), at(1, "b"), at(1, "x"), at(2, "c")]
    assert people(middle, "a", "b", "c", order="strict") == [1, 1, 0]


def test_rates_are_of_the_first_step_and_of_the_step_before() -> None:
    stored = [
        at(0, "a"), at(4, "b"), at(5, "c"), at(0, "a", 2), at(8, "b", 2), at(0, "a", 3),
        at(0, "x", 4),
    ]  # fmt: skip
    assert ask(stored, "a", "b", "c")["steps"] == [
        {"people": 3, "rate": 1.0, "stepRate": 1.0, "medianSeconds": None},
        {"people": 2, "rate": 0.666666666667, "stepRate": 0.666666666667, "medianSeconds": 6.0},
        {"people": 1, "rate": 0.333333333333, "stepRate": 0.5, "medianSeconds": 1.0},
    ]
    nobody = {"people": 0, "rate": None, "stepRate": None, "medianSeconds": None}
    assert ask([], "a", "b")["steps"] == [nobody, nobody]


def test_people_are_visitors_users_or_visits() -> None:
    stored = [
        at(0, "pageview", 7, anonymous=7), at(5, "signup", 3, anonymous=7, userId="ann"),
        at(7_200, "pageview", 3, userId="ann"), at(7_205, "buy", 3, userId="ann"),
    ]  # fmt: skip
    assert people(stored, "pageview", "signup") == [2, 0]
    assert people(stored, "pageview", "signup", by="visit") == [2, 1]
    assert people(stored, "signup", "buy", by="visit") == [1, 0]
    assert people(stored, "signup", "buy", by="user") == [1, 1]
    assert people(stored, "pageview", "signup", by="user") == [1, 0]
    assert people([at(0, "pageview"), at(1_700, "a")], "pageview", "a", by="visit", within=1) == [
        1,
        1,
    ]


def test_who_did_something_is_the_person_of_by() -> None:
    stored = [at(0, "a", 1, userId="ann"), at(1, "b", 2, userId="ann"), at(2, "a", 3)]
    who: Body = {"did": is_("event", "b")}
    assert people(stored, "a", ANY, filter=who) == [0, 0]
    assert people(stored, "a", ANY, filter=who, by="user") == [1, 1]
    visits = [at(0, "pageview"), at(1, "b"), at(7_200, "pageview")]
    assert people(visits, "pageview", ANY, filter=who) == [1, 1]
    assert people(visits, "pageview", ANY, filter=who, by="visit") == [2, 1]
    assert people(visits, "pageview", "b", by="visit") == [2, 1]


def test_a_dimension_splits_by_what_the_first_event_had() -> None:
    stored = [
        at(0, "a", 1, path="/x"), at(1, "b", 1, path="/y"), at(0, "a", 2, path="/x"),
        at(0, "a", 3, path="/b"), at(0, "a", 4, path="/a"), at(1, "b", 4, path="/a"),
    ]  # fmt: skip
    groups = ask(stored, "a", "b", dimension="path")["groups"]
    found = [(group["dimension"], [step["people"] for step in group["steps"]]) for group in groups]
    assert found == [("/x", [2, 1]), ("/a", [1, 1]), ("/b", [1, 0])]
    assert len(ask(stored, "a", "b", dimension="path", limit=1)["groups"]) == 1


def test_a_cohort_is_the_unit_of_the_first_event_and_returns_are_counted_by_unit() -> None:
    stored = [
        at(0, "signup"), at(DAY, "x"), at(2 * DAY, "x"), at(0, "signup", 2), at(2 * DAY, "x", 2),
        at(DAY, "signup", 3),
    ]  # fmt: skip
    window = {"start": "2026-11-20", "end": "2026-11-23"}
    found = retain(stored, **window)
    assert [(row["people"], row["returned"]) for row in found] == [
        (2, [2, 1, 2]), (1, [1, 0, None]), (0, [0, None, None]),
    ]  # fmt: skip
    only: Body = {"cohort": is_("event", "signup"), "return": is_("event", "signup")}
    assert [row["returned"] for row in retain(stored, **window, **only)] == [
        [2, 0, 0], [1, 0, None], [0, None, None],
    ]  # fmt: skip


def test_nothing_outside_the_window_is_looked_at() -> None:
    stored = [at(-DAY, "a"), at(0, "a"), at(DAY, "a")]
    [only] = retain(stored, start="2026-11-20", end="2026-11-21")
    assert (only["people"], only["returned"]) == (1, [1, None, None])


def test_units_that_are_not_over_are_named_and_those_not_begun_are_null() -> None:
    stored = [at(5 * DAY, "a"), at(6 * DAY, "a")]
    found = retain(stored, start="2026-11-25", end="2026-11-28", zone="Europe/Berlin")
    assert [row["start"] for row in found][2] == "2026-11-27T00:00:00+01:00"
    assert [(row["people"], row["returned"], row["partial"]) for row in found] == [
        (1, [1, 1, None], [1]), (0, [0, None, None], [0]), (None, [None, None, None], []),
    ]  # fmt: skip


def test_retention_is_of_users_where_nothing_else_is_said() -> None:
    stored = [at(0, "a", 1, userId="ann"), at(DAY, "a", 2, userId="ann"), at(0, "a", 3)]
    body = {"interval": "day", "periods": 2, "start": "2026-11-20", "end": "2026-11-22"}
    found = answer_retention(stored, body, Project(ZoneInfo("UTC"), False), NOW)
    assert [row["returned"] for row in found["cohorts"]] == [[1, 1], [0, None]]
