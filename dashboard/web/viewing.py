"""What a request's address shows of a project, and what its browser used there last."""

from functools import partial

from django.http import HttpRequest, HttpResponse
from django.urls import reverse

from analytics.projects.models import Project
from dashboard.address.saved import find_named
from dashboard.address.view import View, read_view
from dashboard.asking import Desk
from dashboard.parts.panels import TABS

KEPT_SECONDS = 365 * 86_400
FIRST_DAY, LATER = "today", "28d"
COOKIE = "view"


def look(request: HttpRequest, desk: Desk) -> View:
    """A new project begins with today, from its second day on with 28 days."""
    created = desk.project.created_at.astimezone(desk.zone).date()
    is_first_day = created >= desk.now.astimezone(desk.zone).date()
    return read_view(
        request.GET,
        zone=desk.zone,
        now=desk.now,
        tabs=TABS,
        default_period=FIRST_DAY if is_first_day else LATER,
        remembered=request.COOKIES.get(COOKIE, ""),
        find_named=partial(find_named, desk.project.id, request.user.pk),
    )


def remember(
    response: HttpResponse, request: HttpRequest, project: Project, view: View
) -> HttpResponse:
    """In the browser, for this project alone."""
    kept = view.remember()
    if view.period and kept != request.COOKIES.get(COOKIE):
        response.set_cookie(
            COOKIE,
            kept,
            max_age=KEPT_SECONDS,
            path=reverse("dashboard:page", args=[project.id]),
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
    return response
