"""What of a project a question reads: every event that was stored at one moment, exactly once."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Veil:
    """An erasure under way: events of this user up to this place do not count any more."""

    user_id: str
    last_place: bytes


@dataclass(frozen=True, slots=True)
class StoredRange:
    """Of events with from_ms <= timestamp < to_ms those in `files` count, and no others."""

    from_ms: int
    to_ms: int
    files: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class View:
    """`segments` and `tail` are Parquet files of `columns.layout`, by their whole paths.

    The tail is what is in no segment yet. `stored` are ranges that were read from the stored
    events, where segments cannot be read or do not hold all. `key` is equal where all of it is.
    """

    segments: tuple[str, ...]
    tail: tuple[str, ...]
    stored: tuple[StoredRange, ...]
    veils: tuple[Veil, ...]
    fresh_as_of: datetime
    key: Hashable
    rows: int  # in the segments and the tail
