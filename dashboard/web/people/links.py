"""What a link with a token does first: the token goes from the address into a cookie.

So no page with a form has it in its address, in the history or in what a browser tells others.
"""

from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from analytics.keys.failures import group_address
from analytics.web.client_ip import client_ip
from dashboard.web.access import telling
from people.links import BY_ADDRESS

KEPT_SECONDS = 3600
MAX_CHARS = 100
View = Callable[..., HttpResponse]


class WrongToken(Exception):
    """It is good for nothing."""


def opening(name: str, page: str) -> View:
    """The view of a link: to the page of this name, where a cookie of the name `name` has it."""

    @require_http_methods(["GET", "HEAD"])
    def open_link(request: HttpRequest, token: str) -> HttpResponse:
        path = reverse(page)
        response = HttpResponseRedirect(path)
        response.set_cookie(
            name,
            token[:MAX_CHARS],
            max_age=KEPT_SECONDS,
            path=path,
            secure=settings.HTTPS_ONLY,
            httponly=True,
            samesite="Lax",
        )
        response["Referrer-Policy"] = "no-referrer"
        return response

    return open_link


def with_token(name: str) -> Callable[[View], View]:
    """The view takes the token of that cookie. Wrong ones are counted by address."""

    def decorate(view: View) -> View:
        @require_http_methods(["GET", "HEAD", "POST"])
        def taking(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            address = group_address(client_ip(request.META))
            if seconds := BY_ADDRESS.check(address):
                return _refuse(request, seconds)
            try:
                return told(request, request.COOKIES.get(name, ""), *args, **kwargs)
            except WrongToken:
                BY_ADDRESS.count(address)
                return _refuse(request)

        told = telling(view)
        return taking

    return decorate


def drop_token(response: HttpResponse, name: str, page: str) -> HttpResponse:
    response.delete_cookie(name, path=reverse(page), samesite="Lax")
    return response


def _refuse(request: HttpRequest, seconds: int = 0) -> HttpResponse:
    status = HTTPStatus.TOO_MANY_REQUESTS if seconds else HTTPStatus.NOT_FOUND
    context = {"minutes": -(-seconds // 60)}
    response = render(request, "dashboard/people/no_link.html", context, status=status)
    if seconds:
        response["Retry-After"] = str(seconds)
    return response
