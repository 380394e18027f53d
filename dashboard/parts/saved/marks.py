"""Notes as marks under the curve, each at the unit of time that holds it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from dashboard.address.windows import Ends
from dashboard.asking import Desk
from people.saved.notes import Note, list_notes, sort_into
from reporting.words.formats import format_day

Json = dict[str, Any]

MAX_MARKS = 200


@dataclass(frozen=True, slots=True)
class Mark:
    """At the unit `index`; `lines` are when and what, of each note there."""

    index: int
    lines: Sequence[tuple[str, str]]

    @property
    def name(self) -> str:
        return "; ".join(f"{when}: {text}" for when, text in self.lines)


def show_marks(desk: Desk, ends: Ends, series: Json) -> list[Mark]:
    """Of the window's latest notes."""
    notes = list_notes(desk.project.id, ends.start, ends.end, desk.zone, MAX_MARKS)
    starts = [datetime.fromisoformat(row["dimensions"][0]) for row in series["results"]]
    return [
        Mark(index, [(tell_when(note, desk), note.text) for note in each])
        for index, each in sort_into(notes, starts).items()
    ]


def tell_when(note: Note, desk: Desk) -> str:
    at = note.at.astimezone(desk.zone)
    return format_day(at) if note.day else f"{format_day(at)}, {at:%H:%M}"
