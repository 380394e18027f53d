"""Units of time by a zone's own calendar, handed to the engine as numbers."""

import random
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest

from reporting.questions.table import Span, Unit
from reporting.questions.units import Interval, list_boundaries
from reporting.questions.window import Window
from tests.reporting_dialect.asking import Files


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "start", "end", "unit"),
    [
        ("Europe/Berlin", "2026-03-28", "2026-04-01", "day"),
        ("Europe/Berlin", "2026-10-24T20:00", "2026-10-25T06:00", "hour"),
        ("Australia/Lord_Howe", "2026-04-04T10:00", "2026-04-05T02:00", "hour"),
        ("Pacific/Apia", "2011-12-28", "2012-01-02", "day"),
        ("America/New_York", "2020-01-01", "2026-11-01", "month"),
        ("Asia/Kathmandu", "1969-12-20", "1970-01-20", "week"),
    ],
)
def test_every_event_is_in_its_unit(
    files: Files, zone: str, start: str, end: str, unit: Interval
) -> None:
    window = Window(moment(start), moment(end))
    assert window.start and window.end
    boundaries = list_boundaries(window.start, window.end, unit, ZoneInfo(zone))
    chance = random.Random(5)
    length = (window.end - window.start) // timedelta(milliseconds=1)
    moments = [window.start + timedelta(milliseconds=chance.randrange(length)) for _ in range(50)]
    for boundary in boundaries:
        moments += [boundary + timedelta(milliseconds=ms) for ms in (-1, 0, 1)]
    files.store(*({"timestamp": each, "visitor": n % 3} for n, each in enumerate(moments)))

    rows = files.table("views", "visitors", by=[Unit(unit)], window=window, boundaries=boundaries)
    inside = [(each, n % 3) for n, each in enumerate(moments) if window.start <= each < window.end]
    expected = []
    for low, high in pairwise(boundaries):
        found = [visitor for each, visitor in inside if low <= each < high]
        expected.append((low, len(found), len(set(found))))
    assert rows == expected


def test_a_unit_that_has_not_begun_has_no_numbers_and_an_empty_one_has_0(files: Files) -> None:
    start = moment("2026-11-10")
    boundaries = [start + timedelta(hours=hour) for hour in range(5)]
    window = Window(start, boundaries[-1])
    files.store({"timestamp": boundaries[0]}, {"timestamp": boundaries[3]})

    answer = files.ask(
        "views", "avg(properties.v)", by=[Unit("hour")], window=window, boundaries=boundaries,
        now=boundaries[2],
    )  # fmt: skip
    assert [row.metrics for row in answer.rows] == [
        (1, None),
        (0, None),
        (None, None),
        (None, None),
    ]
    assert answer.total == 4


def test_units_of_the_other_window_are_matched_by_number(files: Files) -> None:
    start = moment("2026-11-10")
    hours = [start + timedelta(hours=hour) for hour in range(-3, 4)]
    files.store({"timestamp": hours[1]}, {"timestamp": hours[1]}, {"timestamp": hours[5]})

    answer = files.ask(
        "views", by=[Unit("hour")], window=Window(hours[3], hours[6]), boundaries=hours[3:],
        compare=Span(window=Window(hours[0], hours[3]), boundaries=tuple(hours[:4])),
    )  # fmt: skip
    assert [(row.metrics, row.compared) for row in answer.rows] == [
        ((0,), (0,)), ((0,), (2,)), ((1,), (0,)),
    ]  # fmt: skip
    assert (answer.totals.metrics, answer.totals.compared) == ((1,), (2,))


def test_a_unit_and_a_field_have_rows_where_there_is_something(files: Files) -> None:
    start = moment("2026-11-10")
    boundaries = [start + timedelta(hours=hour) for hour in range(4)]
    files.store(*({"timestamp": boundaries[n], "path": f"/{n}"} for n in (2, 0)))

    rows = files.table(
        "views", by=["path", Unit("hour")], window=Window(start, boundaries[-1]),
        boundaries=boundaries,
    )  # fmt: skip
    assert rows == [("/0", boundaries[0], 1), ("/2", boundaries[2], 1)]
