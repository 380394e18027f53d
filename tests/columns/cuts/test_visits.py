"""What the engine makes of events is what visits are, one by one."""

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from columns.files.days import day_of, index_days, list_midnights
from columns.files.layout import OF_VISITS, TYPES, VISIT_TYPES
from columns.files.visits import PAUSE_MS, work_out
from tests.columns.cuts.visits import Row, find_visits

ZONE = "Europe/Berlin"
DAY = 20_539  # the 27th of March 2026; clocks go on at the 29th
MIDNIGHTS = list_midnights(DAY, DAY + 4, ZONE)
NOON = MIDNIGHTS[0] + 12 * 3_600_000
MINUTE = 60_000

_engine = duckdb.connect()


@pytest.fixture(autouse=True, scope="module")
def _close() -> Iterator[None]:
    yield
    _engine.close()


def make(*rows: Row) -> list[Row]:
    """Rows with ids that rise in their order."""
    return [
        {"id": number.to_bytes(16, "big"), "event": "pageview", "visitor": 1, "path": f"/{number}"}
        | row
        for number, row in enumerate(rows)
    ]


def ask(rows: Sequence[Row], columns: Collection[str] = tuple(VISIT_TYPES)) -> dict[int, Row]:
    """The asked-for columns of each row by its index, as the engine has them."""
    _engine.execute(
        "CREATE OR REPLACE TABLE events ("
        + ", ".join(f'"{name}" {kind}' for name, kind in TYPES.items())
        + ")"
    )
    marks = ", ".join("?" * len(TYPES))
    _engine.executemany(
        f"INSERT INTO events VALUES ({marks})", [[row.get(name) for name in TYPES] for row in rows]
    )
    found = _engine.execute(work_out("events", index_days(MIDNIGHTS), columns))
    names = [column[0] for column in found.description or ()]
    assert names == [*TYPES, *(name for name in VISIT_TYPES if name in columns)]
    answers = [dict(zip(names, row, strict=True)) for row in found.fetchall()]
    assert len(answers) == len(rows)
    by_id = {answer["id"]: answer for answer in answers}
    return {
        index: {name: by_id[row["id"]][name] for name in columns} for index, row in enumerate(rows)
    }


def starts(rows: Sequence[Row]) -> list[int | None]:
    found = ask(rows, ["visitStart"])
    return [found[index]["visitStart"] for index in range(len(rows))]


moments = st.one_of(
    st.integers(0, 90).map(lambda minutes: NOON + minutes * MINUTE),
    st.integers(0, 3).map(lambda pauses: NOON + pauses * PAUSE_MS),
    st.integers(0, 3).map(lambda pauses: NOON + pauses * (PAUSE_MS - 1)),
    st.tuples(st.sampled_from(MIDNIGHTS[1:4]), st.integers(-40, 40)).map(
        lambda midnight: midnight[0] + midnight[1] * MINUTE
    ),
    st.sampled_from(MIDNIGHTS[1:4]).map(lambda midnight: midnight - 1),
    st.integers(MIDNIGHTS[0], MIDNIGHTS[-1] - 1),
)
texts = st.sampled_from([None, "", "a", "b"])
row = st.fixed_dictionaries(
    {
        "id": st.binary(min_size=16, max_size=17),
        "timestamp": moments,
        "event": st.sampled_from(
            ["pageview", "pageview", "signup", "$engagement", "$", "Pageview"]
        ),
        "visitor": st.sampled_from([None, -1, 1, 2]),
        "anonymous": st.sampled_from([None, None, 2, -7]),
        "bot": st.sampled_from([None, None, None, "Googlebot"]),
        "path": st.sampled_from([None, "/", "/a", "/b"]),
        **{own: texts for own in ("referrer", "source", "country", "device", "utmTerm")},
    }
)


@pytest.mark.slow
@given(st.lists(row, min_size=1, max_size=25, unique_by=lambda row: row["id"]))
def test_every_story_has_the_visits_that_are_counted_one_by_one(rows: list[Row]) -> None:
    assert ask(rows) == find_visits(rows, lambda ms: day_of(ms, ZONE))


