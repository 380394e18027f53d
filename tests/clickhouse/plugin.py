"""`-p tests.clickhouse.plugin`: the engine of the dialect's tests is ClickHouse's.

So what they expect of DuckDB, by hand or by brute force, is expected of both. What ClickHouse
cannot be asked is skipped, and the end says how often.
"""

from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings

from analytics.databases.clickhouse import close_client
from reporting.columns.untranslatable import Untranslatable
from tests.clickhouse.engines import OfFolder, chdb_server

_ASIDE = {"test_all_columns_of_events_are_there_too": "what nothing names is left out on purpose"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if why := _ASIDE.get(item.name):
            item.add_marker(pytest.mark.skip(why))


@pytest.fixture(scope="session")
def clickhouse_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Below which ClickHouse finds the files of all tests."""
    root = tmp_path_factory.getbasetemp()
    with chdb_server() as url:
        settings.CLICKHOUSE_URL, settings.CLICKHOUSE_FILES = url, str(root)
        settings.QUERY_TIMEOUT_SECONDS = 60.0
        yield root
        settings.CLICKHOUSE_URL = ""
        close_client()


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, Any, Any]:
    result = yield
    if fixturedef.argname == "engine":
        result = OfFolder(request.getfixturevalue("clickhouse_folder"))
        fixturedef.cached_result = (result, *fixturedef.cached_result[1:])  # type: ignore
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call() -> Generator[None, None, None]:
    try:
        yield
    except Untranslatable as exc:
        pytest.skip(f"DuckDB answers it: {exc}")
