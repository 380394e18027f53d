"""`/share/<token>/`: the shared page, and its parts."""

from dataclasses import replace
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from analytics.keys.failures import group_address
from analytics.web.client_ip import client_ip
from analytics.web.problems import Forbidden, Problem
from dashboard.asking import read_clock
from dashboard.parts.panels import MAP, Listed, Panel, list_tabs, show_panel
from dashboard.parts.sharing import COUNTRY, list_panels, show_shared_bar
from dashboard.parts.top import show_top
from dashboard.web.shares.opening import (
    NAMESPACE,
    OPENED,
    Shared,
    ask_for_password,
    open_link,
    shared_page,
    soften,
)
from people.shares.links import note_use
from people.shares.models import ShareLink
from people.shares.passwords import OPEN_SECONDS, PasswordLocked, is_right, sign_opened

_OWN = ("same-origin", "none", None)


@shared_page
def page(request: HttpRequest, shared: Shared) -> HttpResponse:
    note_use(shared.link, read_clock())
    panels = list_panels(shared.link).values()
    context = shared.context | {"bar": show_shared_bar(shared.desk, shared.view)}
    if request.GET.get("full"):
        context |= _show_all(shared)
    else:
        context["panels"] = [
            {"panel": panel, "tabs": list_tabs(shared.view, panel)} for panel in panels
        ]
    return render(request, "dashboard/share/page.html", context)


@shared_page
def top(request: HttpRequest, shared: Shared) -> HttpResponse:
    context = shared.context | {"top": show_top(shared.desk, shared.view)}
    return render(request, "dashboard/parts/top.html", context)


@shared_page
def bar(request: HttpRequest, shared: Shared) -> HttpResponse:
    context = shared.context | {"bar": show_shared_bar(shared.desk, shared.view)}
    return render(request, "dashboard/parts/bar.html", context)


@shared_page
def panel(request: HttpRequest, shared: Shared, name: str) -> HttpResponse:
    found = list_panels(shared.link).get(name)
    if found is None:
        raise Http404
    context = shared.context | {"listed": _show_panel(shared, found)}
    return render(request, "dashboard/parts/panel.html", context)


@csrf_exempt  # it opens a page to whoever knows its password, and does nothing else
@require_http_methods(["POST"])
def unlock(request: HttpRequest, token: str) -> HttpResponse:
    """The password, in a body and never in an address; the page then comes by a redirect."""

    def answer(link: ShareLink) -> HttpResponse:
        if request.headers.get("Sec-Fetch-Site") not in _OWN:
            raise Forbidden("The password is taken from the page of the link.", code="forbidden")
        address = group_address(client_ip(request.META))
        back = HttpResponseRedirect(reverse(f"{NAMESPACE}:page", args=[token]))
        if not link.password:
            return back
        try:
            known = is_right(link, request.POST.get("password", ""), address)
        except PasswordLocked as locked:
            minutes = -(-locked.seconds // 60)
            told = f"Too many wrong passwords. Try again in {minutes} minutes."
            response = ask_for_password(request, link, token, told)
            response.status_code = 429
            response["Retry-After"] = str(locked.seconds)
            return response
        if not known:
            return ask_for_password(request, link, token, "This is not the password.")
        back.set_cookie(
            OPENED,
            sign_opened(link),
            max_age=OPEN_SECONDS,
            path=reverse(f"{NAMESPACE}:page", args=[token]).rstrip("/"),
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
        return back

    return open_link(request, token, answer)


def _show_all(shared: Shared) -> dict[str, Any]:
    """Every part; one that fails stands beside the others all the same."""
    context: dict[str, Any] = {"full": True, "panels": []}
    try:
        context["top"] = show_top(shared.desk, shared.view)
    except Problem as exc:
        context["problem"] = soften(exc)
    for each in list_panels(shared.link).values():
        try:
            context["panels"].append({"panel": each, "listed": _show_panel(shared, each)})
        except Problem as exc:
            tabs = list_tabs(shared.view, each)
            context["panels"].append({"panel": each, "tabs": tabs, "problem": soften(exc)})
    return context


def _show_panel(shared: Shared, panel: Panel) -> Listed:
    listed = show_panel(shared.desk, shared.view, panel)
    field = COUNTRY if listed.field == MAP else listed.field
    there = reverse(f"{NAMESPACE}:list", args=[shared.token, field])
    return replace(listed, more=there + shared.view.write())