def test_a_visit_ends_before_an_event_that_comes_a_whole_pause_later() -> None:
    second = NOON + PAUSE_MS - 1
    third = second + PAUSE_MS
    rows = make({"timestamp": NOON}, {"timestamp": second}, {"timestamp": third})

    assert starts(rows) == [NOON, NOON, third]


def test_a_visit_ends_at_midnight_of_its_zone_and_of_no_other() -> None:
    rows = make(
        {"timestamp": MIDNIGHTS[1] - 1},
        {"timestamp": MIDNIGHTS[1]},
        {"timestamp": MIDNIGHTS[1] + 3_600_000 - 1},  # midnight of UTC is between
        {"timestamp": MIDNIGHTS[1] + 3_600_000},
    )

    first, late = MIDNIGHTS[1], MIDNIGHTS[1] + 3_600_000 - 1
    assert starts(rows) == [MIDNIGHTS[1] - 1, first, late, late]


def test_reserved_names_begin_no_visit_but_extend_it() -> None:
    rows = make(
        {"timestamp": NOON - MINUTE, "event": "$engagement"},
        {"timestamp": NOON},
        {"timestamp": NOON + 20 * MINUTE, "event": "$engagement"},
        {"timestamp": NOON + 40 * MINUTE, "event": "$engagement"},
        {"timestamp": NOON + 60 * MINUTE, "event": "signup"},
    )

    found = ask(rows)

    assert [found[index]["visitStart"] for index in range(5)] == [None, NOON, NOON, NOON, NOON]
    assert [found[index]["visitFirst"] for index in range(5)] == [False, True, False, False, False]
    assert {found[index]["visitMs"] for index in range(1, 5)} == {60 * MINUTE}
    assert not found[1]["visitBounced"]
    assert ask(rows[:4])[1]["visitBounced"]


def test_of_one_millisecond_pageviews_come_first_and_reserved_names_by_their_ids() -> None:
    signup = {"timestamp": NOON, "event": "signup"}
    engagement = {"timestamp": NOON, "event": "$engagement"}
    view = {"timestamp": NOON + 1}

    before, after = make(engagement, signup, view), make(signup, engagement, view)

    assert starts(before) == [None, NOON, NOON]
    assert starts(after) == [NOON, NOON, NOON]
    assert starts(make(engagement, {"timestamp": NOON})) == [NOON, NOON]


def test_without_a_pageview_there_is_no_visit_and_nothing_of_it() -> None:
    rows = make(
        {"timestamp": NOON, "event": "signup", "source": "Google"},
        {"timestamp": NOON + MINUTE, "event": "buy"},
    )

    found = ask(rows)

    assert found[0]["visitStart"] is found[0]["entryPath"] is found[0]["visitBounced"] is None
    assert found[0]["visitFirst"] is False
    assert found[0]["visitSource"] == "Google"
    assert found[1]["visitSource"] is None


def test_what_the_first_pageview_has_not_the_visit_has_not() -> None:
    rows = make(
        {"timestamp": NOON, "event": "signup", "source": "Google", "country": "DE"},
        {"timestamp": NOON + 1, "country": "FR", "path": None},
        {"timestamp": NOON + 2, "source": "Bing", "country": "IT", "path": "/last"},
    )

    found = ask(rows)

    told = ("visitSource", "visitCountry", "entryPath", "exitPath")
    assert {tuple(found[index][name] for name in told) for index in range(3)} == {
        (None, "FR", None, "/last")
    }


def test_an_anonymous_id_is_whose_visit_it_is_whoever_signs_in() -> None:
    rows = make(
        {"timestamp": NOON, "anonymous": 5, "visitor": 5},
        {"timestamp": NOON + 1, "anonymous": 5, "visitor": 9},
        {"timestamp": NOON + 2, "visitor": 9},
    )

    assert starts(rows) == [NOON, NOON, NOON + 2]


@pytest.mark.parametrize("column", VISIT_TYPES)
def test_each_column_can_be_asked_for_alone(column: str) -> None:
    rows = make({"timestamp": NOON, **dict.fromkeys(OF_VISITS, "x")}, {"timestamp": NOON + 1})
    expected: dict[int, Row] = find_visits(rows, lambda ms: day_of(ms, ZONE))

    found: dict[int, Any] = ask(rows, [column])

    assert found == {index: {column: row[column]} for index, row in expected.items()}
