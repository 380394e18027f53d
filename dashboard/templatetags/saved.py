"""What the bar and the funnels page offer of what is saved: as who looks may see it."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from django import template

from dashboard.address.named import SEGMENT, Named
from dashboard.address.saved import read_segment
from dashboard.address.view import View
from people.saved.filters import BadFilter
from people.saved.models import SavedFunnel, Segment

register = template.Library()

FUNNELS = "funnels"


@dataclass(frozen=True, slots=True)
class Offer:
    """A link to a view that has it; `is_own`: nobody else sees it."""

    label: str
    address: str
    is_chosen: bool
    is_own: bool


@register.inclusion_tag("dashboard/parts/segments.html", takes_context=True)
def segments(context: Any) -> dict[str, Any]:
    """For the menu of filters. Nothing in what is shared, whoever looks at it."""
    project, view, user = context["project"], context["view"], context["request"].user
    is_shown = user.is_authenticated and not context.get("is_shared")
    offers = []
    if is_shown:
        for segment in Segment.seen_by(project.id, user.pk):
            try:
                offers.append(_offer(view, segment))
            except BadFilter:  # a filter that no release takes any more
                continue
    return {
        "offers": offers,
        "project": project,
        "save": view.write() if view.filters else "",
        "is_shown": is_shown,
    }


@register.inclusion_tag("dashboard/parts/saved_funnels.html", takes_context=True)
def saved_funnels(context: Any) -> dict[str, Any]:
    """With the window and the filters of now; `save` is of the one that is shown."""
    project, view, user = context["project"], context["view"], context["request"].user
    asked = context["asked"]
    offers = []
    for funnel in SavedFunnel.seen_by(project.id, user.pk):
        pairs = tuple(parse_qsl(funnel.question))
        is_chosen = pairs == view.kept
        offers.append(Offer(funnel.name, view.shows(kept=pairs), is_chosen, not funnel.is_shared))
    known = any(each.is_chosen for each in offers)
    return {
        "offers": offers,
        "project": project,
        "save": view.write() if asked.is_ready and not known else "",
    }


def _offer(view: View, segment: Segment) -> Offer:
    """Again where it is chosen: without it."""
    named = read_segment(segment)
    others = tuple(
        each
        for each in view.filters
        if not (isinstance(each, Named) and str(each).endswith(f"-{segment.id}"))
        and str(each) != f"{SEGMENT}:{segment.id}"
    )
    is_chosen = len(others) < len(view.filters)
    filters = others if is_chosen else (*others, named)
    return Offer(segment.name, view.shows(filters=filters), is_chosen, not segment.is_shared)
