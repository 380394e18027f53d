"""Liveness and readiness."""

from typing import Any

import msgspec
import pymongo
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.csrf import csrf_exempt
from pymongo.errors import PyMongoError
from redis.exceptions import RedisError

from analytics.databases import mongo
from analytics.databases.redis_clients import broker_client, stream_client
from analytics.databases.redis_keys import partition_tag
from analytics.web.problems import MethodNotAllowed, problem_response

# Short: with MongoDB down this process still accepts, and the prober must hear so in time.
MONGO_TIMEOUT_SECONDS = 1.0

_METHODS = ("GET", "HEAD")


@csrf_exempt  # else Django answers a POST with a page about cookies
def healthz(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all."""
    if request.method not in _METHODS:
        return _refuse_method(request)
    return _answer(200, {"status": "ok", "version": settings.VERSION})


@csrf_exempt
def readyz(request: HttpRequest) -> HttpResponse:
    """200 while Redis takes appends; with `?for=reporting`, while MongoDB answers too.

    The body names each component as ok or degraded.
    """
    if request.method not in _METHODS:
        return _refuse_method(request)
    failing = count_failing_partitions()
    components = {
        "stream": "degraded" if failing else "ok",
        "broker": _check_broker(),
        "store": _check_store(),
    }
    ready = failing < settings.STREAM_PARTITIONS
    if request.GET.get("for") == "reporting":
        ready = ready and components["store"] == "ok"
    body = {"status": "ok" if ready else "unavailable", "components": components}
    return _answer(200 if ready else 503, body)


def count_failing_partitions() -> int:
    """How many streams take no appends. As long as one does, so does this process."""
    pipeline = stream_client().pipeline(transaction=False)
    for partition in range(settings.STREAM_PARTITIONS):
        # A write, so that a full or read-only Redis shows.
        pipeline.set(f"{partition_tag(partition)}:probe", 1, ex=60)
    try:
        replies = pipeline.execute(raise_on_error=False)
    except (RedisError, OSError):
        return settings.STREAM_PARTITIONS
    return sum(isinstance(reply, Exception) for reply in replies)


def _check_broker() -> str:
    try:
        broker_client().ping()
    except (RedisError, OSError):
        return "degraded"
    return "ok"


def _check_store() -> str:
    try:
        with pymongo.timeout(MONGO_TIMEOUT_SECONDS):
            hello = mongo.client().admin.command("hello")
    except PyMongoError:
        return "degraded"
    return "ok" if hello.get("isWritablePrimary") and hello.get("setName") else "degraded"


def _refuse_method(request: HttpRequest) -> HttpResponse:
    allowed = {"Allow": ", ".join(_METHODS)}
    detail = f'Method "{request.method}" not allowed.'
    return problem_response(MethodNotAllowed(detail, headers=allowed))


def _answer(status: int, body: dict[str, Any]) -> HttpResponse:
    headers = {"Cache-Control": "no-store"} | ({"Retry-After": "2"} if status == 503 else {})
    return HttpResponse(
        msgspec.json.encode(body), status=status, content_type="application/json", headers=headers
    )
