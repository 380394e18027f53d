"""Who may look at what is shared, and what every such answer says of itself.

Who is signed in is not asked, and nothing of the answer depends on it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from http import HTTPStatus
from typing import Any

import structlog
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_http_methods

from analytics.keys.failures import FailureLimit, group_address
from analytics.keys.rates import count_asking
from analytics.web.client_ip import client_ip
from analytics.web.middleware import find_problem
from analytics.web.problems import BadRequest, NotFound, Problem, TooManyRequests, Unavailable
from dashboard.address.view import View
from dashboard.asking import read_clock
from dashboard.middleware import FRAMED_BY_NOBODY, POLICY
from dashboard.parts.sharing import SharedDesk, look, open_shared
from dashboard.web.access import LOOKING, is_part
from dashboard.web.shares.looks import Looks, read_looks
from people.shares.links import find_link, was_given
from people.shares.models import ShareLink
from people.shares.passwords import is_opened
from reporting.columns.slots import as_guest

log = structlog.get_logger(__name__)

NAMESPACE = "share"
OPENED = "opened"
LOCKED_SECONDS = 900
# Tokens are of 128 bits: who tries so many looks for one.
UNKNOWN_TOKENS = FailureLimit("share tokens by address", 60, LOCKED_SECONDS)
FRAMES = ("iframe", "frame", "embed", "object", "fencedframe")

# What these say is nothing of the project's; all else is told in our own words.
_TOLD = (
    "query_timeout", "query_too_large", "query_busy", "store_unavailable", "columns_unavailable",
    "columns_behind", "columns_damaged", "rate_limited", "too_many_points",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shared:
    """What somebody looks at: a link, as its address shows it."""

    token: str
    link: ShareLink
    desk: SharedDesk
    view: View
    looks: Looks

    @property
    def context(self) -> dict[str, Any]:
        return {
            "base": "dashboard/share/base.html",
            "is_shared": True,
            "project": self.desk.project,
            "view": self.view,
            "looks": self.looks,
        }


Page = Callable[..., HttpResponse]


def shared_page(view: Page) -> Page:
    """A page or a part of what is shared: the view takes a Shared in place of the token."""

    @require_http_methods(LOOKING)
    @wraps(view)
    def opened(request: HttpRequest, token: str, *args: Any, **kwargs: Any) -> HttpResponse:
        # Names of addresses in templates are those of shared pages, with the token first.
        request.current_app = NAMESPACE

        def answer(link: ShareLink) -> HttpResponse:
            if link.password and (is_framed(request) or not knows_password(request, link)):
                return ask_for_password(request, link, token)
            refusal = "This link is looked at too often. Try again in a minute."
            count_asking(request, link.pk, "share", "SHARE_RATE", refusal)
            desk, looks = open_shared(link, token), read_looks(request.GET)
            seen = look(request.GET, desk, looks.kept)
            with as_guest():
                return view(request, Shared(token, link, desk, seen, looks), *args, **kwargs)

        return open_link(request, token, answer)

    return opened


def open_link(
    request: HttpRequest, token: str, answer: Callable[[ShareLink], HttpResponse]
) -> HttpResponse:
    """The answer of a link, or why there is none; with the headers of what is shared."""
    link = None
    try:
        link = _find(request, token)
        response = answer(link)
    except Http404:
        response = tell(request, NotFound("There is no such page."), link)
    except Exception as exc:
        problem = exc if isinstance(exc, Problem) else find_problem(exc)
        if problem is None:
            raise
        response = tell(request, problem, link)
    return _mark(response, link)


def _find(request: HttpRequest, token: str) -> ShareLink:
    """Raises NotFound, the same for what never was, is over, or was revoked; TooManyRequests."""
    address = group_address(client_ip(request.META))
    if seconds := UNKNOWN_TOKENS.check(address):
        headers = {"Retry-After": str(seconds)}
        raise TooManyRequests("Too many links that are none. Try again later.", headers=headers)
    link = find_link(token, read_clock())
    if link is None:
        if not was_given(token):  # who has one of old guesses nothing
            UNKNOWN_TOKENS.count(address)
        raise NotFound("Nothing is shared here, or no longer.")
    return link


def is_framed(request: HttpRequest) -> bool:
    """Whether a browser asks for a page in a frame; parts are asked for by scripts."""
    return request.headers.get("Sec-Fetch-Dest") in FRAMES


def knows_password(request: HttpRequest, link: ShareLink) -> bool:
    return is_opened(link, request.COOKIES.get(OPENED, ""))


def ask_for_password(
    request: HttpRequest, link: ShareLink, token: str, told: str = ""
) -> HttpResponse:
    """A form; in a frame, where no cookie comes back, the way out of it."""
    context = {"token": token, "told": told, "link": link}
    if is_framed(request):
        response = render(request, "dashboard/share/framed.html", context)
        response["Content-Security-Policy"] = POLICY.replace(FRAMED_BY_NOBODY, "frame-ancestors *")
        response.xframe_options_exempt = True
        return response
    if is_part(request):
        response = HttpResponse(status=HTTPStatus.UNAUTHORIZED)
        response["HX-Refresh"] = "true"  # the whole page then asks
        return response
    return render(request, "dashboard/share/password.html", context)


def tell(request: HttpRequest, problem: Problem, link: ShareLink | None = None) -> HttpResponse:
    if isinstance(problem, Unavailable):
        log.warning("refused", code=problem.code, status=problem.status)
    problem = soften(problem)
    again = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR or problem.code == "query_timeout"
    context = {"problem": problem, "again": again, "link": link}
    part, page = "dashboard/parts/problem.html", "dashboard/share/problem.html"
    template = part if is_part(request) else page
    response = render(request, template, context, status=problem.status)
    for name, value in problem.headers.items():
        response[name] = value
    return response


def soften(problem: Problem) -> Problem:
    """What went wrong, without a word of the project's."""
    if not isinstance(problem, BadRequest) or problem.code in _TOLD:
        return problem
    if problem.code == "bad_pattern":
        return BadRequest("A pattern of the filters is refused.", code="bad_pattern")
    return BadRequest("This cannot be shown. Try another window.", code="bad_request")


def _mark(response: HttpResponse, link: ShareLink | None) -> HttpResponse:
    """Who may frame it is said by the link, at each answer; nobody may keep or list it."""
    headers: Mapping[str, str] = {
        "Cache-Control": "private, no-store",
        "Referrer-Policy": "no-referrer",
        "X-Robots-Tag": "noindex",
    }
    for name, value in headers.items():
        response[name] = value
    if link is not None and link.may_be_framed:
        ancestors = f"frame-ancestors {' '.join(link.origins)}"
        response["Content-Security-Policy"] = POLICY.replace(FRAMED_BY_NOBODY, ancestors)
        response.xframe_options_exempt = True
    return response
