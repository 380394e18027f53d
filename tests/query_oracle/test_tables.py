"""Every table that the engine makes of files of columns is the one that is counted by hand.

Without stores: stored documents become files by the one encoder, and the question is asked of
them. So thousands of questions take seconds.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from analytics.databases.mongo import Document
from analytics.projects.zones import begin_with
from analytics.web.problems import BadRequest
from reporting.columns.dialect.behaviour.funnel import answer_funnel
from reporting.columns.dialect.behaviour.journeys import answer_journeys
from reporting.columns.dialect.behaviour.retention import answer_retention
from reporting.columns.dialect.table import answer_table
from reporting.columns.view import Veil, View
from reporting.questions.language.funnel import parse_funnel_query
from reporting.questions.language.journeys import parse_journeys_query
from reporting.questions.language.retention import parse_retention_query
from reporting.questions.language.table import Asker, parse_table_query
from reporting.questions.timestamps import parse_zone
from reporting.web.behaviour.wire import render_funnel, render_journeys, render_retention
from reporting.web.table_wire import render_table
from tests.query_oracle.brute.answers import ANSWERS
from tests.query_oracle.brute.brute_force import Project
from tests.query_oracle.files import NOW, PROJECT, as_stored, span_of, write_file
from tests.query_oracle.questions import FUNNEL, JOURNEYS, RETENTION, TABLE, Asked, asked
from tests.query_oracle.sameness import find_contradictions, find_differences
from tests.query_oracle.samples import CHANGES, USERS
from tests.query_oracle.stories import (
    DENSE,
    EVERYTHING,
    SPARSE,
    Wire,
    busy_events,
    busy_moments,
    events,
)


@dataclass(frozen=True)
class Case:
    """Events by where they lie, and an erasure under way: a user, and up to which event."""

    zone: str
    leaves_out_bots: bool
    sent: list[Wire]
    places: list[str]
    erased: tuple[str, int] | None
    questions: list[Asked]


PLACES = ["cut", "cut", "loose", "tail"]


@st.composite
def cases(draw: st.DrawFn, kind: str) -> Case:
    zone = draw(st.sampled_from(sorted(CHANGES)))
    middle = datetime.fromisoformat(CHANGES[zone])
    event = events(middle) if kind == SPARSE else busy_events(draw(busy_moments(zone, middle)))
    least = draw(st.sampled_from([0, 10, 30]))
    sent = draw(st.lists(event, min_size=least, max_size=50))
    place = st.sampled_from(draw(st.sampled_from([PLACES, ["cut", "tail"], ["cut"], ["tail"]])))
    places = draw(st.lists(place, min_size=len(sent), max_size=len(sent)))
    erased = st.tuples(st.sampled_from(USERS[:2]), st.integers(0, len(sent)))
    return Case(
        zone=zone,
        leaves_out_bots=draw(st.booleans()),
        sent=sent,
        places=places,
        erased=draw(st.none() | erased),
        questions=[*EVERYTHING, *draw(st.lists(asked(middle), min_size=1, max_size=6))],
    )


def open_view(engine: duckdb.DuckDBPyConnection, folder: Path, case: Case) -> View:
    """Two cut segments, of owners of their own, a loose one and the tail."""
    lying: dict[str, list[Document]] = {name: [] for name in ("odd", "even", "loose", "tail")}
    for number, (event, place) in enumerate(zip(case.sent, case.places, strict=True)):
        document = as_stored(number, event)
        owner = document.get("anonymous", document.get("visitor")) or 0
        lying[("even", "odd")[owner % 2] if place == "cut" else place].append(document)
    odd, even = (write_file(engine, folder, lying[name], case.zone) for name in ("odd", "even"))
    loose, tail = (write_file(engine, folder, lying[name]) for name in ("loose", "tail"))
    unsettled = [*lying["loose"], *lying["tail"]]
    veils: tuple[Veil, ...] = ()
    if case.erased:
        unsettled += [*lying["odd"], *lying["even"]]
        user, last = case.erased
        veils = (Veil(user, last.to_bytes(14, "big")),)
    return View(
        segments=(*odd, *even, *loose),
        tail=tail,
        stored=(),
        veils=veils,
        fresh_as_of=NOW,
        key=None,
        rows=len(case.sent),
        cut=(*odd, *even),
        unsettled=span_of(unsettled),
    )


def list_visible(case: Case) -> list[Document]:
    documents = [as_stored(number, event) for number, event in enumerate(case.sent)]
    user, last = case.erased or ("", 0)
    return [
        found
        for number, found in enumerate(documents)
        if found.get("userId") != user or number > last
    ]


def assert_tables(engine: duckdb.DuckDBPyConnection, folder: Path, case: Case) -> None:
    view, documents = open_view(engine, folder, case), list_visible(case)
    asker = Asker(PROJECT, NOW, parse_zone(case.zone), leaves_out_bots=case.leaves_out_bots)
    rules = Project(ZoneInfo(case.zone), case.leaves_out_bots)
    for path, body in case.questions:
        note(f"{path} {body}")
        try:
            got = ENGINE[path](engine, view, json.dumps(body).encode(), asker)
        except BadRequest as exc:
            assert "never had the day" in str(exc.detail), body
            continue
        got = json.loads(json.dumps(got))
        differences = find_differences(got, ANSWERS[path](documents, body, rules, NOW))
        differences += find_contradictions(body, got)
        assert not differences, (path, body, differences)


def answer_through_engine(
    parse: Callable[..., Any], answer: Callable[..., Any], render: Callable[..., Any]
) -> Callable[..., Any]:
    def ask(
        engine: duckdb.DuckDBPyConnection, view: View, body: bytes, asker: Asker
    ) -> dict[str, Any]:
        query = parse(body, asker)
        answered = answer(engine, view, query)
        told: dict[str, Any] = render(query, answered, begin_with(asker.visit_zone))
        return told

    return ask


ENGINE = {
    TABLE: answer_through_engine(parse_table_query, answer_table, render_table),
    FUNNEL: answer_through_engine(parse_funnel_query, answer_funnel, render_funnel),
    RETENTION: answer_through_engine(parse_retention_query, answer_retention, render_retention),
    JOURNEYS: answer_through_engine(parse_journeys_query, answer_journeys, render_journeys),
}
"""How the service answers what is posted to a path, without stores."""


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=12)  # what is new is looked for at night
@given(case=cases(SPARSE))
def test_every_table_equals_brute_force(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: Case
) -> None:
    assert_tables(engine, folder, case)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=15)
@given(case=cases(DENSE))
def test_every_answer_about_visits_equals_brute_force(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: Case
) -> None:
    assert_tables(engine, folder, case)


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@settings(max_examples=1_500)
@given(case=cases(SPARSE) | cases(DENSE))
def test_every_one_of_many_tables_equals_brute_force(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: Case
) -> None:
    assert_tables(engine, folder, case)
