"""The service with ClickHouse behind it."""

from collections.abc import Iterator
from typing import Any

import pytest

from analytics.databases.clickhouse import close_client


@pytest.fixture
def clickhouse(chdb: str, settings: Any) -> Iterator[None]:
    """Questions are asked of it."""
    settings.QUERY_TIMEOUT_SECONDS = 60.0  # others may use the machine
    settings.CLICKHOUSE_URL, settings.CLICKHOUSE_FILES = chdb, str(settings.COLUMNS_URL)
    yield
    close_client()
