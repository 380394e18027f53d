"""What the OpenAPI document says about the receivers.

What their clients send is their vendors' to describe, and docs/receivers/ tells what is read of it.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiResponse, extend_schema

from analytics.web.openapi import SENDERS_AUTH, Codes, Json, object_of, refusals
from ingestion.accept.schema import BODY, EVENT_CODES, KEYED_DOOR, SENT
from ingestion.accept.schema import complete as complete_native
from ingestion.receivers.receiver import Receiver
from ingestion.receivers.table import RECEIVERS

Method = TypeVar("Method", bound=Callable[..., Any])

_TEXT = {"type": "string"}
_RECEIVER = object_of(
    {
        "name": _TEXT,
        "title": _TEXT,
        "paths": {"type": "array", "items": _TEXT},
        "key": {**_TEXT, "description": "Where its clients put a key."},
        "alias": {"type": ["string", "null"], "description": "The kind of alias in place of one."},
    }
)
TAG = "receivers"
_REFUSED = "Receiver"  # and the status: of a response that all of them share
_CODES: Codes = {
    400: (*("bad_envelope", "unknown_alias", "unknown_type"), *EVENT_CODES),
    413: ("too_many_events",),
}


def describe_receivers(method: Method) -> Method:
    return extend_schema(
        operation_id="getReceivers",
        summary="Which vendors' clients may be pointed here",
        description="The same for everyone; needs no key.",
        tags=[TAG],
        auth=[],
        responses={
            200: OpenApiResponse(
                object_of({"receivers": {"type": "array", "items": _RECEIVER}}), "All of them."
            ),
            **refusals(),
        },
    )(method)


def complete(result: Json, **_: object) -> Json:
    """drf-spectacular's hook: the receivers' paths, which are no views of their own."""
    result = complete_native(result)
    result["components"].setdefault("responses", {}).update(_describe_refusals())
    for receiver in RECEIVERS:
        for path in receiver.paths:
            said = f"What clients of {receiver.title} send: docs/receivers/{receiver.name}.md"
            result["paths"][path] = {"post": _describe("post", path, said)}
        for path, method in _list_others(receiver):
            said = f"What clients of {receiver.title} ask besides."
            result["paths"].setdefault(path, {})[method] = _describe(method, path, said)
    return result


def _describe_refusals() -> Json:
    """What any of them may refuse, once for all."""
    found: Json = {}
    for (status, media_type), response in refusals(KEYED_DOOR, SENT, BODY, _CODES).items():  # type: ignore[misc]
        schema = {"schema": response.response}
        found[f"{_REFUSED}{status}"] = {
            "description": response.description,
            "content": {media_type: schema},
        }
    return found


def _list_others(receiver: Receiver[Any]) -> Iterator[tuple[str, str]]:
    yield from ((path, "post") for path in receiver.other_views())
    for pattern in receiver.read_patterns():
        path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", str(pattern.pattern))
        yield f"/{path.rstrip('/')}", "get"


def _describe(method: str, path: str, summary: str) -> Json:
    words = re.findall(r"[A-Za-z0-9]+", path)
    operation: Json = {
        "operationId": method + "".join(word.title() for word in words),
        "summary": summary,
        "tags": [TAG],
        "security": SENDERS_AUTH,
        "parameters": [
            {"in": "path", "name": name, "required": True, "description": "As the client has it.",
             "schema": _TEXT}
            for name in re.findall(r"\{(\w+)\}", path)
        ],
        "responses": {
            "200": {"description": "As its vendor answers."},
            **{
                name.removeprefix(_REFUSED): {"$ref": f"#/components/responses/{name}"}
                for name in _describe_refusals()
            },
        },
    }  # fmt: skip
    if method == "post":
        operation["requestBody"] = {"content": {"application/json": {"schema": {}}}}
    return operation
