"""Rows: which there are, what they are called, and in which order."""

from datetime import UTC, datetime
from typing import Any

import duckdb
import pytest

from analytics.web.problems import BadRequest
from reporting.columns.dialect import canonical
from reporting.questions.table import Span
from reporting.questions.window import Window
from tests.reporting_dialect.asking import NOON, Files, is_


def store_values(files: Files, *values: Any) -> None:
    files.store(*({"properties": {"v": value}} for value in values))


def names(files: Files, **more: Any) -> list[Any]:
    return [row[0] for row in files.table("views", by=["properties.v"], **more)]


def test_equal_numbers_are_one_row_and_no_row_of_their_spelling(files: Files) -> None:
    store_values(files, 5, 5.0, "5", "5.0", 0, -0.0, 2**63 - 1, 0.1, 1e21, 1.7e308)

    rows = files.table("views", by=["properties.v"])
    assert rows[:2] == [(0, 2), (5, 2)]
    assert rows[2:] == [
        (0.1, 1), (2**63 - 1, 1), (1e21, 1), (1.7e308, 1), ("5", 1), ("5.0", 1),
    ]  # fmt: skip
    assert all(type(value) is int for value, _ in rows[:2])


def test_null_and_absent_are_one_row_and_constants_are_no_texts(files: Files) -> None:
    store_values(files, None, True, "true", False, "null")
    files.store({}, {"properties": {"w": 1}})

    rows = files.table("views", by=["properties.v"])
    assert rows == [(None, 3), (False, 1), (True, 1), ("null", 1), ("true", 1)]
    assert [type(value) for value, _ in rows[1:3]] == [bool, bool]


def test_objects_and_arrays_are_compact_json_with_sorted_keys(files: Files) -> None:
    store_values(
        files,
        {"b": 1, "a": [5.0, {"d": "ä", "c": None}]},
        {"a": [5, {"c": None, "d": "ä"}], "b": 1.0},
    )
    store_values(files, [2, 1], [1, 2], {})

    assert files.table("views", "unique(properties.v)", by=["properties.v"]) == [
        ('{"a":[5,{"c":null,"d":"ä"}],"b":1}', 2, 1),
        ("[1,2]", 1, 1),
        ("[2,1]", 1, 1),
        ("{}", 1, 1),
    ]
    assert files.totals("unique(properties.v)") == (4,)


def test_too_many_objects_to_tell_apart_are_refused(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canonical, "MAX_NESTED", 2)
    store_values(files, [1], [2], [3])

    with pytest.raises(BadRequest) as refused:
        names(files)
    assert refused.value.code == "query_too_large"


def test_objects_that_are_too_long_together_are_refused(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(canonical, "MAX_NESTED_CHARS", 2_000)
    store_values(files, ["x" * 900], ["y" * 900], ["z" * 900])

    with pytest.raises(BadRequest) as refused:
        names(files)
    assert refused.value.code == "query_too_large"


@pytest.mark.nightly
def test_whoever_stops_the_engine_stops_the_writing_of_objects(
    files: Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []

    def write(value: str, *, sort_keys: bool) -> str:
        written.append(value)
        files.engine.interrupt()
        return value

    monkeypatch.setattr(canonical, "canonicalise", write)
    store_values(files, *([n] for n in range(5_000)))

    with pytest.raises(duckdb.InterruptException):
        names(files)
    assert len(written) < 5_000


def test_a_row_is_where_any_metric_is_neither_0_nor_null(files: Files) -> None:
    files.store(
        {"title": "a", "event": "x", "properties": {"v": 0}},
        {"title": "b", "event": "x", "properties": {"v": -1}},
        {"title": "c"},
    )

    assert files.table("views", by=["title"]) == [("c", 1)]
    assert files.table("sum(properties.v)", by=["title"]) == [("b", -1)]
    answer = files.ask("sum(properties.v)", "views", by=["title"], limit=1)
    assert (answer.total, answer.totals.metrics) == (2, (-1, 1))


def test_null_is_last_rising_and_falling_and_texts_go_by_their_bytes(files: Files) -> None:
    texts = ["b", "a", "B", "ä", "\U0001f600", "\uff5e", ""]
    files.store(*({"title": text} for text in texts), {})
    expected = sorted(texts, key=str.encode)

    def order(descending: bool) -> list[Any]:
        by = [("dimension", 0, descending)]
        return [row[0] for row in files.table("views", by=["title"], order=by)]

    assert order(False) == [*expected, None]
    assert order(True) == [*reversed(expected), None]


def test_a_metric_without_value_is_last_rising_and_falling(files: Files) -> None:
    files.store(
        *({"title": str(v), "properties": {"v": v}} for v in (2, 10, 1.5)), {"title": "none"}
    )

    def order(descending: bool) -> list[Any]:
        by = [("metric", 1, descending)]
        rows = files.table("views", "max(properties.v)", by=["title"], order=by)
        return [row[2] for row in rows]

    assert order(False) == [1.5, 2, 10, None]
    assert order(True) == [10, 2, 1.5, None]


def test_equal_rows_go_by_their_dimensions_and_pages_never_overlap(files: Files) -> None:
    files.store(
        *({"path": f"/{n % 7}", "properties": {"v": value}} for n in range(7) for value in (1, "1"))
    )
    by = ["path", "properties.v"]
    whole = files.table("views", by=by)

    assert whole == [(f"/{n}", value, 1) for n in range(7) for value in (1, "1")]
    pages = [files.ask("views", by=by, limit=4, offset=offset) for offset in range(0, 20, 4)]
    assert [(*row.dimensions, *row.metrics) for page in pages for row in page.rows] == whole
    assert {page.total for page in pages} == {14}
    assert {page.totals.metrics for page in pages} == {(14,)}


def test_without_dimensions_there_is_one_row(files: Files) -> None:
    for expected in (0, 1):
        answer = files.ask("views")
        [row] = answer.rows
        assert (row.dimensions, row.metrics, answer.total) == ((), (expected,), 1)
        files.store({})


def test_totals_count_people_once(files: Files) -> None:
    files.store(*({"visitor": 1, "path": path} for path in ("/a", "/b")), {"visitor": 2})

    answer = files.ask("visitors", by=["path"])
    assert sum(row.metrics[0] or 0 for row in answer.rows) == 3
    assert answer.totals.metrics == (2,)


def test_the_other_window_is_matched_by_dimensions_and_has_its_own_did(files: Files) -> None:
    before = datetime(2026, 11, 9, 12, tzinfo=UTC)
    files.store(
        {"title": "both"},
        {"title": "both", "timestamp": before},
        {"title": "both", "timestamp": before},
        {"title": "new"},
        {"title": "old", "timestamp": before},
        {"timestamp": before},
        {},
    )
    compare_span = Span(window=Window(datetime(2026, 11, 9, tzinfo=UTC), NOON.replace(hour=0)))

    answer = files.ask("views", "max(properties.v)", by=["title"], compare=compare_span)
    assert {row.dimensions[0]: (row.metrics, row.compared) for row in answer.rows} == {
        "both": ((1, None), (2, None)),
        "new": ((1, None), (0, None)),
        None: ((1, None), (1, None)),
    }
    assert (answer.totals.metrics, answer.totals.compared) == ((3, None), (4, None))
    [row] = files.ask("views", compare=compare_span, where=is_("title", "old")).rows
    assert (row.metrics, row.compared) == ((0,), (1,))
