"""Who may look at what, and what somebody is told who may not."""

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import urlencode

import structlog
from django.db.models import QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from analytics.projects.models import Project
from analytics.web.middleware import find_problem
from analytics.web.problems import Forbidden, NotFound, Problem, Unavailable
from people.accounts.second_factor import lacks_factor
from people.members.roles import Act, Someone, list_projects, may

log = structlog.get_logger(__name__)

View = Callable[..., HttpResponse]

LOOKING = ("GET", "HEAD")


def is_part(request: HttpRequest) -> bool:
    """Whether htmx asks, for a part of a page that is there already."""
    return "HX-Request" in request.headers


def user_of(request: HttpRequest) -> Someone:
    return cast("Someone", request.user)


def list_visible(request: HttpRequest) -> QuerySet[Project]:
    """The projects that somebody may look at."""
    return list_projects(user_of(request))


def allows(request: HttpRequest, project: Project, act: Act) -> bool:
    return may(user_of(request), project.pk, act)


def require_act(request: HttpRequest, project: Project, act: Act) -> None:
    """Raises Forbidden."""
    if not allows(request, project, act):
        raise Forbidden("Your role in this project does not allow it.", code="forbidden")


def may_add_projects(request: HttpRequest) -> bool:
    return user_of(request).has_perm("analytics.add_project")


def page(*methods: str, before_factor: bool = False) -> Callable[[View], View]:
    """A page for who is signed in; everybody else is led to the door, and back here.

    Where a second factor is required, it is shown first, but for pages that are `before_factor`.
    What cannot be answered is told on a page of its own, or in the part that was asked for.
    """

    def decorate(view: View) -> View:
        @require_http_methods(methods or LOOKING)
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            if not user_of(request).is_authenticated:
                return lead_to_door(request)
            if lacks_factor(request) and not before_factor:
                return lead_to_factor(request)
            return told(request, *args, **kwargs)

        told = telling(view)
        return guarded

    return decorate


def telling(view: View) -> View:
    """The view, whose problems are told on a page."""

    @wraps(view)
    def told(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except Http404:
            return tell(request, NotFound("There is no such page, or it is not yours to see."))
        except Exception as exc:
            problem = exc if isinstance(exc, Problem) else find_problem(exc)
            if problem is None:
                raise
            return tell(request, problem)

    return told


def project_page(*methods: str, act: Act = Act.LOOK) -> Callable[[View], View]:
    """As `page`, of a project: the view takes it in place of its id.

    `act` is what all of it takes. A page that everybody sees and that some may change names what a
    change takes by `require_act`.
    """

    def decorate(view: View) -> View:
        @page(*methods)
        @wraps(view)
        def opened(request: HttpRequest, project_id: str, *args: Any, **kw: Any) -> HttpResponse:
            project = open_project(request, project_id)
            require_act(request, project, act)
            return view(request, project, *args, **kw)

        return opened

    return decorate


def open_project(request: HttpRequest, project_id: str) -> Project:
    """The project, if it is one that this person may look at. Raises Http404."""
    project = list_visible(request).filter(pk=project_id).first()
    if project is None:
        raise Http404
    return project


def lead_to_door(request: HttpRequest) -> HttpResponse:
    """To the sign-in, and from there to the page that was asked for."""
    if is_part(request):
        response = HttpResponse(status=HTTPStatus.UNAUTHORIZED)
        response["HX-Refresh"] = "true"  # the whole page then leads to the door
        return response
    return HttpResponseRedirect(_with_next(request, "dashboard:sign_in"))


def lead_to_factor(request: HttpRequest) -> HttpResponse:
    """To where a second factor is set up, and from there to the page that was asked for."""
    if is_part(request):
        response = HttpResponse(status=HTTPStatus.FORBIDDEN)
        response["HX-Refresh"] = "true"
        return response
    return HttpResponseRedirect(_with_next(request, "dashboard:second_factor"))


def _with_next(request: HttpRequest, page: str) -> str:
    return f"{reverse(page)}?{urlencode({'next': request.get_full_path()})}"


def refuse_form(request: HttpRequest, reason: str = "") -> HttpResponse:
    """What somebody is told whose form came without its token (CSRF_FAILURE_VIEW)."""
    detail = (
        "This form is too old, or this browser takes no cookies. Load its page anew, and send it "
        "again."
    )
    return tell(request, Forbidden(detail, code="forbidden"))


def tell(request: HttpRequest, problem: Problem) -> HttpResponse:
    """What went wrong, in the frame or in the part that was asked for."""
    if isinstance(problem, Unavailable):
        log.warning("refused", code=problem.code, status=problem.status)
    again = problem.status >= HTTPStatus.INTERNAL_SERVER_ERROR or problem.code == "query_timeout"
    context = {"problem": problem, "again": again}
    template = "dashboard/parts/problem.html" if is_part(request) else "dashboard/problem.html"
    response = render(request, template, context, status=problem.status)
    for name, value in problem.headers.items():
        response[name] = value
    return response
