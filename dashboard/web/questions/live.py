"""`/p/<project>/live`: who is there now and what comes in, asked again every ten seconds."""

from dataclasses import replace
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from analytics.projects.models import Project
from analytics.web.problems import Problem
from dashboard.address.view import View
from dashboard.asking import Desk, open_desk
from dashboard.parts.questions.live import show_live
from dashboard.parts.questions.stream import MAX_SEARCH_CHARS, Asked, show_stream, write_asked
from dashboard.web.access import project_page
from dashboard.web.navigation import frame
from dashboard.web.viewing import look


@project_page()
def page(request: HttpRequest, project: Project) -> HttpResponse:
    """Of the address only the filters and the stream matter: the window is always now."""
    desk = open_desk(project)
    view, asked = _look(request, desk)
    context = frame(request, project, "live") | _offer(view, asked)
    if view.is_full:
        context |= {"full": True}
        try:
            context |= {"live": show_live(desk, view), "stream": show_stream(desk, view, asked)}
        except Problem as exc:
            context |= {"problem": exc}
    return render(request, "dashboard/live.html", context)


@project_page()
def now(request: HttpRequest, project: Project) -> HttpResponse:
    desk = open_desk(project)
    view, _ = _look(request, desk)
    context = {"project": project, "view": view, "live": show_live(desk, view)}
    return render(request, "dashboard/parts/live.html", context)


@project_page()
def stream(request: HttpRequest, project: Project) -> HttpResponse:
    desk = open_desk(project)
    view, asked = _look(request, desk)
    shown = show_stream(desk, view, asked)
    context = {"project": project, "stream": shown, "swaps": True} | _offer(view, asked)
    return render(request, "dashboard/parts/stream.html", context)


def _look(request: HttpRequest, desk: Desk) -> tuple[View, Asked]:
    sought = request.GET.get("q", "").replace("\x00", "")[:MAX_SEARCH_CHARS]
    asked = Asked(sought, "stop" in request.GET)
    return replace(look(request, desk), kept=write_asked(asked)), asked


def _offer(view: View, asked: Asked) -> dict[str, Any]:
    """What is asked, and the address that stops the stream, or lets it go on."""
    other = replace(asked, is_stopped=not asked.is_stopped)
    return {"view": view, "asked": asked, "toggled": view.shows(kept=write_asked(other))}
