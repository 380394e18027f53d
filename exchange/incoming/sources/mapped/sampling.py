"""The beginning of a CSV or of JSON lines, column by column: for a first mapping."""

from collections.abc import Iterator
from typing import Any, Final

from exchange.incoming.files.objects import read_objects
from exchange.incoming.files.tables import Table
from exchange.incoming.files.unpacking import Unpacked
from exchange.incoming.options import SourceName
from exchange.incoming.rows import LeftOut
from exchange.incoming.sources.brief import Brief

_ROWS: Final = 100
_DEPTH: Final = 3
_NAME_CHARS: Final = 256  # longer ones are listed nowhere: a thousand of them have to be kept

Columns = dict[str, list[object]]


def sample(file: Unpacked, source: SourceName, brief: Brief) -> Columns:
    """The values of each column in the first rows, without the empty ones. Raises SourceError."""
    columns = _read_columns(file, source, brief)
    return {name: values for name, values in columns.items() if len(name) <= _NAME_CHARS}


def _read_columns(file: Unpacked, source: SourceName, brief: Brief) -> Columns:
    stream = file.members[0].open()
    columns: Columns = {}
    if source == "csv":
        table = Table(stream, brief.options, brief.limits)
        columns = {name: [] for name in table.header}
        rows: Iterator[Any] = iter(table)
    else:
        rows = read_objects(stream, brief.options, brief.limits)
    for _, row in zip(range(_ROWS), rows, strict=False):
        if isinstance(row, LeftOut):
            continue
        if isinstance(row, list):
            row = dict(zip(columns, row, strict=False))
        for name, value in _flatten("", row):
            values = columns.setdefault(name, [])
            if len(columns) > brief.limits.columns:
                return columns
            if value is not None and value != "":
                values.append(value)
    return columns


def _flatten(prefix: str, entry: dict[str, Any], depth: int = 1) -> Iterator[tuple[str, object]]:
    for name, value in entry.items():
        yield f"{prefix}{name}", value
        if isinstance(value, dict) and depth < _DEPTH:
            yield from _flatten(f"{prefix}{name}.", value, depth + 1)
