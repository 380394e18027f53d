"""What every request has in common that does not take the hot path."""

from collections.abc import Callable
from time import perf_counter

from django.http import HttpRequest, HttpResponseBase

from analytics.counting import note_answered

# Requests for what no route leads to; the address itself is the client's choice.
UNKNOWN_ENDPOINT = "unknown"


class CountRequests:
    """Counts each answer under its route."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        response = self._get_response(request)
        note_answered(find_endpoint(request), response.status_code, started)
        return response


def find_endpoint(request: HttpRequest) -> str:
    """The route that a request took; the pages of the admin are one."""
    match = request.resolver_match
    if match is None:
        return UNKNOWN_ENDPOINT
    return "/admin" if "admin" in match.app_names else f"/{match.route.rstrip('/')}"
