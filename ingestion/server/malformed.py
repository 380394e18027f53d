"""What gunicorn refuses before there is a request, told as every other refusal is."""

import structlog
from gunicorn.http import errors

from analytics.web.problems import (
    BadRequest,
    ExpectationFailed,
    HeadersTooLarge,
    Problem,
    RequestTimeout,
    UriTooLong,
    problem_response,
)
from ingestion.server.wire_answer import http_date

log = structlog.get_logger(__name__)


def find_problem(error: BaseException) -> Problem | None:
    """The refusal for what gunicorn's parser raised; None for a fault of our own.

    The parser's words are left out of answer and log: they quote the request, keys included.
    """
    match error:
        case TimeoutError():
            return RequestTimeout("The head did not come in time.")
        case errors.LimitRequestLine():
            return UriTooLong("The request line is too long.")
        case errors.LimitRequestHeaders():
            return HeadersTooLarge("The headers are too large, or too many.")
        case errors.ExpectationFailed():
            return ExpectationFailed("The only expectation is 100-continue.")
        case errors.ConfigurationProblem():
            return None
        case errors.ParseException():
            return BadRequest("This is not a valid HTTP request.", code="malformed_request")
        case _:
            return None


def render_error(error: BaseException) -> bytes:
    """The whole answer to what raised `error`; the connection is to be closed after it."""
    problem = find_problem(error)
    if problem is None:
        log.error("unexpected_error", exc_info=error)
        problem = Problem("Something failed here. It has been logged.")
    else:
        log.info("request_malformed", code=problem.code, kind=type(error).__name__)
    response = problem_response(problem)
    head = [
        f"HTTP/1.1 {problem.status} {problem.title}",
        f"Date: {http_date()}",
        "Connection: close",
    ]
    head += [f"{name}: {value}" for name, value in response.items()]
    head += ["X-Content-Type-Options: nosniff", "\r\n"]
    return "\r\n".join(head).encode("latin-1") + response.content
