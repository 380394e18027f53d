"""Metrics and fields of visits: which visits are counted, in which rows, and what of them."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from reporting.columns.dialect.groups.visits import measure_visits
from reporting.questions.conditions import Did, Not
from reporting.questions.table import Span, Unit
from reporting.questions.window import Window
from tests.reporting_dialect.asking import DAY, NOON, Event, Files, all_of, any_of, is_

EVERYTHING = ("visits", "bounceRate", "visitDuration", "viewsPerVisit")
Keep = Callable[..., None]


def at(minutes: float, **fields: Any) -> dict[str, Any]:
    number = next(_numbers)
    return {
        "id": number.to_bytes(16, "big"),
        "timestamp": NOON + timedelta(minutes=minutes),
    } | fields


def _count() -> Any:
    number = 0
    while True:
        number += 1
        yield number


_numbers = _count()


@pytest.fixture(params=["settled", "loose"])
def keep(request: pytest.FixtureRequest, files: Files) -> Keep:
    """Stores events as a segment whose visits hold, or as one of which no visits are known."""

    def cut(*events: Event) -> None:
        files.cut_by("UTC", *events)
        files.unsettled = files.unsettled or (0, 0)

    return cut if request.param == "settled" else files.store


def store_story(keep: Keep) -> None:
    """Ann reads three pages in 20 minutes and buys; Bob bounces; Cem comes twice."""
    keep(
        at(0, visitor=1, path="/", country="DE", referrer="a.example"),
        at(5, visitor=1, path="/x", country="FR"),
        at(8, visitor=1, path="/x", event="$engagement"),
        at(20, visitor=1, path="/buy", country="FR"),
        at(20, visitor=1, path="/buy", event="purchase", properties={"amount": 5}),
        at(1, visitor=2, path="/x", country="FR"),
        at(9, visitor=2, path="/x", event="$engagement"),
        at(-200, visitor=3, path="/", country="DE"),
        at(-199, visitor=3, path="/", country="DE", event="signup"),
        at(100, visitor=3, path="/x", country="DE"),
        at(3, visitor=4, path="/x", bot="GPTBot"),
        at(3, path="/x"),
        at(3, visitor=5, path="/x", event="signup"),
    )


def test_visits_bounces_durations_and_views_are_of_whole_visits(files: Files, keep: Keep) -> None:
    store_story(keep)

    assert files.totals(*EVERYTHING) == (4, 0.5, (1_200 + 480 + 60 + 0) / 4, 6 / 4)
    assert files.totals("visits", "views", "visitors", "events") == (4, 8, 5, 11)


def test_without_visits_rates_are_null(files: Files, keep: Keep) -> None:
    keep(at(0, visitor=1, event="signup"), at(0, visitor=2, bot="GPTBot"))

    assert files.totals(*EVERYTHING) == (0, None, None, None)
    assert files.totals(*EVERYTHING, where=is_("event", "signup")) == (0, None, None, None)
    assert files.totals(*EVERYTHING, bots="only") == (0, None, None, None)
    assert files.table("visits", by=["path"]) == []
    assert files.table("views", "visits", by=["path"]) == [("/", 1, 0)]


def test_a_field_of_the_visit_is_that_of_its_first_pageview(files: Files, keep: Keep) -> None:
    store_story(keep)

    assert files.table("visits", "bounceRate", by=["visit.country"]) == [
        ("DE", 3, 1 / 3),
        ("FR", 1, 1),
    ]
    assert files.table("views", by=["visit.country"]) == [("DE", 5), (None, 2), ("FR", 1)]
    assert files.table("views", by=["country"]) == [("DE", 3), ("FR", 3), (None, 2)]
    assert files.totals("views", where=is_("visit.referrer", "a.example")) == (3,)


def test_entry_and_exit_are_of_pageviews_and_of_no_event_without_visit(
    files: Files, keep: Keep
) -> None:
    store_story(keep)

    assert files.table("visits", by=["visit.entryPath", "visit.exitPath"]) == [
        ("/x", "/x", 2),
        ("/", "/", 1),
        ("/", "/buy", 1),
    ]
    assert files.table("events", by=["visit.entryPath"], order=[("dimension", 0, False)]) == [
        ("/", 6), ("/x", 2), (None, 3),
    ]  # fmt: skip


def test_a_visit_counts_where_any_of_its_events_passes_and_counts_whole(
    files: Files, keep: Keep
) -> None:
    store_story(keep)

    assert files.totals(*EVERYTHING, where=is_("path", "/buy")) == (1, 0, 1_200, 3)
    assert files.totals("visits", where=is_("event", "purchase", "signup")) == (2,)
    assert files.totals("visits", "views", where=is_("path", "/x")) == (3, 5)
    assert files.table("visits", by=["visit.country"], where=is_("path", "/x")) == [
        ("DE", 2),
        ("FR", 1),
    ]
    both = all_of(is_("path", "/x"), is_("visit.country", "DE"))
    assert files.totals("visits", where=both) == (2,)
    assert files.totals("visits", where=Not(is_("path", "/x"))) == (2,)


def test_a_visit_is_in_each_row_that_one_of_its_events_falls_into(files: Files, keep: Keep) -> None:
    store_story(keep)

    answer = files.ask("visits", "viewsPerVisit", by=["path"])
    rows = [(*row.dimensions, *row.metrics) for row in answer.rows]
    assert rows == [("/x", 3, 5 / 3), ("/", 2, 2), ("/buy", 1, 3)]
    assert answer.totals.metrics == (4, 6 / 4)
    assert files.table("visits", by=["properties.amount"]) == [(None, 4), (5, 1)]
    assert files.table("visits", by=["path", "visit.country"], where=is_("path", "/x")) == [
        ("/x", "DE", 2),
        ("/x", "FR", 1),
    ]


def test_a_visit_counts_in_the_window_and_unit_in_which_it_begins(files: Files, keep: Keep) -> None:
    keep(
        at(-5, visitor=1, path="/"),
        at(5, visitor=1, path="/late"),
        at(58, visitor=2, path="/"),
        at(62, visitor=2, path="/late"),
        at(62, visitor=2, path="/late", event="signup"),
    )
    hour = Window(NOON, NOON + timedelta(hours=1))
    boundaries = [NOON + timedelta(hours=hours) for hours in (0, 1)]

    assert files.totals("visits", "visitDuration", "views", window=hour) == (1, 240, 2)
    # After the end of the window, and nevertheless of a visit that began in it.
    late = is_("path", "/late")
    assert files.totals("visits", "views", window=hour, where=late) == (1, 1)
    assert files.totals("visits", "events", window=hour, where=is_("event", "signup")) == (1, 0)
    asked = {"by": [Unit("hour")], "window": hour, "boundaries": boundaries}
    assert files.table("visits", **asked) == [(NOON, 1)]
    assert files.table("visits", "views", where=late, **asked) == [(NOON, 1, 1)]
    wide = Window(NOON - timedelta(hours=1), NOON + timedelta(hours=2))
    hours = [NOON + timedelta(hours=each) for each in (-1, 0, 1, 2)]
    rows = files.table("visits", "views", by=[Unit("hour"), "path"], window=wide, boundaries=hours)
    assert sorted(rows) == [
        (hours[0], "/", 1, 1),
        (hours[0], "/late", 1, 0),
        (hours[1], "/", 1, 1),
        (hours[1], "/late", 1, 1),
        (hours[2], "/late", 0, 1),
    ]


def test_units_add_up_to_the_window(files: Files, keep: Keep) -> None:
    store_story(keep)
    hours = [DAY.start + timedelta(hours=each) for each in range(25)] if DAY.start else []

    series = files.table("visits", by=[Unit("hour")], boundaries=hours)

    assert [row for row in series if row[1]] == [
        (NOON - timedelta(hours=4), 1),
        (NOON, 2),
        (NOON + timedelta(hours=1), 1),
    ]
    assert sum(row[1] for row in series) == files.totals("visits")[0] == 4


def test_who_signs_in_on_the_way_is_in_one_visit(files: Files, keep: Keep) -> None:
    keep(
        at(0, anonymous=1, visitor=1, path="/"),
        at(1, anonymous=1, visitor=9, userId="ann", path="/account"),
        at(2, anonymous=2, visitor=9, userId="ann", path="/account"),
    )

    assert files.totals("visits", "visitors") == (2, 2)
    assert files.table("visits", by=["userId"]) == [("ann", 2), (None, 1)]
    # Of the event's own visitor: nobody else did it, and the other visit's event is hers too.
    did = Did(is_("visit.entryPath", "/"))
    assert files.totals("visits", "views", where=did) == (2, 3)
    assert files.totals("visits", "views", where=all_of(did, is_("path", "/"))) == (1, 1)


def test_did_asks_the_window_whatever_day_a_visit_is_of(files: Files, keep: Keep) -> None:
    keep(
        at(-30, visitor=1, path="/before"),
        at(5, visitor=1, path="/"),
        at(70, visitor=2, path="/after"),
        at(50, visitor=2, path="/"),
    )
    hour = Window(NOON, NOON + timedelta(hours=1))

    assert files.totals("visits", window=hour, where=Did(is_("path", "/before"))) == (0,)
    assert files.totals("visits", window=hour, where=Did(is_("path", "/after"))) == (0,)
    assert files.totals("visits", window=hour, where=Did(is_("path", "/"))) == (2,)


def test_engagement_is_told_by_fields_of_visits_too(files: Files, keep: Keep) -> None:
    keep(
        at(0, visitor=1, country="DE"),
        at(1, visitor=1, event="$engagement", properties={"view": "a", "seconds": 30}),
        at(1, visitor=2, event="$engagement", properties={"view": "b", "seconds": 10}),
    )

    asked = {"by": ["visit.country"], "order": [("dimension", 0, False)]}
    assert files.table("engagedSeconds", "visits", **asked) == [("DE", 30, 1), (None, 10, 0)]


def test_a_goal_may_be_of_visits(files: Files, keep: Keep) -> None:
    store_story(keep)

    asked = {"goal": is_("visit.exitPath", "/buy"), "where": is_("path", "/x")}
    assert files.totals("visitors", "conversions", "visits", **asked) == (5, 1, 3)


def test_the_other_window_has_visits_of_its_own(files: Files, keep: Keep) -> None:
    keep(
        at(0, visitor=1, path="/"),
        at(1, visitor=1, path="/x"),
        at(0, visitor=2, path="/x"),
        at(-24 * 60, visitor=1, path="/"),
    )
    assert DAY.start and DAY.end
    before = Window(DAY.start - timedelta(days=1), DAY.start)

    answer = files.ask("visits", "bounceRate", by=["visit.entryPath"], compare=Span(window=before))

    assert [(row.dimensions, row.metrics, row.compared) for row in answer.rows] == [
        (("/",), (1, 0), (1, 1)),
        (("/x",), (1, 1), (0, None)),
    ]
    assert answer.totals.compared == (1, 1)


def test_objects_in_events_after_the_window_are_written_as_all_others(
    files: Files, keep: Keep
) -> None:
    keep(
        at(58, visitor=1),
        at(61, visitor=1, event="load", properties={"v": {"b": 1, "a": 2}}),
        at(61, visitor=1, event="load", properties={"v": {"a": 2, "b": 1.0}}),
    )
    hour = Window(NOON, NOON + timedelta(hours=1))

    rows = files.table("visits", by=["properties.v"], window=hour)
    assert rows == [('{"a":2,"b":1}', 1), (None, 1)]


def test_rows_are_ordered_by_metrics_of_visits_and_pages_do_not_overlap(
    files: Files, keep: Keep
) -> None:
    store_story(keep)

    by_duration = [("metric", 1, False), ("dimension", 0, False)]
    asked = {"by": ["path"], "order": by_duration}
    rows = files.table("visits", "visitDuration", **asked)
    assert rows == [("/x", 3, 560), ("/", 2, 630), ("/buy", 1, 1_200)]
    pages = [files.table("visits", "visitDuration", limit=1, offset=n, **asked) for n in range(3)]
    assert [row for page in pages for row in page] == rows


@pytest.mark.parametrize(
    "where",
    [None, is_("visit.country", "DE"), Not(any_of(is_("visit.entryPath", "/x")))],
)
def test_first_events_say_the_same_as_whole_visits(
    files: Files, keep: Keep, where: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store_story(keep)
    asked = {"by": ["visit.exitPath"], "where": where}
    fast = files.table(*EVERYTHING, **asked)
    monkeypatch.setattr(f"{measure_visits.__module__}._passes_whole", lambda query: False)

    assert files.table(*EVERYTHING, **asked) == fast
    assert fast


def test_midnight_of_the_zone_ends_a_visit(files: Files) -> None:
    midnight = datetime(2026, 11, 10, 23, tzinfo=NOON.tzinfo)
    files.store(
        {"visitor": 1, "timestamp": midnight - timedelta(minutes=1)},
        {"visitor": 1, "timestamp": midnight + timedelta(minutes=1)},
    )
    week = Window(NOON - timedelta(days=3), NOON + timedelta(days=3))

    assert files.totals("visits", window=week, visit_zone="Europe/Berlin") == (2,)
    assert files.totals("visits", window=week, visit_zone="UTC") == (1,)
