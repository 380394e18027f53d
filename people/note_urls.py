"""Notes: also of processes that only take events, which must not load what answers reports."""

from collections.abc import Mapping

from django.urls import URLPattern, path

from people.web.notes import NotesView
from people.web.views import JsonView


def list_patterns(views: Mapping[str, type[JsonView]]) -> list[URLPattern]:
    """Both spellings of each path; the schema shows the one without a slash."""
    patterns = [path(route, view.as_view()) for route, view in views.items()]
    slashed = [path(f"{route}/", view.as_view(schema=None)) for route, view in views.items()]
    return [*patterns, *slashed]


urlpatterns = list_patterns({"notes": NotesView})
