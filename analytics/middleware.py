"""What every request has in common that does not take the hot path."""

from collections.abc import Callable
from time import perf_counter

import structlog
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from pymongo.errors import ConnectionFailure, PyMongoError
from redis import exceptions as redis
from structlog.contextvars import bound_contextvars

from analytics.counting import note_answered
from analytics.problems import Unavailable, problem_response
from analytics.request_id import HEADER, request_id_of

log = structlog.get_logger(__name__)

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

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """A store that does not answer is no fault of the view that asked it, nor of ours."""
        problem = find_unavailable(exception)
        if problem is None:
            return None
        log.warning(
            "refused", code=problem.code, status=problem.status, error=repr(exception)[:300]
        )
        return problem_response(problem)


def find_unavailable(error: BaseException | None) -> Unavailable | None:
    """The refusal for an error that says that MongoDB or Redis does not answer; else None."""
    if isinstance(error, DatabaseError):  # Django's name for it
        error = error.__cause__
    if isinstance(error, ConnectionFailure) or (isinstance(error, PyMongoError) and error.timeout):
        return Unavailable("The store does not answer.", code="store_unavailable")
    if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
        return Unavailable("Redis does not answer.", code="stream_unavailable")
    return None


def find_endpoint(request: HttpRequest) -> str:
    """The route that a request took; the pages of the admin are one."""
    match = request.resolver_match
    if match is None:
        return UNKNOWN_ENDPOINT
    return "/admin" if "admin" in match.app_names else f"/{match.route.rstrip('/')}"
