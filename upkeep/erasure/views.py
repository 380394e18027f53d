"""DELETE /users/{userId} and GET /erasures/{erasureId}."""

import re
from collections.abc import Iterator
from contextlib import contextmanager

import pymongo
from django.http import HttpRequest
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.events.event import MAX_USER_ID_CHARS
from analytics.keys.rates import count_request
from analytics.web.addresses import is_path_utf8, read_sent_path
from analytics.web.problems import BadRequest, NotFound, Unavailable
from ingestion.accept.reply import Reply
from ingestion.accept.views import LeanView
from upkeep.erasure.ask import TooManyToCount, ask_erasure, count_erasable
from upkeep.erasure.job import find_erasure
from upkeep.erasure.schema import describe_erasing, describe_erasure
from upkeep.erasure.wire import render_erasure

READ_TIMEOUT_SECONDS = 2.0

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_FLAGS = {"true": True, "false": False}


class ErasureView(LeanView):
    """What both have in common: the scope admin, a rate, and nothing cached."""

    scopes = ("admin",)
    headers_out: dict[str, str]

    def initial(self, request: HttpRequest, *args: object, **kwargs: object) -> None:
        super().initial(request, *args, **kwargs)
        if request.method != "OPTIONS":
            headers = count_request(request, self.sender.key, "erasure", "ERASURE_RATE")
            self.headers_out = {**headers, "Cache-Control": "private, no-store"}


class UserView(ErasureView):
    """Erase a user: written down and answered 202, done by a worker."""

    @describe_erasing
    def delete(self, request: HttpRequest, user_id: str) -> Reply:
        is_dry_run = read_dry_run(request)
        user_id = read_user_id(request, user_id)
        key = self.sender.key
        with _refusing_unavailable():
            if is_dry_run:
                found = count_erasable(key.project_id, user_id)
                return Reply(200, {"dryRun": True, **found}, self.headers_out)
            job = ask_erasure(key.project_id, key.partition, user_id, f"key {key.key_id}")
        headers = {**self.headers_out, "Location": f"/erasures/{job['_id']}"}
        return Reply(202, render_erasure(job), headers)


class JobView(ErasureView):
    """Tell how far an erasure is."""

    @describe_erasure
    def get(self, request: HttpRequest, erasure_id: str) -> Reply:
        with _refusing_unavailable(), pymongo.timeout(READ_TIMEOUT_SECONDS):
            job = find_erasure(self.sender.key.project_id, erasure_id)
        if job is None:
            raise NotFound("This project has no such erasure.")
        return Reply(200, render_erasure(job), self.headers_out)


@contextmanager
def _refusing_unavailable() -> Iterator[None]:
    try:
        yield
    except TooManyToCount:
        detail = "Counting takes too long. Erasing needs no count."
        raise BadRequest(detail, code="query_timeout") from None
    except RedisError as exc:
        raise Unavailable("The stream does not answer.", code="stream_unavailable") from exc
    except PyMongoError as exc:
        raise Unavailable("The store does not answer.", code="store_unavailable") from exc


def read_dry_run(request: HttpRequest) -> bool:
    """The one parameter. Another is refused: a mistyped `dryRun` must not erase."""
    for name in request.GET:
        if name != "dryRun":
            raise _refuse(name[:64], "unknown_parameter", "is not a parameter of this endpoint")
    values = request.GET.getlist("dryRun")
    if len(values) > 1:
        raise _refuse("dryRun", "repeated_parameter", "is given more than once")
    if values and values[0] not in _FLAGS:
        raise _refuse("dryRun", "bad_dry_run", "is neither true nor false")
    return bool(values) and _FLAGS[values[0]]


def read_user_id(request: HttpRequest, user_id: str) -> str:
    """The user that the address names, exactly: a wrong guess would erase somebody else.

    A slash that ends the address is not part of the id; a percent-encoded one is. What is not
    UTF-8 reads like an id that spells it. Both can only be told in the address as it was sent,
    which gunicorn hands over.
    """
    if not is_path_utf8(request.META):
        raise _refuse("userId", "bad_encoding", "is not UTF-8")
    if read_sent_path(request.META).endswith("/"):
        user_id = user_id.removesuffix("/")
    if not user_id:
        raise _refuse("userId", "too_short", "is empty")
    if len(user_id) > MAX_USER_ID_CHARS:
        raise _refuse("userId", "too_long", f"is over {MAX_USER_ID_CHARS} characters")
    if _CONTROL.search(user_id):
        raise _refuse("userId", "control_character", "holds a control character")
    return user_id


def _refuse(field: str, code: str, reason: str) -> BadRequest:
    error = {"field": field, "code": code, "detail": f"{field} {reason}."}
    return BadRequest(error["detail"], code=code, errors=[error])
