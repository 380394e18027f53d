"""`/p/<project>/saved`: segments and funnels, and a new one of what the address shows."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse

from analytics.audit import record
from analytics.projects.models import Project
from analytics.web.problems import BadRequest
from dashboard.address.saved import flatten
from dashboard.address.view import View
from dashboard.asking import open_desk
from dashboard.parts.bar import show_bar
from dashboard.parts.questions.funnels import Funnel, read_funnel
from dashboard.parts.questions.given import Given
from dashboard.parts.saved.forms import KEPT, NameForm
from dashboard.web.access import allows, project_page, require_act, user_of
from dashboard.web.navigation import frame
from dashboard.web.viewing import look
from people.members.roles import Act
from people.saved.filters import BadFilter
from people.saved.models import Owned, SavedFunnel, Segment

SAVE, RENAME, SHARE, DELETE = "save", "rename", "share", "delete"
WHERE: Mapping[str, str] = {"segment": "page", "funnel": "funnels"}


@project_page("GET", "HEAD", "POST")
def page(request: HttpRequest, project: Project) -> HttpResponse:
    desk = open_desk(project)
    view = look(request, desk)
    asked = read_funnel(Given(request.GET))
    may_share = allows(request, project, Act.EDIT)
    forms = {kind: NameForm(kind, may_share=may_share) for kind in KEPT}
    wrong = ""
    if request.method == "POST":
        kind, act = request.POST.get("kind", ""), request.POST.get("act", "")
        if kind not in KEPT or act not in (SAVE, RENAME, SHARE, DELETE):
            raise BadRequest("There is no such form.")
        try:
            if act != SAVE:
                return change(request, project, find(request, project, kind), act)
            forms[kind] = form = NameForm(kind, request.POST, may_share=may_share)
            if form.is_valid():
                return save(request, project, form, make(kind, view, asked))
        except (ValidationError, BadFilter) as exc:
            wrong = "; ".join(exc.messages) if isinstance(exc, ValidationError) else str(exc)
    context = frame(request, project, "saved") | {
        "view": view,
        "bar": show_bar(desk, view),
        "asked": asked,
        "forms": forms,
        "wrong": wrong,
        "may_share": may_share,
        "listed": [_list(request, project, kind, view) for kind in KEPT],
    }
    return render(request, "dashboard/saved.html", context)


def make(kind: str, view: View, asked: Funnel) -> Owned:
    """What the address shows, without a name yet. Raises BadFilter."""
    if kind == "segment":
        return Segment(filters=flatten(view.filters))
    return SavedFunnel(question=urlencode(asked.write()) if asked.is_ready else "")


def save(request: HttpRequest, project: Project, form: NameForm, kept: Owned) -> HttpResponse:
    """And to where it is shown. Raises ValidationError."""
    is_shared = bool(form.cleaned_data.get("shared"))
    if is_shared:
        require_act(request, project, Act.EDIT)
    kept.project, kept.name = project, form.cleaned_data["name"]
    kept.created_by = user_of(request).get_username()
    kept.owner = None if is_shared else user_of(request)  # type: ignore[assignment]
    kept.full_clean()
    kept.save()
    note(request, kept, "added")
    messages.success(request, f"Saved the {kept.kind} {kept.name}.")
    where = reverse(f"dashboard:{WHERE[kept.kind]}", args=[project.pk])
    if isinstance(kept, SavedFunnel):
        return HttpResponseRedirect(f"{where}?{kept.question}")
    return HttpResponseRedirect(f"{where}?{urlencode({'f': f'segment:{kept.reference}'})}")


def find(request: HttpRequest, project: Project, kind: str) -> Owned:
    """One that this person may change. Raises Http404, Forbidden."""
    seen = KEPT[kind].seen_by(project.pk, user_of(request).pk)
    kept = seen.filter(pk=request.POST.get("id", "")).first()
    if kept is None:
        raise Http404
    if kept.is_shared:
        require_act(request, project, Act.EDIT)
    return kept


def change(request: HttpRequest, project: Project, kept: Owned, act: str) -> HttpResponse:
    """Raises ValidationError, Forbidden."""
    if act == DELETE:
        kept.discard()
        done = "removed"
        told = f"Deleted the {kept.kind} {kept.name}."
    elif act == SHARE:
        require_act(request, project, Act.EDIT)
        kept.owner = None
        kept.full_clean()
        kept.save(update_fields=["owner"])
        done = "shared"
        told = f"All members have the {kept.kind} {kept.name} now."
    else:
        kept.name = request.POST.get("name", "")
        kept.full_clean()
        kept.save(update_fields=["name"])
        done = "renamed"
        told = f"It is called {kept.name} now."
    note(request, kept, done)
    messages.success(request, told)
    return HttpResponseRedirect(reverse("dashboard:saved", args=[project.pk]))


def note(request: HttpRequest, kept: Owned, act: str) -> None:
    """In the audit log, where it is the project's: what is one's own concerns nobody else."""
    if kept.is_shared:
        name = user_of(request).get_username()
        record(name, kept.project_id, f"{kept.kind}.{act}", kept.name)


def _list(request: HttpRequest, project: Project, kind: str, view: View) -> dict[str, Any]:
    rows = KEPT[kind].seen_by(project.pk, user_of(request).pk)
    where = reverse(f"dashboard:{WHERE[kind]}", args=[project.pk])
    return {
        "kind": kind,
        "title": f"{kind.capitalize()}s",
        "rows": [{"kept": row, "address": f"{where}?{_write(row)}"} for row in rows],
    }


def _write(kept: Owned) -> str:
    if isinstance(kept, SavedFunnel):
        return kept.question
    return urlencode({"f": f"segment:{kept.reference}"})
