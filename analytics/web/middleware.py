"""What every request has in common that does not take the hot path."""

import sys
from collections.abc import Callable
from time import perf_counter

import structlog
from django.core.exceptions import ValidationError
from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from pymongo.errors import ConnectionFailure, OperationFailure, PyMongoError
from redis import exceptions as redis
from structlog.contextvars import bound_contextvars

from analytics.metrics.counting import note_answered
from analytics.web import problems
from analytics.web.problems import BadRequest, Problem, Unavailable, problem_response
from analytics.web.request_id import HEADER, request_id_of

log = structlog.get_logger(__name__)

# Requests for what no route leads to; the address itself is the client's choice.
UNKNOWN_ENDPOINT = "unknown"

# Of MongoDB: Django's backend compares names without regard to case by an unescaped pattern.
_INVALID_REGEX = 51091


class FollowRequests:
    """Counts each answer under its route, and puts the request's id in its answer and its logs.

    It also gives an answer its length, which each view would have to do otherwise.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self._get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        started = perf_counter()
        request_id = request_id_of(request.META)
        with bound_contextvars(request_id=request_id):
            response = self._get_response(request)
        response[HEADER] = request_id
        if response.status_code == 204 and "Content-Type" in response:
            del response["Content-Type"]  # of no content
        elif isinstance(response, HttpResponse) and "Content-Length" not in response:
            response["Content-Length"] = str(len(response.content))  # else it goes out in chunks
        note_answered(find_endpoint(request), response.status_code, started)
        return response

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """What is neither the fault of the view that raised it, nor ours."""
        problem = find_problem(exception)
        if isinstance(problem, Unavailable):
            error = repr(exception.__cause__ or exception)[:300]
            log.warning("refused", code=problem.code, status=problem.status, error=error)
        return problem_response(problem) if problem else None


def server_error(request: HttpRequest) -> HttpResponse:
    """What failed outside a view, where no `process_exception` is asked: saving a session, say."""
    problem = find_problem(sys.exc_info()[1])
    return problem_response(problem) if problem else problems.server_error(request)


def find_problem(error: BaseException | None) -> Problem | None:
    """The refusal for a store that does not answer, or that cannot look for what a form names."""
    if isinstance(error, DatabaseError):  # Django's name for it
        error = error.__cause__
    if isinstance(error, ConnectionFailure) or (isinstance(error, PyMongoError) and error.timeout):
        return Unavailable("The store does not answer.", code="store_unavailable")
    if isinstance(error, (redis.ConnectionError, redis.TimeoutError)):
        return Unavailable("Redis does not answer.", code="stream_unavailable")
    is_bad_pattern = isinstance(error, OperationFailure) and error.code == _INVALID_REGEX
    if is_bad_pattern or isinstance(error, ValidationError):
        return BadRequest("The request could not be understood.")
    return None


def find_endpoint(request: HttpRequest) -> str:
    """The route that a request took; the pages of the admin are one."""
    match = request.resolver_match
    if match is None:
        return UNKNOWN_ENDPOINT
    return "/admin" if "admin" in match.app_names else f"/{match.route.rstrip('/')}"
