"""What a file of our own holds: its columns, how each is written, and how an id is.

A row is an event as it was stored: what was sent of it, and what was made of it. Where a value is
not known, a line of JSON lacks it, a cell of CSV is empty and without quotes (an empty text has
them), and in Parquet it is null.
"""

import re
from typing import Final, get_args

from analytics.databases.export_formats import Format
from columns.files.layout import TEXT, TYPES

VERSION: Final = 1
"""Of the files and their manifest."""

FORMATS: Final[tuple[Format, ...]] = get_args(Format)
MEDIA_TYPES: Final[dict[Format, str]] = {
    "jsonl": "application/x-ndjson",
    "csv": "text/csv; charset=utf-8",
    "parquet": "application/vnd.apache.parquet",
}

TIMES: Final = ("timestamp", "ingestedAt")
"""Written in RFC 3339, UTC, with milliseconds; in Parquet as its own timestamps."""

HASHES: Final = ("visitor", "anonymous")
"""Signed 64 bits; texts in JSON, whose numbers many programs read as doubles."""

JSON_TEXTS: Final = ("properties",)
"""JSON as it was stored: an object in JSON lines, a text elsewhere."""

ADDRESSES: Final = ("eventId", "ip", "userAgent")
"""What no segment holds: in a file only where it was asked for with addresses, and last there.

`eventId` is what the sender called the event, where its id is no UUID.
"""

_LEFT_OUT: Final = ("place",)  # where an event lay in the stream: of no meaning elsewhere

COLUMNS: Final[dict[str, str]] = {
    name: kind for name, kind in TYPES.items() if name not in _LEFT_OUT
}
"""The columns in their order, with the types that segments have."""


def list_columns(*, with_addresses: bool) -> dict[str, str]:
    """The columns of a file in their order, with their types."""
    return {**COLUMNS, **dict.fromkeys(ADDRESSES, TEXT)} if with_addresses else COLUMNS


FORMULA: Final = r"^'*[=+\-@\t\r]"
"""How a cell begins that a spreadsheet may take for a formula, or that was escaped before."""

_FORMULA: Final = re.compile(FORMULA)


def escape_cell(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula; `unescape_cell` undoes it."""
    return f"'{text}" if _FORMULA.match(text) else text


def unescape_cell(text: str) -> str:
    return text[1:] if text[:1] == "'" and _FORMULA.match(text) else text
