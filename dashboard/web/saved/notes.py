"""`/p/<project>/notes`: what happened, and when: read by all, changed by who may."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from analytics.audit import record
from analytics.projects.models import Project
from analytics.web.problems import BadRequest
from dashboard.asking import Desk, open_desk
from dashboard.parts.saved.forms import NoteForm
from dashboard.parts.saved.marks import tell_when
from dashboard.web.access import allows, project_page, require_act, user_of
from dashboard.web.navigation import frame
from people.members.roles import Act
from people.saved.notes import (
    Note,
    change_note,
    find_note,
    list_notes,
    make_note,
    place,
    write_note,
)

ADD, CHANGE, REMOVE = "add", "change", "remove"
SHOWN = 200


@project_page("GET", "HEAD", "POST")
def page(request: HttpRequest, project: Project) -> HttpResponse:
    desk = open_desk(project)
    tried: tuple[str, NoteForm] | None = None
    if request.method == "POST":
        require_act(request, project, Act.EDIT)
        done = _do(request, project, desk)
        if isinstance(done, HttpResponse):
            return done
        tried = done
    may_change = allows(request, project, Act.EDIT)
    today = f"{desk.now.astimezone(desk.zone):%Y-%m-%d}"
    begun = {"day": request.GET.get("day") or today}
    new = tried[1] if tried and not tried[0] else NoteForm(initial=begun)
    context = frame(request, project, "saved") | {
        "rows": _list(desk, tried, may_change),
        "new": new,
        "may_change": may_change,
        "zone": str(desk.zone),
    }
    return render(request, "dashboard/notes.html", context)


def _do(request: HttpRequest, project: Project, desk: Desk) -> HttpResponse | tuple[str, NoteForm]:
    """A form that was refused comes back, with the name of its note."""
    act, name = request.POST.get("act", ""), request.POST.get("note", "")
    if act not in (ADD, CHANGE, REMOVE):
        raise BadRequest("There is no such form.")
    author = user_of(request).get_username()
    note = make_note(project, "", author) if act == ADD else find_note(project, name)
    if note is None:
        raise Http404
    if act == REMOVE:
        note.delete()
        record(author, project.pk, "note.removed", name)
        return _tell(request, project, "The note is removed.")
    form = NoteForm(request.POST, auto_id=f"{name or 'new'}-%s")
    if not form.is_valid():
        return name, form
    try:
        place(note, form.read_when(desk.zone), desk.zone)
        note.text = form.cleaned_data["text"].strip()
        if act == ADD:
            write_note(note)
        else:
            change_note(note, note.text)
        record(author, project.pk, f"note.{'added' if act == ADD else 'changed'}", note.name)
    except ValidationError as exc:
        form.add_error("text", "; ".join(exc.messages))
        return name, form
    return _tell(request, project, "The note is saved.")


def _list(desk: Desk, tried: tuple[str, NoteForm] | None, may_change: bool) -> list[dict[str, Any]]:
    """The latest first, each with its form."""
    notes = list_notes(desk.project.pk, None, None, desk.zone, SHOWN)
    return [
        {
            "note": note,
            "when": tell_when(note, desk),
            "form": _form_of(note, desk, tried) if may_change else None,
        }
        for note in reversed(notes)
    ]


def _form_of(note: Note, desk: Desk, tried: tuple[str, NoteForm] | None) -> NoteForm:
    if tried and tried[0] == note.name:
        return tried[1]
    at = note.at.astimezone(desk.zone)
    begun = {"day": f"{at:%Y-%m-%d}", "text": note.text}
    if not note.day:
        begun["clock"] = f"{at:%H:%M}"
    return NoteForm(initial=begun, auto_id=f"{note.name}-%s")


def _tell(request: HttpRequest, project: Project, text: str) -> HttpResponse:
    messages.success(request, text)
    return HttpResponseRedirect(reverse("dashboard:notes", args=[project.pk]))
