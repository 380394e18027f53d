"""What an address says, and how it is written."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from django.http import QueryDict

from dashboard.address.view import View, read_view
from dashboard.address.windows import Ends, list_units, move
from dashboard.parts.panels import TABS
from people.saved.filters import (
    OPERATORS,
    BadFilter,
    Filter,
    choose,
    leave_out,
    parse_filter,
)

NOW = datetime(2026, 11, 27, 9, 42, tzinfo=UTC)
BERLIN = ZoneInfo("Europe/Berlin")
VALUES = ("a", "a,b", "a:b", "a\\b", "\\", ",", ":", "", "é ü", "<b>", "'\"", "%2C", "&f=is:x:y")


def read(query: str, remembered: str = "") -> View:
    return read_view(
        QueryDict(query), zone=BERLIN, now=NOW, tabs=TABS, default_period="28d",
        remembered=remembered,
    )  # fmt: skip


@pytest.mark.parametrize("value", VALUES)
def test_a_filter_is_read_as_it_was_written(value: str) -> None:
    for found in (
        Filter("is", "path", (value,)),
        Filter("not", 'properties["a:b,c"]', (value, "x")),
    ):
        assert parse_filter(str(found)) == found
        address = View(period="7d", filters=(found,)).write()
        assert read(address.removeprefix("?")).filters == (found,)


def test_filters_are_short_and_readable() -> None:
    view = read("period=7d&f=is:country:DE,FR&f=unknown:referrer&f=starts:path:/blog/")

    assert view.write() == "?period=7d&f=is:country:DE,FR&f=unknown:referrer&f=starts:path:/blog/"
    assert view.condition == {
        "and": [
            {"field": "country", "op": "is", "values": ["DE", "FR"]},
            {"not": {"field": "referrer", "op": "exists"}},
            {"field": "path", "op": "startsWith", "values": ["/blog/"]},
        ]
    }


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_is_one_of_the_query_language(operator: str) -> None:
    assert parse_filter(f"{operator}:properties.n:1").operator == operator


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "begins with none of"),
        ("is", "begins with none of"),
        ("like:path:/", "begins with none of"),
        ("is:nothing:x", "names no field"),
        ("is:path", "has not 1 to 1,000 items"),
        ("gt:properties.a:b", "is not a finite number"),
        ("gt:path:1", "is for properties"),
        ("is:path:\\", "ends with a backslash"),
        ("is:path:a\x00b", "holds a NUL"),
    ],
)
def test_what_is_no_filter_says_why(text: str, why: str) -> None:
    with pytest.raises(BadFilter, match=why.replace("(", r"\(")):
        parse_filter(text)


def test_what_is_unknown_is_ignored_and_what_is_wrong_is_named_and_left_out() -> None:
    view = read("utm_source=x&period=5d&f=is:nothing:x&f=is:path:/&compare=never&pages=nope&unit=s")

    assert (view.period, view.compare, view.unit, view.tabs) == ("28d", "previous", None, {})
    assert view.filters == (Filter("is", "path", ("/",)),)
    assert {text.split()[0] for text in view.wrong} == {
        "pages=nope", "f=is:nothing:x", "compare=never", "unit=s", "period=5d",
    }  # fmt: skip


@pytest.mark.parametrize(
    "query",
    ["from=2026-11-02&to=2026-11-01", "from=x&to=y", "from=2026-11-01", "to=2026-11-01",
     "from=0001-01-01&to=0001-01-02", "from=%00&to=%00"],
)  # fmt: skip
def test_a_window_that_is_none_is_named_and_left_out(query: str) -> None:
    view = read(query)

    assert (view.period, view.start, view.end) == ("28d", None, None)
    assert len(view.wrong) == 1


def test_from_and_to_are_the_window_of_a_question() -> None:
    assert read("from=2026-11-01&to=2026-11-08").named == {
        "start": "2026-11-01", "end": "2026-11-08",
    }  # fmt: skip


def test_what_the_address_does_not_say_is_as_it_was_used_last() -> None:
    view = read("", "period=7d&compare=year&metric=views")
    assert (view.period, view.compare, view.metric) == ("7d", "year", "views")
    assert read("period=today", view.remember()).period == "today"
    hostile = read("", "period=5d&compare=x&metric=<b>&a=" + "b" * 5_000)
    assert (hostile.period, hostile.compare, hostile.metric) == ("28d", "previous", "visitors")
    assert hostile.wrong == ()


def test_the_same_value_again_takes_the_filter_off() -> None:
    chosen = choose((), "country", "DE")
    assert chosen == (Filter("is", "country", ("DE",)),)
    assert choose(chosen, "country", "DE") == ()
    assert choose(chosen, "country", None) == (Filter("unknown", "country"),)
    assert choose(choose(chosen, "country", None), "country", None) == ()
    left = leave_out(leave_out(chosen, "path", "/a"), "path", "/b")
    assert left == (*chosen, Filter("not", "path", ("/a", "/b")))
    assert leave_out((), "path", None) == (Filter("known", "path"),)


def ends(start: str, end: str) -> Ends:
    return Ends(*(datetime.fromisoformat(text).replace(tzinfo=BERLIN) for text in (start, end)))


@pytest.mark.parametrize(
    ("start", "end", "units"),
    [
        ("2026-11-01", "2026-11-02", ("hour", "minute")),
        ("2026-10-25", "2026-10-26", ("hour", "minute")),  # of 25 hours
        ("2026-10-20", "2026-10-27", ("day", "hour")),
        ("2026-10-01", "2026-11-01", ("day", "week")),
        ("2026-08-01", "2026-11-01", ("week", "month")),
        ("2025-11-01", "2026-11-01", ("month", "week")),
        ("1990-11-01", "2026-11-01", ("month",)),
    ],
)
def test_a_window_is_shown_in_units_that_fit(start: str, end: str, units: tuple[str, ...]) -> None:
    assert list_units(ends(start, end)) == units


def test_windows_move_by_whole_days_months_and_years() -> None:
    week = ends("2026-10-20", "2026-10-27")  # over the end of summer time
    assert move(week, -1, "7d") == {"from": "2026-10-13", "to": "2026-10-20"}
    assert move(week, 1, None) == {"from": "2026-10-27", "to": "2026-11-03"}
    month = ends("2026-03-01", "2026-03-12")
    assert move(month, -1, "month") == {"from": "2026-02-01", "to": "2026-03-01"}
    year = ends("2026-01-01", "2026-03-12")
    assert move(year, -1, "year") == {"from": "2025-01-01", "to": "2026-01-01"}
    assert move(week, -1, "all") is None


def test_the_forms_of_the_bar_are_read_without_a_script_too() -> None:
    view = read("from=2026-11-01&until=2026-11-07&f=is:path:/&how=not&field=country&value=a,b")

    assert view.named == {"start": "2026-11-01", "end": "2026-11-08"}
    assert view.filters == (Filter("is", "path", ("/",)), Filter("not", "country", ("a,b",)))
    assert read("how=known&field=referrer&value=").filters == (Filter("known", "referrer"),)
    assert len(read("how=like&field=path&value=x").wrong) == 1
    assert len(read("from=2026-11-01&until=x").wrong) == 1
    assert "full=1" in read("full=1&period=7d").shows(period="28d")
