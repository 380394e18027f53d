"""`-p tests.clickhouse.plugin`: what tests ask of DuckDB is asked of ClickHouse's engine as well.

Where a test asks an engine of the dialect, that is ClickHouse's: so what is expected of DuckDB, by
hand or by brute force, is expected of it. Where a test asks the service, both engines answer and
are compared, and the test judges the one of ClickHouse.

`CLICKHOUSE_TESTS=few` in the environment is a choice of them, with few random stories.
"""

import os
from collections import Counter
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings as bounds

from tests.clickhouse.serving import chdb_server

FEW_STORIES = 2
PATIENT = {"QUERY_TIMEOUT_SECONDS": 60.0}
"""Where it is about what is said, and not about when."""
ALL_STORIES_SECONDS = 1_800

asked_of: Counter[str] = Counter()
"""How often who answered a question to the service."""

_IS_FEW = os.environ.get("CLICKHOUSE_TESTS") == "few"
_OWN = "tests/clickhouse/"
_FEW = (
    _OWN,
    "tests/query/test_funnels.py",
    "tests/query/test_journeys.py",
    "tests/query/test_post_query.py",
    "tests/query_oracle/test_stories.py",
    "tests/query_oracle/test_tables.py",
    "tests/reporting_dialect/test_at_once.py",
    "tests/reporting_dialect/test_conditions.py",
    "tests/reporting_dialect/test_metrics.py",
)
"""What says most in two minutes."""

_TABLES, _WORDS, _STOPS = "looks at DuckDB's tables", "speaks DuckDB's words", "stops DuckDB"
_ASIDE = {
    "test_a_pattern_that_is_hard_on_long_texts_is_interrupted_within_a_few_of_them": _STOPS,
    "test_a_text_is_spelled_as_the_engine_spells_it": _WORDS,
    "test_all_columns_of_events_are_there_too": "what nothing names is left out on purpose",
    "test_every_visit_that_is_worked_out_is_the_one_told_by_hand": _WORDS,
    "test_the_engine_finds_the_strict_chains_that_looking_person_by_person_finds": _TABLES,
    "test_whoever_stops_the_engine_stops_the_writing_of_objects": _STOPS,
    "test_whoever_stops_the_engine_stops_what_is_done_person_by_person": _TABLES,
}
"""Tests that are of DuckDB alone, and why."""

_LEFT_TO_DUCKDB = ("a pattern that is refused", "half of a character")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    kept: list[pytest.Item] = []
    left: list[pytest.Item] = []
    for item in items:
        (kept if _is_chosen(item) else left).append(item)
        if why := _ASIDE.get(getattr(item, "originalname", item.name)):
            item.add_marker(pytest.mark.skip(why))
        if _IS_FEW:
            _bound(item)
        elif _is_random(item):
            item.add_marker(pytest.mark.timeout(ALL_STORIES_SECONDS), append=False)
    config.hook.pytest_deselected(items=left)
    items[:] = kept


def _is_chosen(item: pytest.Item) -> bool:
    if item.nodeid.startswith(_OWN):
        return item.get_closest_marker("clickhouse") is not None
    if not _IS_FEW:
        return True
    is_fast = item.get_closest_marker("slow") is None
    return item.nodeid.startswith(_FEW) and (is_fast or _is_random(item))


def _is_random(item: pytest.Item) -> bool:
    return hasattr(getattr(item, "obj", None), "hypothesis")


def _bound(item: pytest.Item) -> None:
    """Few stories: the decorator has written down how many there are to be."""
    if _is_random(item):
        function: Any = item.obj  # type: ignore[attr-defined]
        own = function._hypothesis_internal_use_settings
        function._hypothesis_internal_use_settings = bounds(own, max_examples=FEW_STORIES)


@pytest.fixture(scope="session")
def chdb() -> Iterator[str]:
    """The address of a ClickHouse."""
    from analytics.databases.clickhouse import close_client

    with chdb_server() as url:
        yield url
        close_client()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    from reporting.columns.untranslatable import Untranslatable

    try:
        yield
    except Untranslatable as exc:
        if str(exc) not in _LEFT_TO_DUCKDB:
            raise
        pytest.skip(f"DuckDB answers it: {exc}")


@pytest.fixture(scope="session")
def clickhouse_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Below which the engine finds the files of all tests that ask it."""
    return tmp_path_factory.getbasetemp()


@pytest.fixture(autouse=True)
def _asked_of_both(request: pytest.FixtureRequest) -> Iterator[None]:
    """Of the service, unless a test says itself who is to be asked."""
    if request.node.nodeid.startswith(_OWN):
        yield
        return
    from tests.clickhouse.both import asked  # when there are settings

    url = request.getfixturevalue("chdb")
    is_about_answers = request.node.nodeid.startswith(("tests/query/", "tests/query_oracle/"))
    with asked(url, asked_of, **(PATIENT if is_about_answers else {})):
        yield


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    result = yield
    if fixturedef.argname == "engine":
        from tests.clickhouse.engines import OfFolder

        url, root = request.getfixturevalue("chdb"), request.getfixturevalue("clickhouse_folder")
        result = OfFolder(url, root, result)
        fixturedef.cached_result = (result, *fixturedef.cached_result[1:])  # type: ignore
    return result


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["asked_of"] = dict(asked_of)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    asked_of.update(getattr(node, "workeroutput", {}).get("asked_of", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    for who, number in sorted(asked_of.items()):
        terminalreporter.write_line(f"{number} by {who}")
