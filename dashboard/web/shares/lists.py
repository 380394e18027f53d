"""`/share/<token>/list/<field>`: all values of a shared field; and what one can do with one."""

from dataclasses import replace

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render

from analytics.web.problems import Problem
from dashboard.parts.lists import list_values, read_turn, show_list
from dashboard.parts.row_menu import show_row_menu
from dashboard.parts.sharing import show_shared_bar
from dashboard.web.lists import answer_csv, read_typed
from dashboard.web.shares.opening import Shared, shared_page, soften
from reporting.words.fields import name_field


@shared_page
def page(request: HttpRequest, shared: Shared, field: str) -> HttpResponse:
    _check(shared, field)
    context = shared.context | {
        "bar": show_shared_bar(shared.desk, shared.view),
        "field": field,
        "title": name_field(field),
    }
    if request.GET.get("full"):
        turn = read_turn(request.GET, field)
        try:
            context |= {"full": True, "list": show_list(shared.desk, shared.view, field, turn)}
        except Problem as exc:
            context["problem"] = soften(exc)
    return render(request, "dashboard/list.html", context)


@shared_page
def rows(request: HttpRequest, shared: Shared, field: str) -> HttpResponse:
    _check(shared, field)
    shown = show_list(shared.desk, shared.view, field, read_turn(request.GET, field))
    context = shared.context | {"list": shown, "field": field}
    return render(request, "dashboard/parts/list.html", context)


@shared_page
def as_csv(request: HttpRequest, shared: Shared, field: str) -> HttpResponse:
    _check(shared, field)
    return answer_csv(shared.desk, shared.view, field, read_turn(request.GET, field))


@shared_page
def row(request: HttpRequest, shared: Shared) -> HttpResponse:
    """Without a way to the project's website, which is not among what is shared."""
    field = request.GET.get("field", "")
    _check(shared, field)
    menu = show_row_menu(shared.desk.project, shared.view, field, request.GET.get("key"))
    return render(request, "dashboard/share/row_menu.html", {"menu": replace(menu, opens="")})


@shared_page
def suggest(request: HttpRequest, shared: Shared) -> HttpResponse:
    field = request.GET.get("field", "")
    _check(shared, field)
    turn = read_typed(request.GET)
    context = {"values": list_values(shared.desk, shared.view, field, turn)}
    return render(request, "dashboard/parts/suggestions.html", context)


def _check(shared: Shared, field: str) -> None:
    """Raises Http404 for a field that is not shared, as for what is none."""
    if field not in shared.desk.limits.fields:
        raise Http404
