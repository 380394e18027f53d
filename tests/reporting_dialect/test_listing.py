"""Events by their place, and what properties they have."""

from datetime import UTC, timedelta
from typing import Any

from reporting.columns.dialect.listing import find_events, find_first_event, list_properties
from reporting.questions.listing import EventPlace, EventsQuery, PropertiesQuery
from tests.reporting_dialect.asking import DAY, NOON, Files, is_, ms


def find(files: Files, **more: Any) -> list[EventPlace]:
    more = {"limit": 100, **more}
    query = EventsQuery(project=b"project.", window=DAY, timezone=UTC, **more)
    return list(find_events(files.engine, files.view, query).places)


def test_pages_of_events_go_back_in_time_and_never_overlap(files: Files) -> None:
    ids = [bytes([n]) * (16 + n % 2) for n in range(12)]
    files.store(*({"id": id_, "timestamp": ms(NOON) + n // 4} for n, id_ in enumerate(ids)))

    whole = find(files)
    assert whole == [EventPlace(ms(NOON) + n // 4, ids[n]) for n in reversed(range(12))]
    pages, after = [], None
    while page := find(files, limit=5, after=after):
        pages.append(page)
        after = page[-1]
    assert [place for page in pages for place in page] == whole
    assert [len(page) for page in pages] == [5, 5, 2]


def test_events_are_found_by_their_fields_and_properties(files: Files) -> None:
    files.store({"id": b"a" * 16, "properties": {"v": 1}}, {"id": b"b" * 16, "bot": "x"})

    assert [place.id for place in find(files)] == [b"b" * 16, b"a" * 16]
    assert [place.id for place in find(files, condition=is_("properties.v", "1"))] == [b"a" * 16]


def test_properties_are_listed_with_their_types_by_events(files: Files) -> None:
    later = NOON + timedelta(seconds=1)
    files.store(
        {"properties": {"a": 1, "b": "x", "": True}},
        {"properties": {"a": 1.5, "A": None, "o": {"x": 1}, "e": {}, "l": [1], "m": []}},
        {"properties": {"a": "VARCHAR", 'q"': 1}, "timestamp": later, "event": "buy"},
        {"properties": {}},
        {"properties": {"before": 1}, "timestamp": 0},
        {},
    )

    def list_(**more: Any) -> Any:
        query = PropertiesQuery(project=b"project.", window=DAY, timezone=UTC, **more)
        return list_properties(files.engine, files.view, query)

    answer = list_()
    assert answer.events == 5
    assert [(row.name, row.types, row.events) for row in answer.rows] == [
        ("a", ["number", "string"], 3),
        ("", ["boolean"], 1),
        ("A", ["null"], 1),
        ("b", ["string"], 1),
        ("e", ["object"], 1),
        ("l", ["array"], 1),
        ("m", ["array"], 1),
        ("o", ["object"], 1),
        ('q"', ["number"], 1),
    ]
    assert [row.last_seen for row in answer.rows[:2]] == [later, NOON]
    assert [row.name for row in list_(limit=2).rows] == ["a", ""]
    bought = list_(event="buy")
    assert (bought.events, [row.name for row in bought.rows]) == (1, ["a", 'q"'])
    assert (list_(event="none").events, list_(event="none").rows) == (0, [])


def test_the_first_event_is_that_of_the_bots_that_are_asked_for(files: Files) -> None:
    assert find_first_event(files.engine, files.view, "included") is None
    files.store({"timestamp": 5, "bot": "x"}, {"timestamp": ms(NOON)})

    first = find_first_event(files.engine, files.view, "only")
    assert first is not None and ms(first) == 5
    assert find_first_event(files.engine, files.view, "excluded") == NOON
