"""The share links of a project: their section of the settings."""

from dataclasses import dataclass
from typing import Any

from django.contrib import messages
from django.forms import BaseForm
from django.http import Http404, HttpRequest, HttpResponse
from django.urls import reverse
from django_mongodb_backend.transaction import atomic

from analytics.audit import record
from analytics.projects.models import Project
from dashboard.parts.panels import PANELS
from dashboard.parts.settings.share_form import WINDOWS, ShareForm, show_restriction
from dashboard.web.access import allows, require_act, user_of
from dashboard.web.saying import SectionAct, tell
from people.members.roles import Act
from people.shares.links import add_link, list_links, revoke_link
from people.shares.models import ShareLink

SECTION = "share-links"
ONCE = "share-once"  # marks the message that is the address of a new link
ADD, CHANGE, REVOKE = "share", "share-change", "share-revoke"
MAX_LINKS = 200

_WINDOWS = dict(WINDOWS)


@dataclass(frozen=True, slots=True)
class Row:
    """A link, in words, with the form that changes it."""

    link: ShareLink
    panels: str
    window: str
    only: list[str]
    form: BaseForm | None


def gather(request: HttpRequest, project: Project, tried: BaseForm | None) -> dict[str, Any]:
    """What the section shows; the form of a new link begins with the filters of the address."""
    may_share = allows(request, project, Act.EDIT)
    refused = tried if isinstance(tried, ShareForm) else None
    links = list_links(project)[:MAX_LINKS]
    is_new = refused is not None and request.POST.get("section") == ADD
    return {
        "shares": [_show(project, link, refused, may_share) for link in links],
        "new_share": refused if is_new else ShareForm(project, only=request.GET.getlist("f")),
        "may_share": may_share,
        "share_once": ONCE,
    }


def _show(project: Project, link: ShareLink, refused: ShareForm | None, may_share: bool) -> Row:
    form: ShareForm | None = None
    if may_share and not link.revoked_at:
        is_refused = refused is not None and refused.instance.pk == link.pk
        form = refused if is_refused else ShareForm(project, link=link)
    window = _WINDOWS.get(link.period, link.period) or f"{link.start} to {link.end}"
    panels = ", ".join(panel.title for name, panel in PANELS.items() if name in link.panels)
    return Row(link, panels, window, show_restriction(link.restriction), form)


def add(request: HttpRequest, project: Project) -> BaseForm | HttpResponse:
    require_act(request, project, Act.EDIT)
    form = ShareForm(project, request.POST)
    if not form.is_valid():
        return form
    link = form.instance
    link.created_by = user_of(request).get_username()
    with atomic():
        token = add_link(link)
        _note(request, link, "made")
    # It travels in the browser's own cookie; nothing here keeps it.
    address = request.build_absolute_uri(reverse("share:page", args=[token])).rstrip("/")
    messages.warning(request, address, extra_tags=ONCE)
    return tell(request, SECTION, "The link is made.")


def change(request: HttpRequest, project: Project) -> BaseForm | HttpResponse:
    link = _find(request, project)
    form = ShareForm(project, request.POST, link)
    if not form.is_valid():
        return form
    with atomic():
        form.save_changes()
        _note(request, link, "changed", fields=", ".join(form.changed_data))
    return tell(request, SECTION, "Saved.")


def revoke(request: HttpRequest, project: Project) -> HttpResponse:
    link = _find(request, project)
    with atomic():
        if revoke_link(link):
            _note(request, link, "revoked")
    return tell(request, SECTION, "The link is revoked.")


ACTS: dict[str, SectionAct] = {
    ADD: add,
    CHANGE: change,
    REVOKE: revoke,
}


def _find(request: HttpRequest, project: Project) -> ShareLink:
    """One that was not revoked, of this project. Raises Forbidden and Http404."""
    require_act(request, project, Act.EDIT)
    theirs = ShareLink.objects.filter(project=project, revoked_at=None)
    link = theirs.filter(pk=request.POST.get("link", "")).first()
    if link is None:
        raise Http404
    return link


def _note(request: HttpRequest, link: ShareLink, act: str, **details: str) -> None:
    actor = user_of(request).get_username()
    record(actor, link.project_id, f"share_link.{act}", f"{link.name} ({link.pk})", **details)
