"""What of a project a question reads: every event that was stored at one moment, exactly once."""

from collections.abc import Hashable
from dataclasses import dataclass
from datetime import datetime

from reporting.questions.conditions import Condition


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
    """`segments` and `tail` are Parquet files of `columns.files.layout`, by their whole paths; of
    a view for ClickHouse segments are by their names below the folder.

    The tail is what is in no segment yet. `stored` are ranges that were read from the stored
    events, where segments cannot be read or do not hold all. `key` is equal where all of it is.

    Of a question that needs visits, `cut` are the segments whose visits hold by its zone, but for
    owners who have an event elsewhere on the same day, or lost one there; such events, and all of
    other files, have timestamps within `unsettled`: from_ms <= timestamp < to_ms.

    With a `restriction` there are no events but those that pass it, whatever the files hold; so no
    segment is `cut`, as its visits are of all events.
    """

    segments: tuple[str, ...]
    tail: tuple[str, ...]
    stored: tuple[StoredRange, ...]
    veils: tuple[Veil, ...]
    fresh_as_of: datetime
    key: Hashable
    rows: int  # in the segments and the tail
    cut: tuple[str, ...] = ()
    unsettled: tuple[int, int] | None = None  # it was not opened for visits
    restriction: Condition | None = None
    segment_rows: int = 0

    @property
    def loose(self) -> tuple[str, ...]:
        """The files of whose events no visits are known."""
        cut = set(self.cut)
        return (*(path for path in self.segments if path not in cut), *self.tail)

    @property
    def has_files(self) -> bool:
        return bool(self.segments or self.tail or any(each.files for each in self.stored))
