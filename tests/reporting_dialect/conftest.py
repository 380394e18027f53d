from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from columns.files.engine import open_engine
from tests.reporting_dialect.asking import Files


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    """Locked down as that of a process that answers questions."""
    root = tmp_path_factory.getbasetemp()
    with open_engine(
        memory_mb=256, threads=2, folders=[root], temp_folder=root / "spilled"
    ) as connection:
        yield connection


@pytest.fixture
def files(tmp_path: Path, engine: duckdb.DuckDBPyConnection) -> Files:
    return Files(tmp_path, engine)
