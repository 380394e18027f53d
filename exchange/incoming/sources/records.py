"""Rows of a table as records by their names: of a CSV, or of JSON lines."""

import io
from collections.abc import Iterator
from typing import Any

from exchange.incoming.files.errors import SourceError
from exchange.incoming.files.objects import read_objects
from exchange.incoming.files.tables import Table
from exchange.incoming.rows import LeftOut
from exchange.incoming.sources.brief import Brief

Record = dict[str, Any]


def read_records(stream: io.BufferedReader, brief: Brief) -> Iterator[Record | LeftOut]:
    """A record for each row, or why it has none. Raises SourceError."""
    if is_json(stream):
        yield from read_objects(stream, brief.options, brief.limits)
        return
    table = Table(stream, brief.options, brief.limits)
    header = table.header
    twice = next((name for name in header if header.count(name) > 1), None)
    if twice is not None:
        raise SourceError("wrong_source", f"two columns are named {twice[:64]}")
    for row in table:
        yield row if isinstance(row, LeftOut) else dict(zip(header, row, strict=True))


def is_json(stream: io.BufferedReader) -> bool:
    beginning = stream.peek(1024)[:1024].removeprefix(b"\xef\xbb\xbf").lstrip()
    return beginning[:1] in (b"{", b"[")
