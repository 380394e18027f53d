"""Metrics are exact, and what is no number says so."""

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reporting.questions.conditions import Not
from tests.reporting_dialect.asking import Files, all_of, any_of, is_

PERCENTS = (50, 75, 90, 95, 99)


def store_values(files: Files, values: Sequence[Any]) -> None:
    files.store(*({"properties": {"v": value}} for value in values))


def measure(files: Files, *names: str) -> tuple[Any, ...]:
    return files.totals(*(f"{name}(properties.v)" for name in names))


def nearest_rank(values: Sequence[Any], per_cent: int) -> Any:
    ordered = sorted(values)
    return next(v for n, v in enumerate(ordered, 1) if n * 100 >= per_cent * len(ordered))


def test_people_and_events_are_counted_by_what_they_are(files: Files) -> None:
    files.store(
        {"visitor": 1, "userId": "a"},
        {"visitor": 1, "event": "$engagement"},
        {"visitor": -(2**63), "userId": "a", "event": "buy"},
        {"event": "pageview"},
    )

    asked = ("views", "events", "everything", "visitors", "users")
    assert files.totals(*asked) == (2, 3, 4, 2, 1)


def test_numbers_alone_are_added_up_and_all_but_null_is_counted(files: Files) -> None:
    store_values(files, [1, 2.5, "3", True, None, [4], {"a": 5}, -7])
    files.store({"properties": {}}, {})

    asked = ("count", "sum", "avg", "min", "max", "unique", "p50")
    assert measure(files, *asked) == (7, -3.5, -3.5 / 3, -7, 2.5, 7, 1)


def test_of_nothing_a_count_and_a_sum_are_0_and_all_else_is_null(files: Files) -> None:
    asked = ["count", "sum", "unique", "avg", "min", "max", "p50", "p99"]
    more = ("views", "visitors", "users", "events", "engagedSeconds", "scrollDepth")

    for _ in range(2):  # without a file, and with events without the property
        assert measure(files, *asked) == (0, 0, 0, None, None, None, None, None)
        assert files.totals(*more, where=is_("path", "/x")) == (0, 0, 0, 0, None, None)
        mixed = ("engagedSeconds", "sum(properties.v)", "max(properties.v)", "avg(properties.v)")
        assert files.totals(*mixed) == (None, 0, None, None)
        files.store({"properties": {"w": 1}})


def test_sums_of_integers_are_exact_beyond_64_bits(files: Files) -> None:
    store_values(files, [2**63 - 1] * 5 + [1, -(2**63), 3.0])

    assert measure(files, "sum", "max", "min", "p50") == (
        5 * (2**63 - 1) + 1 - 2**63 + 3, 2**63 - 1, -(2**63), 2**63 - 1,
    )  # fmt: skip
    assert isinstance(measure(files, "sum")[0], int)


def test_what_is_not_finite_is_null_and_counted(files: Files) -> None:
    store_values(files, [1.7e308, 1.7e308])

    answer = files.ask("sum(properties.v)", "avg(properties.v)", "max(properties.v)")
    total, mean, most = answer.totals.metrics
    assert (total, most) == (None, 1.7e308)
    assert mean == pytest.approx(1.7e308)
    assert answer.not_finite == 1


@pytest.mark.slow
def test_percentiles_are_of_the_nearest_rank(files: Files) -> None:
    chance = random.Random(7)
    for count in (1, 2, 3, 4, 10, 20, 99, 100, 101):
        values = [chance.choice((chance.randrange(50), chance.random() * 50)) for _ in range(count)]
        files.segments.clear()
        store_values(files, values)
        expected = tuple(nearest_rank(values, per_cent) for per_cent in PERCENTS)
        assert measure(files, *(f"p{per_cent}" for per_cent in PERCENTS)) == expected, count


def test_order_and_size_of_integers_that_no_double_tells_apart(files: Files) -> None:
    values = [2**53 + 1, 2**53, 2**62 + 1, 2**62, 2.0**62]
    store_values(files, values)

    assert measure(files, "min", "max", "p50", "unique") == (2**53, 2**62 + 1, 2**62, 4)


NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-100, 100),
    st.floats(-1e6, 1e6),
    st.floats(-100, 100).map(lambda number: float(round(number))),
)


