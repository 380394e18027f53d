"""What every request has in common that does not take the hot path."""

from collections.abc import Callable
from time import perf_counter

from django.http import HttpRequest, HttpResponseBase
from structlog.contextvars import bound_contextvars

from analytics.counting import note_answered
from analytics.request_id import HEADER, request_id_of

# Requests for what no route leads to; the address itself is the client's choice.
UNKNOWN_ENDPOINT = "unknown"


class FollowRequests:
    """Counts each answer under its route, and puts the request's id in its answer and its logs."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        request_id = request_id_of(request.META)
        with bound_contextvars(request_id=request_id):
            response = self._get_response(request)
        response[HEADER] = request_id
        note_answered(find_endpoint(request), response.status_code, started)
        return response


def find_endpoint(request: HttpRequest) -> str:
    """The route that a request took; the pages of the admin are one."""
    match = request.resolver_match
    if match is None:
        return UNKNOWN_ENDPOINT
    return "/admin" if "admin" in match.app_names else f"/{match.route.rstrip('/')}"
