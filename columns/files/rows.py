"""A stored event as a row of the columns.

The one encoder of both ways into DuckDB: into segments, and into what a question reads of the
tail. A row is a line of JSON, because DuckDB then takes each column as the type it is told, texts
with NUL and all; it guesses the types of Python objects, and takes four times as long for one text.
"""

from datetime import datetime
from pathlib import Path
from typing import Any, Final

import msgspec
from bson import DBRef
from bson.codec_options import CodecOptions

from analytics.databases.mongo import Document
from analytics.events.ids import MILLISECOND, PROJECT_ID_BYTES
from analytics.events.properties import undo_reference
from columns.files.engine import quote
from columns.files.layout import BYTES, INTEGER, TEXT, TYPES

_TIMES: Final = ("timestamp", "ingestedAt")
_NUMBERS: Final = tuple(name for name, kind in TYPES.items() if kind == INTEGER)

PROJECTION: Final[dict[str, Any]] = {
    name: {"$toDouble": f"${name}"} if name in _TIMES else 1 for name in TYPES if name != "id"
}
"""What `encode_row` reads of `events`, to be asked for as it is; `_id` comes without asking.

Times as doubles, which hold them exactly: to make datetimes of them took longer than all else of an
event's export, and integers of 64 bits, which are a class of the driver's, a third of its decoding.
"""

FIELDS: Final = dict.fromkeys(PROJECTION, 1)
OPTIONS: Final[CodecOptions[Document]] = CodecOptions(tz_aware=False)
"""The same with times as datetimes without a zone: MongoDB copies what it need not work out. It
takes half as long for that, and the driver less than for doubles; with a zone it takes twice that.
"""

_EPOCH: Final = datetime(1970, 1, 1)  # noqa: DTZ001 as OPTIONS have it

_MAX_LINE_BYTES = 2 * 1024 * 1024  # DuckDB keeps two of them; an event is far smaller


def encode_row(event: Document) -> bytes:
    """A stored event, as PROJECTION or FIELDS ask for it, as a line of JSON for `select_rows`.

    Without the line's end. Columns that the event lacks, as those from before a release do, are
    left out. The id is without its project; bytes are in base64.
    """
    row = event.copy()
    row["id"] = row.pop("_id")[PROJECT_ID_BYTES:]
    for name in _NUMBERS:
        if (number := row.get(name)) is not None:
            is_time = type(number) is datetime
            row[name] = (number - _EPOCH) // MILLISECOND if is_time else int(number)
    if (properties := row.get("properties")) is not None:
        row["properties"] = encode_properties(properties)
    return _encode(row)


def encode_properties(properties: Any) -> str:
    """Properties as JSON text: keys in the order they are stored in, floats as floats (5.0, 1e21).

    The first of equal keys stands where it stood, with the value of the last: the driver made one
    of them before. A number that is none, which only what is no JSON can hold, is null.
    """
    return _encode(properties).decode()


def _encode_other(value: Any) -> Any:
    """What the driver makes of BSON and JSON does not know."""
    if isinstance(value, int):  # of 64 bits
        return int(value)
    if isinstance(value, DBRef):
        return undo_reference(value)
    return str(value)  # no event holds any


_encode = msgspec.json.Encoder(enc_hook=_encode_other).encode


def select_rows(path: Path) -> str:
    """The SELECT that gives the lines of a file as rows of `layout.TYPES`, in their order."""
    as_sent = {name: TEXT if kind == BYTES else kind for name, kind in TYPES.items()}
    columns = ", ".join(f"\"{name}\": '{kind}'" for name, kind in as_sent.items())
    values = ", ".join(
        f'from_base64("{name}") AS "{name}"' if kind == BYTES else f'"{name}"'
        for name, kind in TYPES.items()
    )
    return (
        f"SELECT {values} FROM read_json({quote(path)}, format = 'newline_delimited', "
        f"records = true, maximum_object_size = {_MAX_LINE_BYTES}, columns = {{{columns}}})"
    )
