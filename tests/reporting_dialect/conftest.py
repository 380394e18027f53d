from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from tests.reporting_dialect.asking import Files


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 2}) as connection:
        yield connection


@pytest.fixture
def files(tmp_path: Path, engine: duckdb.DuckDBPyConnection) -> Files:
    return Files(tmp_path, engine)
