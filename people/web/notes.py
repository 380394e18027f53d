"""/notes: written by keys that send events, and read by those that read."""

from datetime import UTC, date, datetime, tzinfo
from typing import Any, cast

from django.core.exceptions import ValidationError
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request
from rest_framework.response import Response

from analytics.audit import record
from analytics.events.ids import ms_of_datetime
from analytics.events.moments import BadMoment, format_moment, parse_date, parse_moment
from analytics.keys.authentication import SENDS_EVENTS, authenticate_request
from analytics.keys.records import KeyRecord
from analytics.projects.models import ApiKey, Project
from analytics.projects.policy import find_policy
from analytics.projects.zones import zone_at
from analytics.web.problems import Conflict
from people.saved.models import TooMany
from people.saved.notes import (
    MAX_NOTE_CHARS,
    MAX_NOTE_ID_CHARS,
    NOTE_ID,
    Note,
    OtherNote,
    list_notes,
    make_note,
    place,
    write_note,
)
from people.web.forms import refuse
from people.web.note_schema import describe_notes, describe_writing
from people.web.views import JsonView
from reporting.questions.language.json_body import Node
from reporting.questions.timestamps import parse_zone

FIELDS = ("id", "at", "text")
DEFAULT_NOTES, MAX_NOTES = 100, 1_000


class NoteKeyAuthentication(BaseAuthentication):
    """A key that may send, or read, as the method is. Public keys may not: anyone has them."""

    def authenticate(self, request: Request) -> tuple[None, Any]:
        scope = SENDS_EVENTS if request.method == "POST" else "read"
        return None, authenticate_request(request.META, scope)


class NotesView(JsonView):
    authentication_classes = (NoteKeyAuthentication,)
    group, setting = "notes", "NOTES_RATE"

    @describe_notes
    def get(self, request: Request) -> Response:
        zone = self.zone_of(request)
        given = self.read_parameters(request, ("start", "end", "limit"))

        def read(text: str) -> datetime:
            return parse_moment(text, zone)

        start = given.parse("start", "bad_timestamp", read)
        end = given.parse("end", "bad_timestamp", read)
        limit = given.number("limit", "bad_limit", low=1, high=MAX_NOTES, default=DEFAULT_NOTES)
        given.check()
        notes = list_notes(self.key_of(request).project_id.hex(), start, end, zone, limit)
        return Response({"notes": [render_note(note, zone) for note in reversed(notes)]})

    @describe_writing
    def post(self, request: Request) -> Response:
        """The same again is answered 200 with what is there."""
        zone = self.zone_of(request)
        node, _ = self.body_of(request)
        note = read_note(node, self.key_of(request), zone)
        try:
            stored, is_new = write_note(note)
        except OtherNote:
            detail = "There is another note with this id."
            raise Conflict(detail, code="other_note") from None
        except TooMany as exc:
            raise Conflict("; ".join(exc.messages), code="too_many_notes") from None
        if is_new:
            key = self.key_of(request)
            record(f"key {note.author}", key.project_id.hex(), "note.added", stored.name)
        return Response(render_note(stored, zone), 201 if is_new else 200)

    def key_of(self, request: Request) -> KeyRecord:
        return cast(KeyRecord, request.auth)

    def zone_of(self, request: Request) -> tzinfo:
        """Of the project, now."""
        zones = find_policy(self.key_of(request).project_id).zones
        return parse_zone(zone_at(zones, ms_of_datetime(datetime.now(UTC))))


def read_note(body: Node, key: KeyRecord, zone: tzinfo) -> Note:
    """Raises BadRequest."""
    fields = body.fields(FIELDS)
    for name in ("at", "text"):
        if name not in fields:
            Node(None, name, body.mistakes).refuse("missing_field", "is required")
    text = fields["text"].text() if "text" in fields else None
    when = (
        fields["at"].parse("bad_timestamp", lambda text: read_when(text, zone))
        if "at" in fields
        else None
    )
    name = (fields["id"].text() or "") if "id" in fields else ""
    if name and not NOTE_ID.fullmatch(name):
        reason = f"has not 1 to {MAX_NOTE_ID_CHARS} letters, digits or . _ - of ASCII"
        fields["id"].refuse("bad_note_id", reason)
    if text is not None and not 1 <= len(text.strip()) <= MAX_NOTE_CHARS:
        fields["text"].refuse("bad_value", f"has not 1 to {MAX_NOTE_CHARS} characters")
    body.mistakes.check()
    assert when is not None and text is not None
    project_id = key.project_id.hex()
    row = ApiKey.objects.filter(pk=key.key_id).first()
    project = Project(pk=project_id)
    note = make_note(project, text, row.name if row else key.key_id, name)
    try:
        place(note, when, zone)
        note.full_clean(exclude=["project"], validate_unique=False)
    except ValidationError as exc:
        field = "at" if not hasattr(exc, "error_dict") else next(iter(exc.error_dict))
        error = {"field": field, "code": "bad_value", "detail": " ".join(exc.messages)}
        raise refuse([error]) from None
    return note


def read_when(text: str, zone: tzinfo) -> date | datetime:
    """A date alone is a day. Raises BadMoment."""
    if (day := parse_date(text)) is not None:
        return day
    if not text:
        raise BadMoment("is empty")
    return parse_moment(text, zone)


def render_note(note: Note, zone: tzinfo) -> dict[str, Any]:
    """`at` is a date of the project's zone, or a moment."""
    at = note.day or format_moment(note.at, "seconds")
    return {
        "id": note.name,
        "at": at,
        "text": note.text,
        "author": note.author,
        "createdAt": format_moment(note.created_at),
    }
