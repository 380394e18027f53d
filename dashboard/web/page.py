"""`/p/<project>/`: the page, and its parts.

The frame comes at once, without a question; each part is asked for by itself. With `full=1` all of
it is in one answer.
"""

from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from analytics.projects.models import Project
from analytics.web.problems import Problem
from dashboard.address.view import View
from dashboard.asking import Desk, open_desk
from dashboard.parts.bar import show_bar
from dashboard.parts.first_event import list_refused, show_snippets
from dashboard.parts.panels import PANELS, list_tabs, show_panel
from dashboard.parts.saved.goals import show_goals
from dashboard.parts.top import show_top
from dashboard.parts.trust.books import read_standing
from dashboard.web.access import project_page
from dashboard.web.navigation import frame
from dashboard.web.viewing import look, remember
from people.saved.models import Goal


@project_page()
def page(request: HttpRequest, project: Project) -> HttpResponse:
    desk = open_desk(project)
    context = frame(request, project, "page")
    if desk.find_latest() is None:
        context |= show_snippets(request, project)
        return render(request, "dashboard/first_event.html", context)
    view = look(request, desk)
    context |= {"bar": show_bar(desk, view), "view": view, "panels": []}
    if request.GET.get("full"):
        context |= _show_all(desk, view)
    else:
        context["panels"] = [
            {"panel": panel, "tabs": list_tabs(view, panel)} for panel in PANELS.values()
        ]
    return remember(render(request, "dashboard/page.html", context), request, project, view)


@project_page()
def top(request: HttpRequest, project: Project) -> HttpResponse:
    desk = open_desk(project)
    view = look(request, desk)
    context = {"project": project, "top": show_top(desk, view), "view": view}
    return render(request, "dashboard/parts/top.html", context)


@project_page()
def bar(request: HttpRequest, project: Project) -> HttpResponse:
    desk = open_desk(project)
    view = look(request, desk)
    context = {"project": project, "bar": show_bar(desk, view), "view": view}
    response = render(request, "dashboard/parts/bar.html", context)
    return remember(response, request, project, view)


@project_page()
def panel(request: HttpRequest, project: Project, name: str) -> HttpResponse:
    if name not in PANELS:
        raise Http404
    desk = open_desk(project)
    view = look(request, desk)
    context = {"project": project, "view": view, "listed": show_panel(desk, view, PANELS[name])}
    return render(request, "dashboard/parts/panel.html", context)


@project_page()
def current(request: HttpRequest, project: Project) -> HttpResponse:
    """Visitors of now."""
    desk = open_desk(project)
    view = look(request, desk)
    context = {"project": project, "view": view, "current": desk.share_now(view.condition)}
    return render(request, "dashboard/parts/current.html", context)


@project_page()
def waiting(request: HttpRequest, project: Project) -> HttpResponse:
    """Whether the first event is there: then the page takes its place."""
    came = open_desk(project).find_latest() is not None
    refused = () if came else list_refused(project)
    context = {"project": project, "came": came, "waits_at": request.path, "refused": refused}
    return render(request, "dashboard/parts/waiting.html", context)


def _show_all(desk: Desk, view: View) -> dict[str, Any]:
    """Every part; one that fails stands beside the others all the same."""
    context: dict[str, Any] = {"full": True}
    try:
        context["top"] = show_top(desk, view)
        context["current"] = desk.ask_now(view.condition)
        context["books"] = read_standing(desk.project, desk.now)
    except Problem as exc:
        context["problem"] = exc
    shown: list[dict[str, Any]] = []
    for each in PANELS.values():
        try:
            shown.append({"panel": each, "listed": show_panel(desk, view, each)})
        except Problem as exc:
            shown.append({"panel": each, "tabs": list_tabs(view, each), "problem": exc})
    context["panels"] = shown
    try:
        context["goals"] = show_goals(desk, view, Goal.of_project(desk.project.pk))
    except Problem as exc:
        context["goals_problem"] = exc
    return context
