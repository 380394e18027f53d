"""Whatever is asked with a restriction is answered as if no other event had ever come."""

import json
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st

from analytics.web.problems import BadRequest
from reporting.questions.language.filter import read_condition
from reporting.questions.language.json_body import Node
from reporting.questions.language.table import Asker
from reporting.questions.params import Mistakes
from reporting.questions.timestamps import parse_zone
from tests.query_oracle.brute.answers import ANSWERS
from tests.query_oracle.brute.brute_force import Body, Project
from tests.query_oracle.brute.conditions import passes
from tests.query_oracle.files import NOW, PROJECT, as_stored, span_of
from tests.query_oracle.questions import combined, comparisons, find_one, likely
from tests.query_oracle.sameness import find_contradictions, find_differences
from tests.query_oracle.samples import EVENTS, PATHS
from tests.query_oracle.stories import DENSE, SPARSE
from tests.query_oracle.test_tables import ENGINE, Case, cases, list_visible, open_view


def is_of_single_events(condition: Body) -> bool:
    return condition.get("field") not in ("entryPath", "exitPath")


restrictions = st.recursive(
    st.one_of(
        likely.filter(is_of_single_events),
        find_one("path", PATHS[:2]).map(lambda found: {"not": found}),
        find_one("event", EVENTS[:4]),
        comparisons().filter(is_of_single_events),
    ),
    combined,
    max_leaves=3,
)


def assert_restricted(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: Case, restriction: Body
) -> None:
    node = Node(restriction, "restriction", Mistakes())
    span = span_of([as_stored(number, event) for number, event in enumerate(case.sent)])
    view = replace(
        open_view(engine, folder, case),
        cut=(),
        unsettled=span,
        restriction=read_condition(node, of_single_events=True),
    )
    documents = [found for found in list_visible(case) if passes(found, restriction, ())]
    asker = Asker(PROJECT, NOW, parse_zone(case.zone), leaves_out_bots=case.leaves_out_bots)
    rules = Project(ZoneInfo(case.zone), case.leaves_out_bots)
    for path, body in case.questions:
        note(f"{path} {body} of {restriction}")
        try:
            got = ENGINE[path](engine, view, json.dumps(body).encode(), asker)
        except BadRequest as exc:
            assert "never had the day" in str(exc.detail), body
            continue
        got = json.loads(json.dumps(got))
        differences = find_differences(got, ANSWERS[path](documents, body, rules, NOW))
        differences += find_contradictions(body, got)
        assert not differences, (path, body, restriction, differences)


@pytest.mark.slow
@pytest.mark.timeout(300)
@settings(max_examples=12)
@given(case=cases(SPARSE) | cases(DENSE), restriction=restrictions)
def test_a_restricted_answer_equals_brute_force_over_the_events_there_are(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: Case, restriction: Body
) -> None:
    assert_restricted(engine, folder, case, restriction)


@pytest.mark.nightly
@pytest.mark.timeout(1_800)
@settings(max_examples=800)
@given(case=cases(SPARSE) | cases(DENSE), restriction=restrictions)
def test_every_one_of_many_restricted_answers_equals_brute_force(
    engine: duckdb.DuckDBPyConnection, folder: Path, case: Case, restriction: Body
) -> None:
    assert_restricted(engine, folder, case, restriction)
