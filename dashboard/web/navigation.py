"""The pages of a project, in the order in which they are offered.

A page is a module here, a template, and a line in this list.
"""

from dataclasses import dataclass
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from analytics.projects.models import Project
from dashboard.web.access import list_visible, may_add_projects, user_of

# The name of its address, as it is offered; and the keys that lead to some.
KEYS = {"live": "r"}
PAGES = (
    ("page", "Overview"),
    ("live", "Live"),
    ("funnels", "Funnels"),
    ("retention", "Retention"),
    ("journeys", "Journeys"),
    ("events", "Events"),
    ("saved", "Saved"),
    ("reports", "Reports"),
    ("trust", "Trust"),
    ("exports", "Exports"),
    ("imports", "Imports"),
    ("settings", "Settings"),
)
MAX_OFFERED = 30


@dataclass(frozen=True, slots=True)
class Link:
    label: str
    address: str
    is_here: bool
    key: str = ""


def frame(request: HttpRequest, project: Project | None = None, here: str = "") -> dict[str, Any]:
    """What `base.html` needs: whose page it is, and where one can go from here."""
    context: dict[str, Any] = {
        "may_add": may_add_projects(request),
        "may_administer": user_of(request).is_staff,
        "others": list_visible(request).only("id", "name")[:MAX_OFFERED],
    }
    if project:
        context["project"] = project
        context["pages"] = [
            Link(
                label,
                reverse(f"dashboard:{name}", args=[project.id]),
                name == here,
                KEYS.get(name, ""),
            )
            for name, label in PAGES
        ]
    return context
