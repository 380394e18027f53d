"""What parent and child say to each other: one order, then frames until the end."""

from typing import Final, Literal

import msgspec

from exchange.incoming.files.errors import SourceErrorCode
from exchange.incoming.files.limits import Limits
from exchange.incoming.mapping import Mapping
from exchange.incoming.options import Options, SourceName
from exchange.incoming.rows import Item

MAX_FRAME_BYTES: Final = 64 * 1024 * 1024
OUT_OF_MEMORY_STATUS: Final = 71
"""With which a child ends that has no memory left to say so."""


class Order(msgspec.Struct, array_like=True):
    """What the child is to do; the file is its standard input."""

    act: Literal["read", "guess"]
    source: SourceName | None
    mapping: Mapping | None
    options: Options
    limits: Limits
    skip: int
    name: str  # of the file: its endings tell nothing, and are shown to people


class Column(msgspec.Struct):
    """One of a table, for people who confirm a mapping."""

    name: str
    samples: list[str]


class Guess(msgspec.Struct):
    """What a file seems to be, from its beginning."""

    source: SourceName | None
    """None: it is nothing that is known."""
    mapping: Mapping | None = None
    """Of `csv` and `jsonl`."""
    columns: list[Column] = []
    encoding: str = ""
    """Of its text, as Python names it."""
    packing: str = ""
    """`gzip`, `zstd`, `zip`, or nothing."""
    sites: list[str] = []
    """Where a file has several websites: `Options.site` is to name one."""
    items: list[Item] = []
    """What the first rows would become."""


class Chunk(msgspec.Struct, array_like=True, tag=1):
    items: list[Item]
    read_bytes: int  # of the file, packed


class Failed(msgspec.Struct, array_like=True, tag=2):
    code: SourceErrorCode
    detail: str
    peak_bytes: int = 0  # of memory that the child had


class Ended(msgspec.Struct, array_like=True, tag=3):
    rows: int
    peak_bytes: int


class Guessed(msgspec.Struct, array_like=True, tag=4):
    guess: Guess


Frame = Chunk | Failed | Ended | Guessed
