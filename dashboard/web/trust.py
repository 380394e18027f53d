"""`/p/<project>/trust`: whether the numbers can be believed, and a look on demand."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from analytics.events.event import EPOCH
from analytics.keys.rates import count_at_rate
from analytics.keys.refusals import KEPT_DAYS
from analytics.projects.models import Project
from dashboard.asking import open_desk
from dashboard.parts.trust.books import SHOWN_DAYS, read_books, read_standing
from dashboard.parts.trust.told import (
    count_erasures,
    list_dead,
    list_refusals,
    list_verified,
    read_lag_seconds,
)
from dashboard.parts.trust.verifying import verify
from dashboard.parts.trust.warnings import list_warnings
from dashboard.web.access import is_part, project_page, user_of
from dashboard.web.navigation import frame

# Of days that somebody has counted again in a project, in so many seconds: each reads all of a day.
VERIFICATIONS = (10, 600)


@project_page("GET", "HEAD", "POST")
def page(request: HttpRequest, project: Project) -> HttpResponse:
    """By POST a `day` is verified: its stored events are counted again."""
    verdict: dict[str, Any] = {}
    if request.method == "POST":
        subject = f"{user_of(request).pk} {project.pk}"
        refusal = "Days are verified too often here. Try again in a few minutes."
        count_at_rate(request, subject, "dashboard verify", VERIFICATIONS, refusal)
        day = _read_day(request.POST.get("day", ""), datetime.now(UTC).date())
        verdict = {"asked": True, "verdict": day and verify(project, day)}
        if is_part(request):
            return render(request, "dashboard/parts/verified.html", verdict)
    context = frame(request, project, "trust") | _gather(project) | verdict
    return render(request, "dashboard/trust.html", context)


@project_page()
def books(request: HttpRequest, project: Project) -> HttpResponse:
    """The line at the foot of the page; where they do not balance, the alarm above it as well."""
    context = {"project": project, "books": read_standing(project, open_desk(project).now)}
    return render(request, "dashboard/parts/books.html", context)


def _gather(project: Project) -> dict[str, Any]:
    desk = open_desk(project)
    refused, told = list_refusals(project)
    done, running = count_erasures(project, desk.now)
    return {
        "books": read_books(project, desk.now),
        "dead": list_dead(project),
        "refused": refused,
        "told": told,
        "verified": list_verified(desk.zone),
        "warnings": list_warnings(project, refused, told),
        "erased": done,
        "erasing": running,
        "latest": desk.find_latest(),
        "lag_seconds": read_lag_seconds(project),
        "zone": str(desk.zone),
        "kept_days": KEPT_DAYS,
        "shown_days": SHOWN_DAYS,
        "now": desk.now,
    }


def _read_day(text: str, today: date) -> date | None:
    """A day that may have events; clocks may be ahead of ours by one."""
    try:
        day = date.fromisoformat(text)
    except ValueError:
        return None
    return day if EPOCH.date() <= day <= today + timedelta(days=1) else None
