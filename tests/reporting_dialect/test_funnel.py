"""Funnels count the longest chain of each person, whatever stands at one moment."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.web.problems import BadRequest
from columns.files.layout import TYPES
from reporting.columns.dialect.behaviour import strict
from reporting.columns.dialect.behaviour.strict_line import Line, find_strict_chain
from reporting.questions.conditions import Did
from tests.reporting_dialect.asking import NOON, Event, Files, is_, ms
from tests.reporting_dialect.funnels_by_hand import (
    Asked,
    ask,
    count,
    count_groups,
    read,
    read_groups,
)

PATHS = ["/", "/1", "/2", "/3", "/12", "/23", "/13", "/123"]


MOMENTS = [0, 0, 500, 1_000, 1_001, 2_000]
APART = range(0, 3_000, 250)


@st.composite
def stories(draw: st.DrawFn) -> list[Event]:
    """Of people with up to five events each, on few moments, seen from more sides than one."""
    rng = draw(st.randoms(use_true_random=False))
    events: list[Event] = []
    for visitor in range(draw(st.integers(0, 25))):
        paths = rng.sample(PATHS, 4)
        count = rng.choice([1, 2, 3, 4, 4, 5])
        for moment in rng.choice([rng.choices(MOMENTS, k=count), rng.sample(APART, count)]):
            events.append({
                "id": rng.randbytes(8) + len(events).to_bytes(8, "big"),
                "visitor": visitor,
                "anonymous": rng.choice([None, None, visitor, 1_000 + visitor // 2]),
                "userId": rng.choice([None, f"a{visitor}", f"b{visitor // 2}"]),
                "timestamp": NOON + timedelta(milliseconds=moment),
                "path": rng.choice(paths),
                "event": rng.choice(["pageview", "pageview", "x", "$x"]),
                "country": rng.choice([None, "DE", "FR"]),
            })  # fmt: skip
    return events


@given(
    stories(),
    st.builds(
        Asked,
        steps=st.sampled_from([2, 3]),
        within_seconds=st.sampled_from([1, 86_400]),
        by=st.sampled_from(["visitor", "user", "visit"]),
        order=st.sampled_from(["any_between", "strict"]),
        dimension=st.just("country"),
    ),
)
@settings(max_examples=15)
@pytest.mark.slow
def test_a_funnel_is_what_trying_every_chain_finds(
    tmp_path: Path, engine: duckdb.DuckDBPyConnection, events: list[Event], asked: Asked
) -> None:
    files = Files(tmp_path, engine)
    if events:
        files.store(*events)

    answer = ask(files, asked)

    assert read(answer) == count(events, asked)
    assert read_groups(answer) == count_groups(events, asked)


def store_many(files: Files, select: str) -> None:
    """Events as rows of the engine; what they leave out is null, but for what all have."""
    path = files.root / f"many-{len(files.segments)}.parquet"
    given = {"id": "unhex(md5(i::VARCHAR))", "event": "'pageview'", "path": "'/'"}
    columns = [
        f'CAST({given.get(name, "NULL")} AS {type_}) AS "{name}"' for name, type_ in TYPES.items()
    ]
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE ({select}) FROM (SELECT i, {', '.join(columns)} "
            f"FROM range(10_000) t(i))) TO '{path}' (FORMAT parquet)"
        )
    files.segments.append(str(path))


@pytest.mark.parametrize("order", ["any_between", "strict"])
def test_ten_thousand_events_of_one_millisecond_are_matched_as_well(
    files: Files, order: str
) -> None:
    at_once = f"1 AS visitor, {ms(NOON)} AS timestamp"
    path = "CASE i WHEN 7 THEN '/23' WHEN 8 THEN '/2' ELSE '/12' END"
    store_many(files, f"{at_once}, {path} AS path")

    assert read(ask(files, Asked(steps=3, order=order))) == [(1, None), (1, 0.0), (1, 0.0)]
    assert read(ask(files, Asked(steps=4, order=order)))[3] == (0, None)


@pytest.mark.parametrize("order", ["any_between", "strict"])
def test_ten_thousand_moments_of_one_person_are_looked_through(files: Files, order: str) -> None:
    moments = f"1 AS visitor, {ms(NOON)} + i * 1000 AS timestamp"
    store_many(files, f"{moments}, CASE WHEN i % 3 = 2 THEN '/2' ELSE '/13' END AS path")

    assert read(ask(files, Asked(steps=3, within_seconds=3, order=order))) == [
        (1, None),
        (1, 1.0 if order == "strict" else 2.0),
        (1, 1.0),
    ]


@pytest.mark.parametrize("within_seconds", [1, 86_400])
@pytest.mark.parametrize("steps", [2, 3, 4])
def test_the_engine_finds_the_strict_chains_that_looking_person_by_person_finds(
    files: Files, monkeypatch: pytest.MonkeyPatch, steps: int, within_seconds: int
) -> None:
    """Of people whose pages are each followed by an event with a reserved name, or not."""
    told = "CASE WHEN i % 2 = 1 AND hash(i) % 4 <> 0 THEN '$x' ELSE 'pageview' END AS event"
    path = "['/1', '/2', '/3', '/4', '/12', '/'][1 + (hash(i // 2) % 6)::INTEGER] AS path"
    store_many(files, f"i // 12 AS visitor, {ms(NOON)} + i * 400 AS timestamp, {told}, {path}")

    def find() -> tuple[int, list[Any]]:
        looked_at: list[Line] = []

        def look_at(line: Line, *given: Any) -> list[int]:
            looked_at.append(line)
            return find_strict_chain(line, *given)

        monkeypatch.setattr(strict, "find_strict_chain", look_at)
        ask(files, Asked(steps=steps, within_seconds=within_seconds, order="strict"))
        found = files.engine.execute("SELECT person, chain FROM reached ORDER BY person")
        return len(looked_at), found.fetchall()

    few, chains = find()
    monkeypatch.setattr(strict, "_select_odd", lambda: "SELECT DISTINCT n FROM lines")
    all_of_them, same_chains = find()

    assert chains == same_chains
    assert 0 < few < all_of_them


def test_objects_of_users_who_did_something_as_other_visitors_are_compact_json_too(
    files: Files,
) -> None:
    files.store(
        {"visitor": 1, "userId": "ada", "event": "signup"},
        {"visitor": 2, "userId": "ada", "path": "/1", "properties": {"v": {"b": 1, "a": [2]}}},
        {"visitor": 3, "userId": "ben", "event": "signup"},
        {"visitor": 4, "userId": "ben", "path": "/1", "properties": {"v": {"a": [2.0], "b": 1}}},
    )
    asked = Asked(steps=2, by="user", dimension="properties.v")

    answer = ask(files, asked, condition=Did(is_("event", "signup")))

    assert read_groups(answer) == {'{"a":[2],"b":1}': [(2, None), (0, None)]}


def test_a_strict_funnel_of_one_person_with_too_many_events_is_refused(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(strict, "MAX_EVENTS_OF_ONE", 9_999)
    path = "['/1', '/x', '/2'][1 + i % 3]"
    store_many(files, f"1 AS visitor, {ms(NOON)} + i // 2 AS timestamp, {path} AS path")

    with pytest.raises(BadRequest) as refused:
        ask(files, Asked(steps=3, order="strict"))

    assert refused.value.code == "query_too_large"


def test_whoever_stops_the_engine_stops_what_is_done_person_by_person(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[Line] = []

    def find(line: Line, *given: Any) -> list[int]:
        looked_at.append(line)
        files.engine.interrupt()
        return [ms(NOON)]

    monkeypatch.setattr(strict, "find_strict_chain", find)
    path = "['/1', '/x', '/2'][1 + i % 3]"
    moment = f"{ms(NOON)} + i // 2 AS timestamp"
    store_many(files, f"i // 6 AS visitor, {moment}, {path} AS path")

    with pytest.raises(duckdb.InterruptException):
        ask(files, Asked(steps=2, order="strict"))

    assert 0 < len(looked_at) < 1_000
