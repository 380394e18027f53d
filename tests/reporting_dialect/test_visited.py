"""Events with their visits are those that all events together give, wherever each of them lies."""

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest

from columns.files.days import day_of, index_days, list_midnights
from columns.files.layout import TYPES, VISIT_TYPES
from columns.files.visits import work_out
from reporting.columns.dialect.values import Arguments
from reporting.columns.dialect.visited import select_visited
from reporting.columns.view import StoredRange, Veil, View
from reporting.columns.widened import widen
from reporting.questions.bots import Bots
from reporting.questions.window import UNBOUNDED, Window
from tests.reporting_dialect.asking import Event, Files, ms

ZONE = "Europe/Berlin"
BEGIN = datetime(2026, 10, 24, 20, tzinfo=UTC)  # a night before clocks go back
COLUMNS = ("id", *VISIT_TYPES)
EVENTS = ("pageview", "pageview", "signup", "$engagement")


def make_events(rng: random.Random, count: int) -> list[dict[str, Any]]:
    """Of few people over three days, often of one millisecond; some of bots, some of nobody."""
    moment, events = BEGIN, []
    for number in range(count):
        moment += timedelta(minutes=rng.choice((0, 0, 1, 7, 29, 30, 31)))
        person = rng.choice((None, 1, 2, 3, 4))
        user = rng.choice((None, None, "ada", "ben"))
        events.append(
            {
                "id": number.to_bytes(16, "big"),
                "place": number.to_bytes(14, "big"),
                "timestamp": moment,
                "event": rng.choice(EVENTS),
                "path": f"/{number}",
                "anonymous": person,
                "userId": user,
                "visitor": {None: person, "ada": 70, "ben": 80}[user],
                "bot": rng.choice((None, None, None, None, "GPTBot")),
                "country": rng.choice((None, "DE", "FR")),
                "utmTerm": rng.choice((None, "shoes")),
            }
        )
    return events


def owner_of(event: Event) -> int | None:
    owner: int | None = event["anonymous"] if event["anonymous"] is not None else event["visitor"]
    return owner


def read_visited(files: Files, window: Window = UNBOUNDED, bots: Bots = "included") -> list[Any]:
    arguments = Arguments()
    select = select_visited(files.view, window, bots, arguments, ZONE, list(VISIT_TYPES))
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    statement = f"SELECT {columns} FROM ({select}) ORDER BY id"
    return files.engine.execute(statement, arguments.values).fetchall()


def work_out_all(files: Files, events: Sequence[Event], window: Window = UNBOUNDED) -> list[Any]:
    """What holds of the events that count, as if they all had just come."""
    whole = widen(window, ZONE)
    kept = [
        each
        for each in events
        if (whole.start is None or each["timestamp"] >= whole.start)
        and (whole.end is None or each["timestamp"] < whole.end)
    ]
    if not kept:
        return []
    moments = [ms(each["timestamp"]) for each in kept]
    first, last = day_of(min(moments), ZONE), day_of(max(moments), ZONE)
    day = index_days(list_midnights(first, last, ZONE))
    select = work_out(f"'{files.write(*kept)}'", day, list(VISIT_TYPES))
    columns = ", ".join(f'"{name}"' for name in COLUMNS)
    with duckdb.connect() as connection:
        return connection.execute(f"SELECT {columns} FROM ({select}) ORDER BY id").fetchall()


def scatter(files: Files, rng: random.Random, events: Sequence[Event]) -> None:
    """Some in cut segments, by halves of the owners, some in loose ones and some in the tail."""
    where = [rng.choices(("cut", "loose", "tail"), (6, 2, 1))[0] for _ in events]
    for half in (0, 1):
        chosen = [
            event
            for event, place in zip(events, where, strict=True)
            if place == "cut" and (owner_of(event) or 0) % 2 == half
        ]
        if chosen:
            files.cut_by(ZONE, *chosen)
    loose = [event for event, place in zip(events, where, strict=True) if place == "loose"]
    if loose:
        files.store(*loose)
    if tail := [event for event, place in zip(events, where, strict=True) if place == "tail"]:
        files.store(*tail)
        files.tail.append(files.segments.pop())


@pytest.mark.parametrize("seed", range(4))
def test_wherever_an_event_lies_its_visit_is_the_same(files: Files, seed: int) -> None:
    rng = random.Random(seed)
    events = make_events(rng, 90)
    scatter(files, rng, events)

    assert read_visited(files) == work_out_all(files, events)
    for hours in (3, 20, 40):
        window = Window(BEGIN + timedelta(hours=hours), BEGIN + timedelta(hours=hours + 2))
        assert read_visited(files, window) == work_out_all(files, events, window)


@pytest.mark.parametrize("seed", range(4))
def test_what_an_erasure_hides_is_in_no_visit_of_others(files: Files, seed: int) -> None:
    rng = random.Random(seed)
    events = make_events(rng, 60)
    scatter(files, rng, events)
    last = rng.randrange(60)
    files.veils.append(Veil("ada", last.to_bytes(14, "big")))
    files.unsettled = (0, ms(events[-1]["timestamp"]) + 1)

    left = [
        event for number, event in enumerate(events) if number > last or event["userId"] != "ada"
    ]
    assert read_visited(files) == work_out_all(files, left)


