"""Notes: written by members on the pages, and by keys, for instance when something is deployed."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta, tzinfo

from django.core.exceptions import ValidationError
from django.db import IntegrityError, models
from django.utils import timezone

from analytics.databases import mongo
from analytics.events.moments import first_moment
from analytics.projects.models import Project
from people.saved.ids import draw_id, validate_name
from people.saved.models import TooMany

MAX_NOTE_CHARS = 500
MAX_NOTE_ID_CHARS = 64
MOST_NOTES = 10_000  # of a project
NOTE_ID = re.compile(rf"[A-Za-z0-9._-]{{1,{MAX_NOTE_ID_CHARS}}}")
YEARS = range(1970, 2101)

_DAY = timedelta(days=1)
_AT_THE_EDGES = 1_000  # what of the days around a window is read with it, at most


class Note(models.Model):
    """What happened on a day or at a minute: `at` is that minute, or the first moment of `day`.

    Its id is the project's, a colon, and what its writer calls it.
    """

    id = models.CharField(primary_key=True, db_column="_id", max_length=96, editable=False)
    project = models.ForeignKey(Project, on_delete=models.PROTECT, related_name="+", editable=False)
    at = models.DateTimeField()
    day = models.CharField(max_length=10, blank=True)
    text = models.CharField(max_length=MAX_NOTE_CHARS, validators=[validate_name])
    author = models.CharField(max_length=200, blank=True, editable=False)
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    changed_at = models.DateTimeField(null=True, editable=False)

    class Meta:
        db_table = mongo.NOTES

    def __str__(self) -> str:
        return self.text

    @property
    def name(self) -> str:
        """Its id within the project."""
        return self.id.partition(":")[2]


class OtherNote(Exception):
    """There is another note of that name already."""


def place(note: Note, when: date | datetime, zone: tzinfo) -> None:
    """On a day of the project's zone, or at a minute. Raises ValidationError."""
    if when.year not in YEARS:
        raise ValidationError(f"Notes are of the years {YEARS[0]} to {YEARS[-1]}.")
    if isinstance(when, datetime):
        note.at, note.day = when.replace(second=0, microsecond=0), ""
    else:
        note.at, note.day = first_moment(when, zone), when.isoformat()


def name_note(project: Project, name: str) -> str:
    return f"{project.pk}:{name}"


def make_note(project: Project, text: str, author: str, name: str = "") -> Note:
    """Not placed, and not saved yet; `name` is what its writer calls it."""
    note_id = name_note(project, name or draw_id())
    return Note(id=note_id, project=project, text=text.strip(), author=author)


def write_note(note: Note) -> tuple[Note, bool]:
    """The stored note, and whether it is new: to write the same again changes nothing.

    Raises ValidationError, TooMany, OtherNote.
    """
    note.full_clean(exclude=["project"], validate_unique=False)
    if stored := Note.objects.filter(pk=note.pk).first():
        return _same(stored, note), False
    # Each writer looks before it writes: so many at once go over it, and no more.
    if Note.objects.filter(project_id=note.project_id).count() >= MOST_NOTES:
        raise TooMany(f"A project has up to {MOST_NOTES:,} notes: delete some first.")
    try:
        note.save(force_insert=True)
    except IntegrityError:  # written at the same moment
        return _same(Note.objects.get(pk=note.pk), note), False
    return note, True


def change_note(note: Note, text: str) -> None:
    """Raises ValidationError. It is placed anew before."""
    note.text, note.changed_at = text.strip(), timezone.now()
    note.full_clean(validate_unique=False)
    note.save(update_fields=["text", "at", "day", "changed_at"])


def find_note(project: Project, name: str) -> Note | None:
    return Note.objects.filter(pk=name_note(project, name), project=project).first()


def list_notes(
    project_id: str, start: datetime | None, end: datetime | None, zone: tzinfo, limit: int
) -> list[Note]:
    """Those of a window, in order; days are those of `zone`, whatever it was when they were
    written. Only the latest `limit` of more."""
    found = Note.objects.filter(project_id=project_id)
    # None is outside of YEARS, and beyond year 1 there is no day before.
    if start and start.year >= YEARS.start:
        found = found.filter(at__gte=start - _DAY)
    if end and end.year < YEARS.stop:
        found = found.filter(at__lt=end + _DAY)
    latest = [settle(note, zone) for note in found.order_by("-at", "-id")[: limit + _AT_THE_EDGES]]
    inside = [note for note in latest if _is_inside(note, start, end)]
    return sorted(inside, key=lambda note: (note.at, note.id))[-limit:]


def settle(note: Note, zone: tzinfo) -> Note:
    """A day begins when it does in the zone that the project has now."""
    if note.day:
        note.at = first_moment(date.fromisoformat(note.day), zone)
    return note


def sort_into(notes: Sequence[Note], starts: Sequence[datetime]) -> dict[int, list[Note]]:
    """Notes by the number of the unit of time that holds them; `starts` are the units' in order."""
    found: dict[int, list[Note]] = {}
    index = -1
    for note in notes:
        while index + 1 < len(starts) and starts[index + 1] <= note.at:
            index += 1
        if index >= 0:
            found.setdefault(index, []).append(note)
    return found


def _is_inside(note: Note, start: datetime | None, end: datetime | None) -> bool:
    return (start is None or start <= note.at) and (end is None or note.at < end)


def _same(stored: Note, note: Note) -> Note:
    if (stored.text, stored.day) != (note.text, note.day) or stored.at != note.at:
        raise OtherNote
    return stored
