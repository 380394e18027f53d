"""What all of the API has in common: a key, a rate, JSON in and out, nothing cached."""

from typing import Any, ClassVar, TypeVar, cast

import structlog
from django.core.exceptions import TooManyFieldsSent
from django.db import DatabaseError
from django.db.models import QuerySet
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError
from rest_framework.authentication import BaseAuthentication
from rest_framework.request import Request

from analytics.keys.rates import Counted, count_request
from analytics.web.problems import BadRequest, Unavailable
from ingestion.accept.body import JSON, read_body, read_media_type
from people.web.actors import Actor, authenticate_actor
from reporting.questions.language.json_body import Node
from reporting.questions.language.json_body import read_body as read_object
from reporting.questions.params import Parameters
from reporting.web.key_view import KeyView

log = structlog.get_logger(__name__)

MAX_BODY_BYTES = 256 * 1024
MAX_AFTER_CHARS = 200
DEFAULT_LIMIT, MAX_LIMIT = 50, 200

Row = TypeVar("Row", bound=Any)


class ActorAuthentication(BaseAuthentication):
    """Leaves the actor in `request.auth`."""

    def authenticate(self, request: Request) -> tuple[None, Any]:
        return None, authenticate_actor(request.META)


class ActorScheme(OpenApiAuthenticationExtension):
    """How the schema describes the key; drf-spectacular finds this class by being imported."""

    target_class = ActorAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        return {"type": "http", "scheme": "bearer", "description": "An API key."}


class JsonView(KeyView):
    """Counted by its key in `group`, by the rate of a setting."""

    group: ClassVar[str]
    setting: ClassVar[str]

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        if request.method == "OPTIONS":
            return
        super().initial(request, *args, **kwargs)
        self.rate_headers = count_request(
            request, cast(Counted, request.auth), self.group, self.setting
        )

    def handle_exception(self, exc: Exception) -> Any:
        if isinstance(exc, DatabaseError | PyMongoError):
            log.warning("store_unavailable", error=repr(exc))
            exc = Unavailable("The store does not answer.", code="store_unavailable")
        elif isinstance(exc, RedisError):
            log.warning("stream_unavailable", error=repr(exc))
            exc = Unavailable("The stream does not answer.", code="stream_unavailable")
        return super().handle_exception(exc)

    def body_of(self, request: Request) -> tuple[Node, bytes]:
        """An object in JSON, and nothing in the query string. Raises BadRequest."""
        self.read_parameters(request, ()).check()
        read_media_type(request.META, (JSON,))
        body = read_body(request, MAX_BODY_BYTES)
        return read_object(body), body

    def read_parameters(self, request: Request, known: tuple[str, ...]) -> Parameters:
        try:
            return Parameters(request.query_params, known)
        except TooManyFieldsSent:
            detail = "The query string has too many parameters."
            raise BadRequest(detail, code="too_many_parameters") from None


class AdminView(JsonView):
    authentication_classes = (ActorAuthentication,)
    group, setting = "admin", "ADMIN_RATE"

    def actor_of(self, request: Request) -> Actor:
        return cast(Actor, request.auth)

    def turn_page(self, request: Request, rows: "QuerySet[Row]") -> tuple[list[Row], str | None]:
        """By `limit` and `after`: some of the rows, in the order of their ids, and where the next
        ones begin. Pages never overlap, whatever is added meanwhile. Raises BadRequest."""
        given = self.read_parameters(request, ("limit", "after"))
        limit = given.number("limit", "bad_limit", low=1, high=MAX_LIMIT, default=DEFAULT_LIMIT)
        after = given.take("after") or ""
        if len(after) > MAX_AFTER_CHARS or "\x00" in after:
            given.refuse("after", "bad_value", "is none that an answer gave")
        given.check()
        if after:
            rows = rows.filter(pk__gt=after)
        found = list(rows.order_by("pk")[: limit + 1])
        more = len(found) > limit
        return found[:limit], str(found[limit - 1].pk) if more else None
