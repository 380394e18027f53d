"""Journeys are the first values of each visit, in the order of events."""

from collections import Counter
from collections.abc import Sequence
from datetime import UTC, timedelta
from itertools import groupby
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events.ids import datetime_of_ms
from reporting.columns.dialect.behaviour.journeys import answer_journeys
from reporting.questions.journeys import JourneysQuery
from reporting.questions.window import Window
from tests.columns.cuts.visits import find_visits
from tests.reporting_dialect.asking import DAY, NOON, NOW, Event, Files, is_, ms

Ways = list[tuple[list[str], int]]

MINUTE = timedelta(minutes=1)


def ask(files: Files, window: Window = DAY, **fields: Any) -> tuple[Ways, int]:
    query = JourneysQuery(
        project=b"project.", window=window, timezone=UTC, now=NOW, steps=3, **fields
    )
    answer = answer_journeys(files.engine, files.view, query)
    return [(list(values), visits) for values, visits in answer.journeys], answer.visits


def count(
    events: Sequence[Event], window: Window, field: str, origin: str | None, passing: str | None
) -> tuple[Ways, int]:
    """Visit by visit; an origin, or what passes, is a path."""
    rows = [{**event, "timestamp": ms(event["timestamp"])} for event in events]
    visits = find_visits(rows, lambda moment: moment // 86_400_000)
    found: Counter[tuple[str, ...]] = Counter()

    def visit_of(index: int) -> tuple[int, int]:
        row = rows[index]
        owner = row["visitor"] if row.get("anonymous") is None else row["anonymous"]
        return owner, visits[index]["visitStart"]

    inside = [index for index in range(len(rows)) if visits[index]["visitStart"] is not None]
    for (_, begun), indexes in groupby(sorted(inside, key=visit_of), visit_of):
        of_visit = sorted((rows[index] for index in indexes), key=_place)
        assert window.start and window.end
        if not window.start <= datetime_of_ms(begun) < window.end:
            continue
        if passing and all(row["path"] != passing for row in of_visit):
            continue
        while origin and of_visit and of_visit[0]["path"] != origin:
            of_visit.pop(0)
        values = [value for row in of_visit if (value := _value_of(row, field)) is not None]
        if values:
            found[tuple(value for value, _ in groupby(values))[:3]] += 1
    ranked = sorted(found.items(), key=lambda way: (-way[1], [v.encode() for v in way[0]]))
    return [(list(values), visits) for values, visits in ranked], sum(found.values())


def _place(row: Event) -> tuple[Any, ...]:
    return row["timestamp"], row["event"] != "pageview", row["id"]


def _value_of(row: Event, field: str) -> str | None:
    if row["event"] == "pageview":
        return str(row["path"])
    return None if field == "path" or row["event"].startswith("$") else str(row["event"])


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    rng = draw(st.randoms(use_true_random=False))
    events: list[Event] = [
        {
            "id": rng.randbytes(16),
            "visitor": rng.randint(1, 12),
            "anonymous": rng.choice([None, None, 1, 20]),
            "timestamp": NOON + rng.choice([0, 1, 20, 29, 30, 60, 719, 720, 721, -5]) * MINUTE,
            "path": rng.choice(["/", "/a", "/b", "/ä", "/\U0001f600"]),
            "event": rng.choice(["pageview", "pageview", "x", "$x"]),
            "bot": rng.choice([None] * 9 + ["GPTBot"]),
        }
        for _ in range(draw(st.integers(1, 80)))
    ]
    return events


@given(
    stories(),
    st.sampled_from(["path", "event"]),
    st.sampled_from([None, "/a"]),
    st.sampled_from([None, "/b"]),
    st.sampled_from([DAY, Window(NOON, NOON + MINUTE), Window(NOON, NOON + 725 * MINUTE)]),
)
@settings(max_examples=12)
@pytest.mark.slow
def test_journeys_are_what_looking_at_each_visit_finds(
    tmp_path: Path,
    engine: duckdb.DuckDBPyConnection,
    events: list[Event],
    field: str,
    origin: str | None,
    passing: str | None,
    window: Window,
) -> None:
    files = Files(tmp_path, engine)
    files.store(*events)

    found = ask(
        files,
        window=window,
        field=field,
        origin=is_("path", origin) if origin else None,
        condition=is_("path", passing) if passing else None,
    )

    assert found == count(events, window, field, origin, passing)


def test_of_nothing_there_are_no_journeys(files: Files) -> None:
    assert ask(files) == ([], 0)


def test_a_visit_of_very_many_views_is_one_journey(files: Files) -> None:
    files.store(*({"visitor": 1, "path": f"/{n % 7}"} for n in range(500)))

    assert ask(files)[1] == 1