@pytest.mark.parametrize("seed", range(4))
def test_a_range_of_stored_events_mends_visits_that_reach_into_it(files: Files, seed: int) -> None:
    rng = random.Random(seed)
    events = make_events(rng, 60)
    scatter(files, rng, events)
    begin, end = BEGIN + timedelta(hours=4), BEGIN + timedelta(hours=9)
    within = [event for event in events if begin <= event["timestamp"] < end]
    there = [event for event in within if rng.random() < 0.7]
    path = files.write(*there)
    files.stored.append(StoredRange(ms(begin), ms(end), (path,)))
    low, high = files.unsettled or (ms(begin), ms(end))
    files.unsettled = min(low, ms(begin)), max(high, ms(end))

    left = [event for event in events if event not in within or event in there]
    assert read_visited(files) == work_out_all(files, left)


def test_bots_are_left_out_or_alone_and_in_no_visit(files: Files) -> None:
    rng = random.Random(1)
    events = make_events(rng, 60)
    scatter(files, rng, events)
    everything = work_out_all(files, events)
    of_bots = {event["id"] for event in events if event["bot"]}

    assert read_visited(files, bots="only") == [row for row in everything if row[0] in of_bots]
    assert read_visited(files, bots="excluded") == [
        row for row in everything if row[0] not in of_bots
    ]
    assert all(row[1] is None for row in everything if row[0] in of_bots)


def test_without_anything_loose_the_columns_are_read_and_nothing_else(files: Files) -> None:
    events = make_events(random.Random(2), 40)
    files.cut_by(ZONE, *events)
    files.unsettled = (0, 0)

    select = select_visited(files.view, UNBOUNDED, "included", Arguments(), ZONE, ["visitMs"])

    assert "JOIN" not in select
    assert read_visited(files) == work_out_all(files, events)


def test_a_loose_event_costs_its_owner_and_not_its_day(files: Files) -> None:
    """Rows whose owner has nothing loose keep what the columns say, whatever that is."""
    rng = random.Random(3)
    events = [event | {"visitor": 1, "anonymous": 1, "userId": None, "bot": None}
              for event in make_events(rng, 20)]  # fmt: skip
    files.cut_by(ZONE, *events)
    late = events[0] | {"id": b"late", "anonymous": 2, "visitor": 2}
    files.store(late)
    [(path,)] = [tuple(files.cut)]
    wrong = path.replace("-cut", "-wrong")
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT * REPLACE (77 AS \"visitMs\") FROM '{path}') TO '{wrong}' "
            "(FORMAT parquet)"
        )
    files.segments[0], files.cut[0] = wrong, wrong

    found = {row[0]: dict(zip(COLUMNS, row, strict=True)) for row in read_visited(files)}

    assert found[b"late"]["visitMs"] in (0, None)
    assert {row["visitMs"] for id_, row in found.items() if id_ != b"late"} == {77}


def test_of_nothing_there_is_nothing(files: Files) -> None:
    files.unsettled = (0, 0)
    files.veils.append(Veil("ada", bytes(14)))
    assert read_visited(files) == []
    files.store({"timestamp": BEGIN})
    at = BEGIN + timedelta(days=9)
    assert read_visited(files, Window(at, at)) == []


def test_a_view_that_was_not_opened_for_visits_is_not_asked_for_them(files: Files) -> None:
    files.segments.append(files.write({}))
    view: View = replace(files.view, unsettled=None)
    with pytest.raises(ValueError, match="not opened for visits"):
        select_visited(view, UNBOUNDED, "included", Arguments(), ZONE, ["visitMs"])


@pytest.mark.parametrize(
    ("start", "end", "wide_start", "wide_end"),
    [
        ("2026-10-25T10:00", "2026-10-25T11:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("2026-10-24T22:00", "2026-10-25T23:00", "2026-10-24T22:00", "2026-10-25T23:00"),
        ("2026-10-24T21:59", "2026-10-25T23:01", "2026-10-23T22:00", "2026-10-26T23:00"),
    ],
)
def test_a_window_is_widened_to_whole_local_days(
    start: str, end: str, wide_start: str, wide_end: str
) -> None:
    def window(*texts: str) -> Window:
        return Window(*(datetime.fromisoformat(text).replace(tzinfo=UTC) for text in texts))

    assert widen(window(start, end), ZONE) == window(wide_start, wide_end)


def test_at_the_edges_of_the_calendar_a_window_is_unbounded() -> None:
    edges = Window(datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
    assert widen(edges, "America/New_York").start is None
    assert widen(edges, ZONE).end is None
    assert widen(UNBOUNDED, ZONE) == UNBOUNDED


def test_all_columns_of_events_are_there_too(files: Files) -> None:
    events = make_events(random.Random(4), 20)
    scatter(files, random.Random(4), events)
    arguments = Arguments()
    select = select_visited(files.view, UNBOUNDED, "included", arguments, ZONE, ["exitPath"])
    found = files.engine.execute(f"SELECT * FROM ({select})", arguments.values)
    assert [column[0] for column in found.description or ()] == [*TYPES, "exitPath"]
