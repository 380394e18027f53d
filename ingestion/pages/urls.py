"""What pages read here, by path; it is a hot path, as what they send is."""

from collections.abc import Callable, Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path
from django.views.decorators.csrf import csrf_exempt

from analytics.web.scripts import find_hashed, is_plain, list_scripts
from ingestion.accept.reply import Reply
from ingestion.pages.pixel import PixelView, answer_refusal
from ingestion.pages.script_view import make_script_view

View = Callable[..., Any]

_PIXEL = "/pixel.gif"

PIXEL_VIEWS: Mapping[str, View] = {_PIXEL: PixelView.as_view()}
SCRIPT_VIEWS: Mapping[str, View] = {
    name: make_script_view(served) for name, served in list_scripts().items()
}
READ_VIEWS: Mapping[str, View] = {**PIXEL_VIEWS, **SCRIPT_VIEWS}
# How a path says what it cannot serve, where that is another way than everybody's.
REFUSING: Mapping[str, Callable[[str], Reply]] = {_PIXEL: answer_refusal}


def _serve_hashed(request: HttpRequest, name: str) -> Any:
    """A page that names the script of another release gets that of this one."""
    return make_script_view(find_hashed(f"tracker.{name}.js"))(request)


pixel_patterns: list[URLPattern] = [path(_PIXEL.removeprefix("/"), PIXEL_VIEWS[_PIXEL])]
# Every process has them, whatever its role: a proxy in front cannot tell them by their names.
script_patterns: list[URLPattern] = [
    *(
        path(route.removeprefix("/"), view)
        for route, view in SCRIPT_VIEWS.items()
        if is_plain(route)
    ),
    path("tracker.<str:name>.js", csrf_exempt(_serve_hashed)),
]
