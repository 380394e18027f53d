"""Numbers, durations and changes as people read them."""

from datetime import UTC, datetime, timedelta

import pytest

from dashboard.address.view import View
from dashboard.parts.lists import _disarm
from dashboard.parts.top import _show
from reporting.words.formats import format_count, format_duration, format_ends, format_share
from reporting.words.metrics import METRICS, tell_change


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0, "0"), (7, "7"), (9_999, "9,999"), (10_000, "10.0k"), (12_399, "12.3k"),
        (99_999, "99.9k"), (123_999, "123k"), (999_999, "999k"), (1_239_999, "1.23M"),
        (12_399_999, "12.3M"), (1_999_999_999, "1.99B"), (None, "\N{EN DASH}"), (1.5, "1.50"),
    ],
)  # fmt: skip
def test_counts_have_three_digits_and_are_rounded_down(number: float | None, text: str) -> None:
    assert format_count(number) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (9.4, "9s"), (59.6, "1m 00s"), (125, "2m 05s"), (3_599, "59m 59s"),
     (3_720, "1h 02m"), (None, "\N{EN DASH}")],
)  # fmt: skip
def test_durations_are_written_in_two_parts(seconds: float | None, text: str) -> None:
    assert format_duration(seconds) == text


def test_shares_have_a_decimal() -> None:
    shares = [format_share(share) for share in (0.4128, 1, 0, None)]
    assert shares == ["41.3%", "100%", "0.0%", "\N{EN DASH}"]


@pytest.mark.parametrize(
    ("metric", "now", "before", "text", "mood"),
    [
        ("visitors", 120, 100, "20%", "good"),
        ("visitors", 101, 100, "1.0%", "good"),
        ("visitors", 80, 100, "20%", "bad"),
        ("visitors", 5, 0, "new", "good"),
        ("visitors", 13_117, 1, "1.31M%", "good"),
        ("visitors", 100, 1, "9,900%", "good"),
        ("visitors", 5, 5, "0%", "same"),
        ("visitors", 0, 0, "0%", "same"),
        ("bounceRate", 0.44, 0.41, "3.0 pp", "bad"),
        ("bounceRate", 0.38, 0.41, "3.0 pp", "good"),
        ("bounceRate", None, 0.41, "\N{EN DASH}", "none"),
        ("visitDuration", 60, None, "\N{EN DASH}", "none"),
    ],
)
def test_a_change_is_in_percent_and_of_rates_in_points(
    metric: str, now: float | None, before: float | None, text: str, mood: str
) -> None:
    has_both = now is not None and before is not None
    change = (now - before) / before if has_both and before else None  # type: ignore[operator]
    difference = now - before if has_both else None  # type: ignore[operator]

    told = tell_change(METRICS[metric], now, before, change, difference)

    assert (told.text, told.mood) == (text, mood)


def test_windows_are_told_by_their_days() -> None:
    first = datetime(2026, 10, 31, tzinfo=UTC)
    assert format_ends(first, first + timedelta(days=1)) == "31 Oct 2026"
    assert format_ends(first, first + timedelta(days=28)) == "31 Oct \N{EN DASH} 27 Nov 2026"
    assert format_ends(first, first + timedelta(days=90)).startswith("31 Oct 2026")
    assert format_ends(first, first + timedelta(hours=3)) == "31 Oct 2026, 00:00 \N{EN DASH} 03:00"


def test_texts_that_begin_like_formulas_are_disarmed_and_numbers_are_not() -> None:
    texts = ("=1+1", "+1", "-1", "@x", "\tx", "\rx", "a=1", "")
    assert [_disarm(text) for text in texts] == [
        "'=1+1", "'+1", "'-1", "'@x", "'\tx", "'\rx", "a=1", "",
    ]  # fmt: skip


@pytest.mark.parametrize(("error", "metric", "expected"), [(0, "visitors", False),
                         (0.02, "visitors", True), (0.02, "views", False)])  # fmt: skip
def test_people_who_were_not_counted_one_by_one_are_marked(
    error: float, metric: str, expected: bool
) -> None:
    answer = {"results": [{"metrics": [12_345]}], "meta": {"uniques": {"error": error}}}

    assert _show(View("7d"), metric, answer, 0, False).is_estimate is expected
