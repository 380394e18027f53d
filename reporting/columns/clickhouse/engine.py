"""An engine for the dialect, as DuckDB's connection is one, that has ClickHouse answer.

So each question is written once. Statements are translated, one by one.
"""

import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from analytics.databases.clickhouse import ClickHouseError, Table, read_rows
from columns.files.layout import BYTES, TYPES
from columns.files.remote import is_name, read_place, write_places, write_structure
from reporting.columns.dialect.behaviour.at_once import KeepsNothing
from reporting.columns.dialect.clickhouse import MEANING, translate
from reporting.columns.slots import run_in_thread
from reporting.columns.untranslatable import Untranslatable


class Found:
    """The rows of an answer."""

    def __init__(self, rows: Sequence[tuple[Any, ...]]) -> None:
        self._rows = rows
        self._at = 0

    def fetchall(self) -> list[tuple[Any, ...]]:
        return self.fetchmany(len(self._rows))

    def fetchmany(self, size: int = 1) -> list[tuple[Any, ...]]:
        self._at += size
        return list(self._rows[self._at - size : self._at])


class ClickHouse(KeepsNothing):
    """Answers statements of the dialect until `deadline`, of time.monotonic()."""

    def __init__(self, deadline: float) -> None:
        self._deadline = deadline

    def execute(self, statement: str, values: Mapping[str, Any] | None = None) -> Found:
        """Raises Untranslatable, and ClickHouseError."""
        sources = Sources()
        translated = run_in_thread(lambda: translate(statement, values or {}, sources.read))
        seconds = self._deadline - time.monotonic()
        if seconds <= 0:
            raise ClickHouseError("time", "no time was left to ask")
        try:
            parameters = {**translated.parameters, **sources.places}
            tables = {
                name: Table(content, "JSONEachRow", structure)
                for name, (content, structure) in translated.tables.items()
            }
            tables |= sources.load()
            names, rows = read_rows(translated.sql, parameters, MEANING, tables, seconds)
        except ClickHouseError as exc:
            if exc.reason == "pattern":  # DuckDB says what is wrong with it, or knows it
                raise Untranslatable("a pattern that is refused") from exc
            raise
        return Found([tuple(map(_decode, names, row)) for row in rows])


class Sources:
    """The files that a statement reads: segments where ClickHouse finds them, and those of this
    host, which are sent with it."""

    def __init__(self) -> None:
        self.places: dict[str, str] = {}
        self._sent: dict[str, tuple[str, list[str]]] = {}

    def read(self, paths: Sequence[str], columns: Sequence[str]) -> str:
        """What to select from, to read some columns of files."""
        own = columns or ["timestamp"]
        there = [path for path in paths if is_name(path)]
        here = [path for path in paths if not is_name(path)]
        tables = [read_place(self._name(place), own) for place in write_places(there)]
        tables += [self._send(path, own) for path in here]
        selects = (f"SELECT {', '.join(map(_quote, own))} FROM {table}" for table in tables)
        return f"({' UNION ALL '.join(selects)})"

    def load(self) -> dict[str, Table]:
        return {
            name: Table(Path(path).read_bytes(), "Parquet", write_structure(columns))
            for path, (name, columns) in self._sent.items()
        }

    def _name(self, place: str) -> str:
        """The parameter that has it."""
        for name, known in self.places.items():
            if known == place:
                return name
        name = f"place{len(self.places)}"
        self.places[name] = place
        return name

    def _send(self, path: str, columns: Sequence[str]) -> str:
        name, known = self._sent.setdefault(path, (f"sent{len(self._sent)}", []))
        known += [each for each in columns if each not in known]
        return name


def _quote(name: str) -> str:
    return f'"{name}"'


def _decode(name: str, value: Any) -> Any:
    """A text as such: what is no text is known by its column."""
    if isinstance(value, bytes):
        return value if TYPES.get(name) == BYTES else value.decode()
    return [_decode(name, each) for each in value] if isinstance(value, list) else value
