"""The page at `/` where the pages of `dashboard` are not served, and the icon of all of them."""

from collections.abc import Callable
from pathlib import Path
from string import Template

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt

from analytics.web.problems import MethodNotAllowed, problem_response

_FOLDER = Path(__file__).parent / "front"
_METHODS = ("GET", "HEAD")
_ICON_HEADERS = {"Cache-Control": "public, max-age=86400"}
# Where each leads, and what it is.
_LINKS = (
    ("/docs/", "Docs", "every endpoint, to read and to try out"),
    ("/schema/", "OpenAPI", "to generate a client from"),
    ("/healthz", "Health", "whether it is up"),
)


@csrf_exempt  # else Django answers a POST with a page about cookies
def front_page(request: HttpRequest) -> HttpResponse:
    """What leads on from here. No key, and nothing that only some may know, is on it."""
    return _answer(request, _render_page, "text/html; charset=utf-8", {"Cache-Control": "no-cache"})


@csrf_exempt
def favicon_ico(request: HttpRequest) -> HttpResponse:
    return _answer(request, (_FOLDER / "favicon.ico").read_bytes, "image/x-icon", _ICON_HEADERS)


@csrf_exempt
def favicon_svg(request: HttpRequest) -> HttpResponse:
    return _answer(request, (_FOLDER / "favicon.svg").read_bytes, "image/svg+xml", _ICON_HEADERS)


def _render_page() -> bytes:
    links = "".join(
        f'<li><a href="{path}">{name}</a> <span>{text}</span></li>\n' for path, name, text in _LINKS
    )
    template = Template((_FOLDER / "page.html").read_text())
    return template.substitute(links=links, version=settings.VERSION).encode()


def _answer(
    request: HttpRequest,
    read: Callable[[], bytes],
    content_type: str,
    headers: dict[str, str],
) -> HttpResponse:
    if request.method not in _METHODS:
        detail = f'Method "{request.method}" not allowed.'
        allowed = {"Allow": ", ".join(_METHODS)}
        return problem_response(MethodNotAllowed(detail, headers=allowed))
    return HttpResponse(read(), content_type=content_type, headers=headers)
