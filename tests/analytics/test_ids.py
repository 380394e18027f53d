"""Identifiers: which event ids are kept as the bytes of a UUID."""

import re
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analytics.events.ids import (
    PLACE_BYTES,
    after_project,
    event_id_of,
    event_ids_of,
    event_key,
    ids_of,
    is_uuid_key,
    make_event_key,
    read_uuids,
)
from tests.paths import ROOT

PROJECT = b"project1"
CANONICAL = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")

_uuids = st.uuids().map(str)
_near = st.builds(
    lambda text, at, character: text[:at] + character + text[at + 1 :],
    _uuids,
    st.integers(0, 35),
    st.sampled_from("0aAgG-_ \n\u0660\u00e9"),
)


@settings(max_examples=300)
@given(_uuids | _uuids.map(str.upper) | _near | st.text(max_size=40) | st.text("0a-", min_size=36))
def test_a_uuid_in_its_one_spelling_is_kept_as_its_bytes(event_id: str) -> None:
    key = event_key(PROJECT, event_id)

    assert key.startswith(PROJECT)
    assert is_uuid_key(key) == (CANONICAL.fullmatch(event_id) is not None)
    assert event_id_of(key) in ((event_id,) if is_uuid_key(key) else (None,))


@settings(max_examples=200)
@given(st.lists(_uuids) | st.lists(_uuids | _near | st.text(max_size=40)))
def test_ids_are_read_together_as_each_alone(event_ids: list[str]) -> None:
    keys = [
        make_event_key(PROJECT, event_id, uuid, public=False)
        for event_id, uuid in zip(event_ids, read_uuids(event_ids), strict=True)
    ]

    assert keys == [event_key(PROJECT, event_id) for event_id in event_ids]


def test_two_ids_that_make_two_uuids_only_together_are_none() -> None:
    one, other = str(UUID(int=1)), str(UUID(int=2))

    assert read_uuids([one + other[0], other[1:]]) == [b"", b""]


@pytest.mark.parametrize("digit", "07")
def test_a_uuid_of_digits_alone_is_one(digit: str) -> None:
    uuid = str(UUID(digit * 32))

    assert is_uuid_key(event_key(PROJECT, uuid))


# --- Ranges of ids ------------------------------------------------------------------------------

HELPERS = {
    "analytics/events/ids.py",
    "upkeep/rollups/runs.py",  # pieces of a run, which run_range bounds
    "upkeep/erasure/buckets.py",  # text, of an erasure
    "reporting/raw/counting.py",  # numbers, of the points of a series
}


def bson_order(key: bytes) -> tuple[int, bytes]:
    """As MongoDB compares binary values: the length comes first."""
    return len(key), key


def matches(condition: dict[str, dict[str, bytes]], key: bytes) -> bool:
    [bounds] = condition.values()
    tests = {
        "$gt": lambda bound: bson_order(key) > bson_order(bound),
        "$gte": lambda bound: bson_order(key) >= bson_order(bound),
        "$lte": lambda bound: bson_order(key) <= bson_order(bound),
    }
    return all(tests[operator](bound) for operator, bound in bounds.items())


_projects = st.binary(min_size=8, max_size=8)
_places = st.binary(min_size=PLACE_BYTES, max_size=PLACE_BYTES)


@settings(max_examples=300)
@given(_projects, _projects, _places, st.none() | _places, _places)
def test_a_range_of_ids_holds_those_of_its_project_and_no_other(
    project: bytes, other: bytes, place: bytes, after: bytes | None, last: bytes
) -> None:
    condition = ids_of(project, PLACE_BYTES, after=after, last=last)

    inside = (after is None or place > after) and place <= last
    assert matches(condition, project + place) == inside
    assert other == project or not matches(condition, other + place)
    assert not matches(condition, project + place + b"\0")


@settings(max_examples=100)
@given(_projects, st.text(min_size=1) | _uuids)
def test_the_ranges_of_events_hold_every_shape_of_id(project: bytes, event_id: str) -> None:
    key = event_key(project, event_id)

    assert [matches(condition, key) for condition in event_ids_of(project)].count(True) == 1


@pytest.mark.parametrize("bound", [b"", b"short", b"x" * 15])
def test_a_bound_that_is_no_whole_id_is_refused(bound: bytes) -> None:
    for side in ("first", "after", "last"):
        if bound or side == "after":
            with pytest.raises(ValueError, match="bound of"):
                ids_of(PROJECT, PLACE_BYTES, **{side: bound})
    with pytest.raises(ValueError, match="project id"):
        ids_of(PROJECT + b"x", PLACE_BYTES)


def test_a_cursor_among_the_records_of_another_project_is_none() -> None:
    assert after_project(PROJECT, PROJECT + b"place", 5) == b"place"
    for cursor in (None, b"project0place", PROJECT, PROJECT + b"places"):
        assert after_project(PROJECT, cursor, 5) is None


def test_nobody_else_makes_a_range_of_ids() -> None:
    """A range by hand is how one project's data were reached from another."""
    by_hand = re.compile(r"""["']_id["']:\s*\{\s*["']\$[gl]te?["']""")
    found = {
        str(path.relative_to(ROOT))
        for folder in ("analytics", "ingestion", "upkeep", "reporting", "config")
        for path in (ROOT / folder).rglob("*.py")
        if by_hand.search(path.read_text())
    }
    assert found <= HELPERS
