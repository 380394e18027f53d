"""`/p/<project>/list/<field>`: all values of a field; and what one can do with one of them."""

from django.http import Http404, HttpRequest, HttpResponse, QueryDict
from django.shortcuts import render

from analytics.projects.models import Project
from analytics.web.problems import Problem
from dashboard.address.view import View
from dashboard.asking import Desk, open_desk
from dashboard.parts.bar import show_bar
from dashboard.parts.lists import (
    MAX_SEARCH_CHARS,
    Turn,
    list_values,
    read_turn,
    show_list,
    write_csv,
)
from dashboard.parts.row_menu import show_row_menu
from dashboard.web.access import project_page
from dashboard.web.navigation import frame
from dashboard.web.viewing import look
from reporting.questions.fields import BadField, parse_named_field
from reporting.words.fields import name_field


@project_page()
def page(request: HttpRequest, project: Project, field: str) -> HttpResponse:
    _check(field)
    desk = open_desk(project)
    view = look(request, desk)
    context = frame(request, project, "page") | {
        "bar": show_bar(desk, view),
        "view": view,
        "field": field,
        "title": name_field(field),
    }
    if request.GET.get("full"):
        try:
            context |= {
                "full": True,
                "list": show_list(desk, view, field, read_turn(request.GET, field)),
            }
        except Problem as exc:
            context["problem"] = exc
    return render(request, "dashboard/list.html", context)


@project_page()
def rows(request: HttpRequest, project: Project, field: str) -> HttpResponse:
    _check(field)
    desk = open_desk(project)
    view = look(request, desk)
    shown = show_list(desk, view, field, read_turn(request.GET, field))
    context = {"project": project, "view": view, "list": shown, "field": field}
    return render(request, "dashboard/parts/list.html", context)


@project_page()
def as_csv(request: HttpRequest, project: Project, field: str) -> HttpResponse:
    """A file whose name says of what and of when it is."""
    _check(field)
    desk = open_desk(project)
    view = look(request, desk)
    return answer_csv(desk, view, field, read_turn(request.GET, field))


def answer_csv(desk: Desk, view: View, field: str, turn: Turn) -> HttpResponse:
    text = write_csv(desk, view, field, turn)
    window = view.period or f"{view.start}-{view.end}"
    name = "".join(c if c.isascii() and c.isalnum() else "-" for c in f"{field}-{window}")
    response = HttpResponse(text, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="{name}.csv"'
    return response


@project_page()
def row(request: HttpRequest, project: Project) -> HttpResponse:
    field = request.GET.get("field", "")
    _check(field)
    menu = show_row_menu(project, look(request, open_desk(project)), field, request.GET.get("key"))
    return render(request, "dashboard/parts/row_menu.html", {"menu": menu})


@project_page()
def suggest(request: HttpRequest, project: Project) -> HttpResponse:
    """Values of a field that hold what somebody begins to type, the most visited first."""
    field = request.GET.get("field", "")
    _check(field)
    desk = open_desk(project)
    view = look(request, desk)
    turn = read_typed(request.GET)
    context = {"values": list_values(desk, view, field, turn)}
    return render(request, "dashboard/parts/suggestions.html", context)


def read_typed(given: QueryDict) -> Turn:
    return Turn(sought=given.get("value", "")[:MAX_SEARCH_CHARS].replace("\x00", ""))


def _check(field: str) -> None:
    """Raises Http404 for what is no field."""
    try:
        parse_named_field(field)
    except BadField:
        raise Http404 from None
