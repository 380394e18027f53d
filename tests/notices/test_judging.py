"""Whether an alert holds, and what is said of it, by numbers and moments alone."""

from datetime import timedelta
from typing import Any

import pytest

from notices.rules.judging import Episode, Verdict, Word, follow, judge
from notices.rules.measuring import Measure, find_base
from notices.rules.terms import make_alert
from reporting.web.table_wire import round_number
from tests.notices.rules import at

HOUR = timedelta(hours=1)
NINE = at("2025-05-01 09:02")


def compared(value: Any, before: Any, base: Any = None, base_before: Any = None) -> Measure:
    difference = None if None in (value, before) else round_number(value - before)
    change = difference / before if difference is not None and before else None
    base = value if base is None else base
    base_before = before if base_before is None else base_before
    return Measure(value, before, change, difference, base, base_before)


@pytest.mark.parametrize(
    ("terms", "found", "holds", "too_few"),
    [
        ({"how": "above", "value": 10}, Measure(11, base=11), True, False),
        ({"how": "above", "value": 10}, Measure(10, base=10), False, False),
        ({"how": "below", "value": 10}, Measure(9, base=9), True, False),
        ({"how": "below", "value": 10}, Measure(0, base=0), True, False),
        ({"how": "silent", "silentMinutes": 10, "metric": "events"}, Measure(0), True, False),
        ({"how": "silent", "silentMinutes": 10, "metric": "events"}, Measure(1), False, False),
        # a rate of three visits says nothing, where it takes ten
        ({"how": "above", "metric": "bounceRate", "value": 0.5, "smallest": 10},
         Measure(1.0, base=3), False, True),
        ({"how": "above", "metric": "bounceRate", "value": 0.5, "smallest": 10},
         Measure(0.6, base=10), True, False),
        ({"how": "below", "metric": "bounceRate", "value": 0.5}, Measure(None, base=0),
         False, True),
        # a count is judged as it is, whatever the smallest number
        ({"how": "below", "value": 10, "smallest": 50}, Measure(9, base=9), True, False),
        ({"how": "changed", "value": 0.5}, compared(150, 100), True, False),
        ({"how": "changed", "value": 0.5}, compared(50, 100), True, False),
        ({"how": "changed", "value": 0.5}, compared(51, 100), False, False),
        ({"how": "changed", "value": 0.5, "direction": "up"}, compared(50, 100), False, False),
        ({"how": "changed", "value": 0.5, "direction": "down"}, compared(150, 100), False, False),
        # by the larger of both: a fall to nothing counts, from two to six does not
        ({"how": "changed", "value": 0.5, "smallest": 20}, compared(0, 100), True, False),
        ({"how": "changed", "value": 0.5, "smallest": 20}, compared(6, 2), False, True),
        ({"how": "changed", "value": 0.5}, compared(30, 0), True, False),
        ({"how": "changed", "value": 0.5}, compared(0, 0), False, False),
        # rates in points, and each of both windows has enough
        ({"how": "changed", "metric": "bounceRate", "value": 0.1}, compared(0.5, 0.4, 9, 9),
         True, False),
        ({"how": "changed", "metric": "bounceRate", "value": 0.2}, compared(0.5, 0.4, 9, 9),
         False, False),
        ({"how": "changed", "metric": "bounceRate", "value": 0.1, "smallest": 5},
         compared(0.9, 0.4, 9, 2), False, True),
        ({"how": "changed", "metric": "avg(properties.n)", "value": 0.1}, compared(2, None),
         False, True),
    ],
)  # fmt: skip
def test_it_holds(terms: dict[str, Any], found: Measure, holds: bool, too_few: bool) -> None:
    assert judge(make_alert(**terms), found) == Verdict(holds, too_few)


@pytest.mark.parametrize(
    ("metric", "base"),
    [
        ("visitors", "visitors"),
        ("bounceRate", "visits"),
        ("conversionRate", "visitors"),
        ("p95(properties.ms)", "count(properties.ms)"),
        ("sum(properties.amount)", "sum(properties.amount)"),
    ],
)
def test_what_a_metric_is_judged_by(metric: str, base: str) -> None:
    assert find_base(metric) == base


def say(pause: timedelta, *looks: bool, every: timedelta = HOUR) -> list[Word | None]:
    episode, words = Episode(), []
    for number, holds in enumerate(looks):
        episode, word = follow(episode, Verdict(holds), NINE + number * every, pause)
        words.append(word)
    return words


def test_it_is_said_once_again_after_the_pause_and_then_that_it_is_over() -> None:
    words = say(3 * HOUR, False, True, True, True, True, True, False, False)

    assert words == [None, "fired", None, None, "again", None, "over", None]


def test_a_pause_of_one_unit_says_it_with_each() -> None:
    assert say(HOUR, True, True, True, False) == ["fired", "again", "again", "over"]


def test_what_flickers_says_no_more_than_the_pause_lets_it() -> None:
    """And that it is over of nothing that was not told."""
    words = say(4 * HOUR, True, False, True, False, True, True, False)

    assert words == ["fired", "over", None, None, "fired", None, "over"]


def test_that_it_began_within_the_pause_is_said_when_that_is_over() -> None:
    assert say(3 * HOUR, True, False, True, True, True) == ["fired", "over", None, "fired", None]
