"""What the sections of the settings share: how a change is saved, noted and told."""

from collections.abc import Callable
from typing import Any

from django.contrib import admin, messages
from django.db.models import Model
from django.forms import BaseForm
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from analytics.projects.key_mirror import MirrorDelayed
from analytics.projects.models import Project

# Takes what was sent; a form that refused it, or where to go.
SectionAct = Callable[[HttpRequest, Project], BaseForm | HttpResponse]

ONCE = "once"  # marks the message that is shown this once: a new secret key


def save(request: HttpRequest, act: Callable[[], Any]) -> None:
    """What stands in the store, and not yet in Redis, is told."""
    try:
        act()
    except MirrorDelayed as delayed:
        messages.warning(request, str(delayed))


def note(request: HttpRequest, what: Model, text: str, *, is_new: bool = False) -> None:
    """In the history that the admin shows, and so in the audit log."""
    pages = admin.site.get_model_admin(type(what))
    (pages.log_addition if is_new else pages.log_change)(request, what, text)


def tell(request: HttpRequest, section: str, text: str) -> HttpResponse:
    messages.success(request, text, extra_tags=section)
    return HttpResponseRedirect(f"{request.path}#{section}")