@pytest.mark.slow
@settings(max_examples=40)
@given(st.lists(NUMBERS, min_size=1, max_size=30))
def test_any_numbers_are_measured_as_by_hand(files: Files, values: list[int | float]) -> None:
    files.segments.clear()
    store_values(files, values)
    exact = [Fraction(value) for value in values]

    total, mean, least, most, middle, unique = measure(
        files, "sum", "avg", "min", "max", "p50", "unique"
    )
    assert (least, most, middle) == (min(exact), max(exact), nearest_rank(exact, 50))
    assert unique == len(set(exact))
    if all(value.denominator == 1 for value in exact):
        assert total == sum(exact)
    size = float(sum(map(abs, exact)))
    assert math.isclose(total, sum(exact), rel_tol=1e-9, abs_tol=1e-12 * size)
    assert math.isclose(mean, sum(exact) / len(exact), rel_tol=1e-9, abs_tol=1e-12 * size)


def test_a_sum_of_more_than_one_currency_says_so(files: Files) -> None:
    def sell(amount: Any, currency: Any) -> dict[str, Any]:
        return {"properties": {"v": amount, "currency": currency}, "title": str(currency)}

    files.store(sell(1, "EUR"), sell(2, None), sell("3", "USD"), {"properties": {"v": 4}})
    asked = ("views", "sum(properties.v)", "avg(properties.v)", "sum(properties.w)")
    assert files.ask(*asked).mixed == []

    files.store(sell(5, "USD"))
    answer = files.ask(*asked, by=["title"])
    assert answer.mixed == ["sum(properties.v)"]
    assert files.ask(*asked, where=is_("properties.currency", "EUR")).mixed == []


def engage(view: Any, **properties: Any) -> dict[str, Any]:
    return {"event": "$engagement", "properties": {"view": view, **properties}}


def test_of_each_view_the_most_counts_and_then_the_mean(files: Files) -> None:
    files.store(
        engage("a", seconds=10, scroll=20),
        engage("a", seconds=30, scroll=10),
        engage("b", seconds=99_999, scroll=170),
        engage("c", scroll=-5),
        engage("d", seconds="12"),
        engage(None, seconds=1),
        {"event": "other", "properties": {"view": "a", "seconds": 3000}},
    )

    assert files.totals("engagedSeconds", "scrollDepth") == ((30 + 3600) / 2, (20 + 100 + 0) / 3)


def test_engagement_leaves_conditions_on_the_event_to_the_other_metrics(files: Files) -> None:
    files.store(
        {"path": "/a"},
        {**engage("a", seconds=10), "path": "/a"},
        {**engage("b", seconds=50), "path": "/b"},
    )
    asked = ("views", "engagedSeconds")
    view, here = is_("event", "pageview"), is_("path", "/a")

    assert files.totals(*asked, where=view) == (1, 30)
    assert files.totals(*asked, where=all_of(view, here)) == (1, 10)
    assert files.totals(*asked, where=any_of(Not(view), here)) == (1, 10)
    assert files.table(*asked, by=["path"], where=view) == [("/a", 1, 10), ("/b", 0, 50)]


def test_objects_that_engagement_alone_has_are_compact_json_too(files: Files) -> None:
    files.store(
        {"path": "/a"},
        engage("a", seconds=10, v={"b": 1, "a": [2]}),
        engage("b", seconds=50, v={"a": [2.0], "b": 1}),
    )
    asked = {"by": ["properties.v"], "where": is_("event", "pageview")}

    assert files.table("engagedSeconds", **asked) == [('{"a":[2],"b":1}', 30)]
    assert files.table("views", "engagedSeconds", **asked) == [
        (None, 1, None), ('{"a":[2],"b":1}', 0, 30),
    ]  # fmt: skip


def test_who_reached_the_goal_is_of_those_who_pass_the_filter(files: Files) -> None:
    files.store(
        {"visitor": 1, "path": "/a"},
        {"visitor": 1, "path": "/b", "event": "buy"},
        {"visitor": 2, "path": "/a"},
        {"visitor": 3, "path": "/b"},
        {"path": "/a", "event": "buy"},
    )
    asked, goal = ("visitors", "conversions", "conversionRate"), is_("event", "buy")

    assert files.totals(*asked, goal=goal) == (3, 1, 1 / 3)
    assert files.totals(*asked, goal=goal, where=is_("path", "/a")) == (2, 0, 0)
    assert files.totals(*asked, goal=goal, where=is_("path", "/x")) == (0, 0, None)
    assert files.table(*asked, goal=goal, by=["path"]) == [("/a", 2, 1, 0.5), ("/b", 2, 1, 0.5)]


def test_nothing_has_no_smallest_value_beside_engagement_either(files: Files) -> None:
    files.store({"event": "pageview"})

    asked = ("views", "engagedSeconds", "min(properties.v)", "sum(properties.v)")
    assert files.totals(*asked) == (1, None, None, 0)
