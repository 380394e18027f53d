"""The dialect's way to ClickHouse for tests that have files and no service."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from django.test import override_settings

from columns.files.remote import is_name
from reporting.columns.clickhouse.engine import ClickHouse, Found


class OfFolder(ClickHouse):
    """Asked of files below a folder: every other one is a segment for it, the rest are sent.

    DuckDB writes them.
    """

    def __init__(self, url: str, root: Path, duckdb: Any) -> None:
        super().__init__(deadline=0)
        self._url, self._root, self._duckdb = url, root, duckdb

    def execute(self, statement: str, values: Mapping[str, Any] | None = None) -> Any:
        if statement.startswith("COPY"):
            return self._duckdb.execute(statement, values)
        with override_settings(CLICKHOUSE_URL=self._url, CLICKHOUSE_FILES=str(self._root)):
            return self._ask(statement, values or {})

    def _ask(self, statement: str, values: Mapping[str, Any]) -> Found:
        self._deadline = time.monotonic() + 120
        for path in set(self._list(statement)):
            if is_name(path) and sum(path.encode()) % 2:
                statement = statement.replace(f"'{self._root}/{path}'", f"'{path}'")
        return super().execute(statement, values)

    def _list(self, statement: str) -> Iterator[str]:
        for part in statement.split(f"'{self._root}/")[1:]:
            yield part.partition("'")[0]
