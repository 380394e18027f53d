"""An engine that reads files of columns, without stores."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from columns.files.engine import open_engine


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@pytest.fixture(scope="module")
def engine(folder: Path) -> Iterator[duckdb.DuckDBPyConnection]:
    with open_engine(
        memory_mb=256, threads=1, folders=[folder], temp_folder=folder / "spill"
    ) as opened:
        yield opened
