"""Funnels and journeys in statements between which nothing stays: the same answers."""

from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.web.problems import BadRequest
from reporting.columns.dialect.behaviour import strict
from reporting.columns.dialect.behaviour.at_once import KeepsNothing
from reporting.columns.dialect.behaviour.at_once import chains as at_once_chains
from reporting.columns.dialect.behaviour.at_once import strict as at_once_strict
from reporting.columns.untranslatable import Untranslatable
from reporting.questions.conditions import Did
from tests.reporting_dialect import test_journeys as journeys
from tests.reporting_dialect.asking import DAY, NOON, Event, Files, is_
from tests.reporting_dialect.funnels_by_hand import (
    Asked,
    ask,
    count,
    count_groups,
    read,
    read_groups,
)
from tests.reporting_dialect.test_funnel import stories


class Forgetful(KeepsNothing):
    """DuckDB, of which no table is wanted."""

    def __init__(self, engine: duckdb.DuckDBPyConnection) -> None:
        self._engine = engine

    def execute(self, statement: str, values: Any = None) -> Any:
        assert statement.startswith("SELECT"), statement
        return self._engine.execute(statement, values)


@pytest.fixture
def forgetful(tmp_path: Path, engine: duckdb.DuckDBPyConnection) -> Files:
    return at_once(Files(tmp_path, engine))


def at_once(files: Files) -> Files:
    if not isinstance(files.engine, KeepsNothing):
        files.engine = cast("duckdb.DuckDBPyConnection", Forgetful(files.engine))
    return files


@pytest.mark.slow
@given(
    stories(),
    st.builds(
        Asked,
        steps=st.sampled_from([2, 3]),
        within_seconds=st.sampled_from([1, 86_400]),
        by=st.sampled_from(["visitor", "user", "visit"]),
        order=st.sampled_from(["any_between", "strict"]),
        dimension=st.sampled_from(["country", "properties.plan", None]),
    ),
)
@settings(max_examples=15)
def test_a_funnel_is_what_trying_every_chain_finds(
    tmp_path: Path, engine: duckdb.DuckDBPyConnection, events: list[Event], asked: Asked
) -> None:
    files = at_once(Files(tmp_path, engine))
    if events:
        files.store(*events)

    answer = ask(files, asked)

    assert read(answer) == count(events, asked)
    if asked.dimension == "country":
        assert read_groups(answer) == count_groups(events, asked)


@pytest.mark.parametrize("order", ["any_between", "strict"])
def test_a_chain_of_eight_steps_in_one_moment(forgetful: Files, order: str) -> None:
    paths = ["12345678", *(str(step) for step in range(1, 9) if step != 5)]
    forgetful.store(*({"visitor": 7, "path": f"/{path}"} for path in paths))

    assert [people for people, _ in read(ask(forgetful, Asked(steps=8, order=order)))] == [1] * 8


def test_groups_are_of_the_event_that_a_chain_can_begin_with(forgetful: Files) -> None:
    """The first of the moment is the only one that can be the second step."""
    forgetful.store(
        {"visitor": 7, "path": "/12", "country": "DE"},
        {"visitor": 7, "path": "/1", "country": "FR"},
        {"visitor": 8, "path": "/1", "country": None},
        {"visitor": 8, "path": "/1", "country": "FR"},
    )
    answer = ask(forgetful, Asked(steps=2, dimension="country"))

    assert read_groups(answer) == {"FR": [(1, None), (1, 0.0)], None: [(1, None), (0, None)]}


@pytest.mark.parametrize("order", ["any_between", "strict"])
def test_a_condition_on_people_and_keys_of_objects(forgetful: Files, order: str) -> None:
    told: Event = {"visitor": 7, "properties": {"plan": {"b": 1, "a": [2.0]}}}
    forgetful.store(
        {**told, "path": "/1"},
        {**told, "path": "/2", "timestamp": NOON + timedelta(seconds=5)},
        {"visitor": 8, "path": "/1"},
    )
    asked = Asked(steps=2, order=order, dimension="properties.plan")
    answer = ask(forgetful, asked, condition=Did(is_("path", "/2")))

    [group] = answer.groups or ()
    assert group.value == '{"a":[2],"b":1}'
    assert read(answer) == [(1, None), (1, 5.0)]


def test_more_events_than_are_held_at_once_are_left_to_others(
    forgetful: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful.store(*two_of_one_moment(2), *two_of_one_moment(3))
    asked = Asked(steps=2, order="strict")

    monkeypatch.setattr(at_once_strict, "MAX_LINES", 3)
    with pytest.raises(Untranslatable):
        ask(forgetful, asked)
    monkeypatch.setattr(strict, "MAX_EVENTS_OF_ONE", 1)
    with pytest.raises(BadRequest):
        ask(forgetful, asked)


def test_more_ways_than_are_told_apart_are_refused(
    forgetful: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    forgetful.store(*two_of_one_moment(2))
    monkeypatch.setattr(at_once_chains, "MAX_SIGNATURES", 0)

    with pytest.raises(BadRequest):
        ask(forgetful, Asked(steps=2))


def two_of_one_moment(visitor: int) -> list[Event]:
    return [{"visitor": visitor, "path": path} for path in ("/12", "/2")]


@pytest.mark.slow
@given(
    journeys.stories(),
    st.sampled_from(["path", "event"]),
    st.sampled_from([None, "/a"]),
    st.sampled_from([None, "/b"]),
)
@settings(max_examples=15)
def test_journeys_are_what_visit_by_visit_finds(
    tmp_path: Path,
    engine: duckdb.DuckDBPyConnection,
    events: list[Event],
    field: str,
    origin: str | None,
    passing: str | None,
) -> None:
    files = at_once(Files(tmp_path, engine))
    files.store(*events)

    found = journeys.ask(
        files,
        field=field,
        origin=is_("path", origin) if origin else None,
        condition=is_("path", passing) if passing else None,
    )

    assert found == journeys.count(events, DAY, field, origin, passing)
