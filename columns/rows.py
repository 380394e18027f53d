"""A stored event as a row of the columns.

The one encoder of both ways into DuckDB: into segments, and into what a question reads of the
tail. A row is a line of JSON, because DuckDB then takes each column as the type it is told, texts
with NUL and all; it guesses the types of Python objects, and takes four times as long for one text.
"""

from pathlib import Path
from typing import Any, Final

import msgspec
from bson import DBRef

from analytics.databases.mongo import Document
from analytics.events.ids import PROJECT_ID_BYTES, ms_of_datetime
from analytics.events.properties import undo_reference
from columns.engine import quote
from columns.layout import BYTES, TEXT, TYPES

_ID, _PROPERTIES = "id", "properties"
_TIMES: Final = ("timestamp", "ingestedAt")
_NUMBERS: Final = ("visitor", "anonymous")
_TEXTS: Final = frozenset(
    name for name, kind in TYPES.items() if kind == TEXT and name != _PROPERTIES
)

PROJECTION: Final[dict[str, int]] = {name: 1 for name in TYPES if name != _ID}
"""The fields of `events` that `encode_row` reads; `_id` comes without asking."""

_MAX_LINE_BYTES = 2 * 1024 * 1024  # DuckDB keeps two of them; an event is far smaller


def encode_row(event: Document) -> bytes:
    """A stored event as a line of JSON, without its end, for `select_rows`.

    Columns that the event lacks, as those from before a release do, are left out. The id is
    without its project; id and place are hex.
    """
    row: Document = {name: value for name, value in event.items() if name in _TEXTS}
    row[_ID] = event["_id"][PROJECT_ID_BYTES:].hex()
    row["place"] = event["place"].hex()
    for name in _TIMES:
        row[name] = ms_of_datetime(event[name])
    for name in _NUMBERS:
        if (number := event.get(name)) is not None:
            row[name] = int(number)
    if (properties := event.get(_PROPERTIES)) is not None:
        row[_PROPERTIES] = encode_properties(properties)
    return _encoder.encode(row)


def encode_properties(properties: Any) -> str:
    """Properties as JSON text: keys in the order they are stored in, floats as floats (5.0, 1e21).

    The first of equal keys stands where it stood, with the value of the last: the driver made one
    of them before. A number that is none, which only what is no JSON can hold, is null.
    """
    return _encoder.encode(properties).decode()


def _encode_other(value: Any) -> Any:
    """What the driver makes of BSON and JSON does not know."""
    if isinstance(value, int):  # of 64 bits
        return int(value)
    if isinstance(value, DBRef):
        return undo_reference(value)
    return str(value)  # no event holds any


_encoder = msgspec.json.Encoder(enc_hook=_encode_other)


def select_rows(path: Path) -> str:
    """The SELECT that gives the lines of a file as rows of `layout.TYPES`, in their order."""
    as_sent = {name: TEXT if kind == BYTES else kind for name, kind in TYPES.items()}
    columns = ", ".join(f"\"{name}\": '{kind}'" for name, kind in as_sent.items())
    values = ", ".join(
        f'unhex("{name}") AS "{name}"' if kind == BYTES else f'"{name}"'
        for name, kind in TYPES.items()
    )
    return (
        f"SELECT {values} FROM read_json({quote(path)}, format = 'newline_delimited', "
        f"records = true, maximum_object_size = {_MAX_LINE_BYTES}, columns = {{{columns}}})"
    )
