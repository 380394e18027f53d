"""Windows by name, and what they are compared with, in zones whose clocks change."""

import json
from datetime import UTC, datetime

import pytest

from reporting.questions.language.table import Asker, parse_table_query
from reporting.questions.table import TableQuery
from reporting.questions.timestamps import format_timestamp, parse_zone
from reporting.questions.window import Window

NOW = "2026-11-26T15:30:05"


def ask(zone: str = "Europe/Berlin", now: str = NOW, **fields: object) -> TableQuery:
    """`now` is local."""
    info = parse_zone(zone)
    moment = datetime.fromisoformat(now).replace(tzinfo=info).astimezone(UTC)
    body = json.dumps({"metrics": ["views"]} | fields).encode()
    return parse_table_query(body, Asker(b"project1", moment, info))


def local(window: Window, query: TableQuery) -> str:
    ends = [moment and moment.astimezone(query.timezone) for moment in (window.start, window.end)]
    return " ".join(format_timestamp(end)[:-6] if end else "-" for end in ends).replace(
        "T00:00:00", ""
    )


@pytest.mark.parametrize(
    ("period", "window", "previous"),
    [
        ("today", "2026-11-26 2026-11-27", "2026-11-25 2026-11-25T15:30:05"),
        ("yesterday", "2026-11-25 2026-11-26", "2026-11-24 2026-11-25"),
        ("7d", "2026-11-20 2026-11-27", "2026-11-13 2026-11-19T15:30:05"),
        ("28d", "2026-10-30 2026-11-27", "2026-10-02 2026-10-29T15:30:05"),
        ("30d", "2026-10-28 2026-11-27", "2026-09-28 2026-10-27T15:30:05"),
        ("90d", "2026-08-29 2026-11-27", "2026-05-31 2026-08-28T15:30:05"),
        ("91d", "2026-08-28 2026-11-27", "2026-05-29 2026-08-27T15:30:05"),
        ("12mo", "2025-11-27 2026-11-27", "2024-11-27 2025-11-26T15:30:05"),
        ("month", "2026-11-01 2026-11-27", "2026-10-01 2026-10-26T15:30:05"),
        ("lastMonth", "2026-10-01 2026-11-01", "2026-08-31 2026-10-01"),
        ("year", "2026-01-01 2026-11-27", "2025-01-01 2025-11-26T15:30:05"),
        (
            "24h",
            "2026-11-25T15:31:00 2026-11-26T15:31:00",
            "2026-11-24T15:31:00 2026-11-25T15:30:05",
        ),
    ],
)
def test_a_period_and_what_was_before_it(period: str, window: str, previous: str) -> None:
    query = ask(period=period, compare="previous")

    assert query.compare is not None
    assert local(query.span.window, query) == window
    assert local(query.compare.window, query) == previous


def test_all_ends_with_what_may_be_dated_ahead() -> None:
    query = ask(period="all")

    assert local(query.span.window, query) == "- 2026-11-28"


def test_a_month_is_compared_with_no_more_than_the_one_before() -> None:
    query = ask(now="2026-03-31T12:00:00", period="month", compare="previous")

    assert query.compare is not None
    assert local(query.compare.window, query) == "2026-02-01 2026-03-01"


@pytest.mark.parametrize(
    ("start", "end", "how", "expected"),
    [
        ("2026-11-02", "2026-11-09", "previous", "2026-10-26 2026-11-02"),
        ("2026-10-26", "2026-11-02", "previous", "2026-10-19 2026-10-26"),  # 169 hours before
        ("2026-11-02", "2026-11-02", "previous", "2026-11-01 2026-11-02"),
        ("2026-11-02", "2026-11-09", "year", "2025-11-03 2025-11-10"),
        (
            "2026-11-02T09:00:00+01:00",
            "2026-11-02T12:00:00+01:00",
            "previous",
            "2026-11-02T06:00:00 2026-11-02T09:00:00",
        ),
        (
            "2026-11-02T09:00:00+01:00",
            "2026-11-02T12:00:00+01:00",
            "year",
            "2025-11-03T09:00:00 2025-11-03T12:00:00",
        ),
        ("2026-11-24", "2026-11-28", "previous", "2026-11-20 2026-11-22T15:30:05"),
        ("2026-12-24", "2026-12-28", "previous", "2026-12-20 2026-12-20"),
    ],
)
def test_a_window_of_ones_own_is_compared(start: str, end: str, how: str, expected: str) -> None:
    query = ask(start=start, end=end, compare=how)

    assert query.compare is not None
    assert local(query.compare.window, query) == expected


def test_it_is_compared_with_a_window_of_ones_own() -> None:
    over = ask(period="yesterday", compare={"start": "2026-05-01", "end": "2026-05-01"})
    begun = ask(period="today", compare={"start": "2026-05-01", "end": "2026-05-01"})

    assert over.compare is not None and begun.compare is not None
    assert local(over.compare.window, over) == "2026-05-01 2026-05-02"
    assert local(begun.compare.window, begun) == "2026-05-01 2026-05-01T15:30:05"


def test_days_begin_where_clocks_skip_midnight() -> None:
    query = ask("America/Santiago", "2026-09-06T12:00:00", period="today", compare="previous")

    assert query.compare is not None
    assert local(query.span.window, query) == "2026-09-06T01:00:00 2026-09-07"
    assert local(query.compare.window, query) == "2026-09-05 2026-09-05T12:00:00"


def test_the_second_of_a_repeated_hour_is_compared_with_the_second() -> None:
    query = ask(start="2025-10-26T01:00:00Z", end="2025-10-26T06:00:00Z", compare="year")

    assert query.compare is not None
    assert query.compare.window.start == datetime(2024, 10, 27, 1, tzinfo=UTC)
