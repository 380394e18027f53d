"""Every refusal, as RFC 9457 problem details.

Problem
 +-- BadRequest            400  the request is wrong; sending it again will not help
 +-- Unauthorized          401  no key, or one that is not valid
 +-- Forbidden             403  the key lacks the scope
 +-- NotFound              404
 +-- MethodNotAllowed      405
 +-- RequestTimeout        408  the request did not come in time: send again
 +-- TooLarge              413
 +-- UriTooLong            414
 +-- UnsupportedMediaType  415
 +-- ExpectationFailed     417
 +-- TooManyRequests       429  over a limit: send again after Retry-After seconds
 +-- HeadersTooLarge       431
 +-- Unavailable           503  not accepted: send again after Retry-After seconds
"""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar

import msgspec
import structlog
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from rest_framework import exceptions as drf

from analytics.metrics.counting import note_refused
from analytics.web.request_id import request_id_of

log = structlog.get_logger(__name__)


class Problem(Exception):
    """A refusal with a status, a machine-readable code and a sentence for people.

    `errors` holds one `{field, code, detail}` per bad field, `extra` further members of the
    answer (`eventId`, for instance), `headers` further headers.
    """

    status: ClassVar[int] = 500
    default_code: ClassVar[str] = "internal_error"

    def __init__(
        self,
        detail: str,
        *,
        code: str | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.code = code or self.default_code
        self.errors = list(errors)
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    @property
    def title(self) -> str:
        return HTTPStatus(self.status).phrase


class BadRequest(Problem):
    status, default_code = 400, "bad_request"


class Unauthorized(Problem):
    status, default_code = 401, "invalid_key"

    def __init__(self, detail: str, **fields: Any) -> None:
        super().__init__(detail, **fields)
        self.headers.setdefault("WWW-Authenticate", 'Bearer realm="analytics"')


class Forbidden(Problem):
    status, default_code = 403, "missing_scope"


class NotFound(Problem):
    status, default_code = 404, "not_found"


class MethodNotAllowed(Problem):
    status, default_code = 405, "method_not_allowed"


class Conflict(Problem):
    status, default_code = 409, "other_note"


class RequestTimeout(Problem):
    status, default_code = 408, "request_timeout"


class TooLarge(Problem):
    status, default_code = 413, "body_too_large"


class UriTooLong(Problem):
    status, default_code = 414, "uri_too_long"


class UnsupportedMediaType(Problem):
    status, default_code = 415, "unsupported_media_type"


class ExpectationFailed(Problem):
    status, default_code = 417, "expectation_failed"


class TooManyRequests(Problem):
    status, default_code = 429, "rate_limited"


class HeadersTooLarge(Problem):
    status, default_code = 431, "headers_too_large"


class Unavailable(Problem):
    """Nothing was accepted; `retry_after_seconds` goes to the Retry-After header."""

    status, default_code = 503, "unavailable"

    def __init__(self, detail: str, *, retry_after_seconds: int = 2, **fields: Any) -> None:
        super().__init__(detail, **fields)
        self.headers.setdefault("Retry-After", str(retry_after_seconds))


def problem_response(problem: Problem) -> HttpResponse:
    """`problem` as an `application/problem+json` answer."""
    note_refused(problem.code)
    body: dict[str, Any] = {
        "type": f"urn:analytics:problem:{problem.code}",
        "title": problem.title,
        "status": problem.status,
        "detail": problem.detail,
        "code": problem.code,
    }
    if problem.errors:
        body["errors"] = problem.errors
    body.update(problem.extra)
    content = msgspec.json.encode(body)
    headers = {"Cache-Control": "no-store", "Content-Length": str(len(content))}
    return HttpResponse(
        content,
        status=problem.status,
        content_type="application/problem+json",
        headers=headers | problem.headers,
    )


def handle_exception(exc: Exception, context: Mapping[str, Any]) -> HttpResponse | None:
    """DRF's exception handler: every error leaves as a problem."""
    problem = find_problem(exc)
    if isinstance(problem, MethodNotAllowed) and "view" in context:
        problem.headers.setdefault("Allow", ", ".join(context["view"].allowed_methods))
    if problem is None:
        return None
    _log_refusal(problem, context)
    return problem_response(problem)


def _log_refusal(problem: Problem, context: Mapping[str, Any]) -> None:
    """By code, project and request id; never the detail, which may quote what was sent."""
    write = log.warning if problem.status >= 500 else log.debug
    request, key = context.get("request"), getattr(context.get("view"), "key", None)
    write(
        "refused",
        code=problem.code,
        status=problem.status,
        request_id=request_id_of(request.META) if request else None,
        project=key.project_id.hex() if key else None,
    )


# What DRF itself may raise, by status; any other of its refusals is a 400.
_BY_STATUS = {kind.status: kind for kind in Problem.__subclasses__()}


def find_problem(exc: Exception) -> Problem | None:
    """The refusal that an exception of a view is; None for a fault."""
    match exc:
        case Problem():
            return exc
        case Http404():
            return NotFound("There is nothing at this address.")
        case PermissionDenied():
            return Forbidden("This is not allowed.", code="forbidden")
        case drf.APIException() if exc.status_code < 500:
            return _BY_STATUS.get(exc.status_code, BadRequest)(str(exc.detail))
        case _:
            return None


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's own 404."""
    return problem_response(NotFound("There is nothing at this address."))


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's own 400: a bad Host header, a bad form."""
    return problem_response(BadRequest("The request could not be understood."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's own 403."""
    return problem_response(Forbidden("This is not allowed.", code="forbidden"))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's own 500: our bug, logged with its traceback by Django."""
    return problem_response(Problem("Something failed here. It has been logged."))
