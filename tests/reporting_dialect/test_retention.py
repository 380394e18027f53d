"""Retention counts who came first in a unit, and in which units after it they came again."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting.columns.dialect.behaviour.retention import answer_retention
from reporting.questions.retention import RetentionQuery
from reporting.questions.window import Window
from tests.reporting_dialect.asking import NOW, Event, Files, is_

DAY = timedelta(days=1)
BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
BOUNDARIES = [BEGIN + n * DAY for n in range(5)]
WINDOW = Window(BEGIN + DAY / 2, BEGIN + 4 * DAY)


def ask(files: Files, **fields: Any) -> list[tuple[int, list[int]]]:
    query = RetentionQuery(
        project=b"project.",
        window=WINDOW,
        timezone=UTC,
        now=NOW,
        interval="day",
        periods=3,
        boundaries=tuple(BOUNDARIES),
        **fields,
    )
    answer = answer_retention(files.engine, files.view, query)
    return [(cohort.people, list(cohort.returned)) for cohort in answer.cohorts]


def count(events: Sequence[Event], by: str, cohort: str, returned: str) -> Any:
    """People by people; "" is any path."""
    assert WINDOW.start and WINDOW.end
    there = [event for event in events if WINDOW.start <= event["timestamp"] < WINDOW.end]
    units: dict[Any, tuple[set[int], set[int]]] = {}
    for event in there:
        if (person := event[by]) is None:
            continue
        began, came = units.setdefault(person, (set(), set()))
        unit = (event["timestamp"] - BEGIN) // DAY
        if cohort in ("", event["path"]):
            began.add(unit)
        if returned in ("", event["path"]):
            came.add(unit)
    rows = []
    for unit in range(4):
        theirs = [came for began, came in units.values() if began and min(began) == unit]
        again = [sum(unit + after in came for came in theirs) for after in range(3)]
        rows.append((len(theirs), again))
    return rows


@given(
    st.lists(
        st.builds(
            lambda **fields: fields,
            timestamp=st.integers(0, 5 * 24).map(lambda hours: BEGIN + timedelta(hours=hours)),
            visitor=st.sampled_from([None, 1, 2, 3]),
            userId=st.sampled_from([None, "a", "b", "c", "d"]),
            path=st.sampled_from(["/a", "/b"]),
        ),
        min_size=1,
        max_size=40,
    ),
    st.sampled_from(["visitor", "userId"]),
    st.sampled_from(["", "/a"]),
    st.sampled_from(["", "/b"]),
)
@settings(max_examples=12)
@pytest.mark.slow
def test_retention_is_what_looking_at_each_person_finds(
    tmp_path: Path,
    engine: duckdb.DuckDBPyConnection,
    events: list[Event],
    by: str,
    cohort: str,
    returned: str,
) -> None:
    files = Files(tmp_path, engine)
    files.store(*events)

    found = ask(
        files,
        by="user" if by == "userId" else by,
        cohort=is_("path", cohort) if cohort else None,
        returned=is_("path", returned) if returned else None,
    )

    assert found == count(events, by, cohort, returned)


def test_of_nothing_there_are_cohorts_of_nobody(files: Files) -> None:
    assert ask(files) == [(0, [0, 0, 0])] * 4
