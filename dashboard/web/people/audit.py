"""`/p/<project>/audit` for owners, `/audit` for staff: who did what, 50 entries at a time."""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from analytics.projects.models import Project
from dashboard.web.access import page, project_page, user_of
from dashboard.web.navigation import frame
from people.audit.reading import Asked, list_entries
from people.members.roles import Act


@project_page(act=Act.OWN)
def of_project(request: HttpRequest, project: Project) -> HttpResponse:
    context = frame(request, project, "settings")  # it leads here
    return _show(request, context, project.pk)


@page()
def everything(request: HttpRequest) -> HttpResponse:
    """Of all projects, and of what is in none: signing in, accounts."""
    user = user_of(request)
    if not (user.is_staff or user.is_superuser):
        raise Http404
    return _show(request, frame(request), None)


def _show(request: HttpRequest, context: dict[str, Any], project_id: str | None) -> HttpResponse:
    asked = Asked.read(request.GET, project_id)
    context |= {"listed": list_entries(asked), "asked": asked, "of_all": project_id is None}
    return render(request, "dashboard/people/audit.html", context)
