"""What the descriptions of all endpoints share in the OpenAPI document."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse

Json = dict[str, Any]
Codes = Mapping[int, tuple[str, ...]]
Responses = dict[int | tuple[int, str], Any]

PROBLEM_TYPE = "application/problem+json"
AUTH: Any = [{"apiKey": []}]
SENDERS_AUTH: Any = [*AUTH, {"publicKey": []}]

MOMENT = [{"format": "date-time"}, {"format": "date"}]

# What any endpoint may refuse with, and what those with a key add to it. The codes are explained
# in docs/http-api.md.
ANY: Codes = {
    400: ("bad_request", "malformed_request"),
    414: ("uri_too_long",),
    417: ("expectation_failed",),
    431: ("headers_too_large",),
    500: ("internal_error",),
}
KEYED: Codes = {
    401: (
        *("missing_key", "invalid_key", "revoked_key", "expired_key", "inactive_project"),
        "key_in_address",
    ),
    403: ("missing_scope",),
    429: ("too_many_failures",),
    503: ("keys_unavailable",),
}

_SAME_EVERYWHERE = {"401", "414", "417", "431", "500"}
_MEANINGS = {
    400: "The request is wrong; sending it again will not help.",
    401: "No API key, or one that is not valid.",
    403: "The API key may not do this.",
    404: "There is nothing of that name.",
    409: "It contradicts what is there already.",
    408: "The request did not come in time.",
    413: "More than is taken at once.",
    414: "The request line is too long.",
    415: "A body that is not understood.",
    417: "An expectation that is not met.",
    429: "Over a limit: send the same again after `Retry-After` seconds.",
    431: "The headers are too large.",
    500: "A fault of the service's own; it is logged.",
    503: "Not accepted, or unknown: send the same again after `Retry-After` seconds.",
}


def object_of(properties: Json, *, optional: Sequence[str] = ()) -> Json:
    """An object that has all of `properties`, but for those that it may lack."""
    required = [name for name in properties if name not in optional]
    return {"type": "object", "required": required, "properties": properties}


def refusals(*codes: Codes) -> Responses:
    """The refusals of an endpoint: per status, the codes that it may carry."""
    merged: dict[int, list[str]] = {}
    for part in (ANY, *codes):
        for status, names in part.items():
            merged.setdefault(status, []).extend(names)
    return {
        (status, PROBLEM_TYPE): OpenApiResponse(_problem(names), _MEANINGS[status])
        for status, names in sorted(merged.items())
    }


def _problem(codes: Iterable[str]) -> Json:
    return {
        "allOf": [
            {"$ref": "#/components/schemas/Problem"},
            {"properties": {"code": {"enum": sorted(set(codes))}}},
        ]
    }


def describe_header(name: str, description: str, *statuses: int) -> OpenApiParameter:
    """A header of the answers with one of `statuses`."""
    return OpenApiParameter(
        name, str, OpenApiParameter.HEADER, description=description, response=list(statuses)
    )


def rate_headers(*statuses: int) -> list[OpenApiParameter]:
    """Of an endpoint with a rate: `statuses` are those that tell it."""
    return [
        describe_header("RateLimit-Policy", "`q` at once, regained within `w` seconds.", *statuses),
        describe_header("RateLimit", "`r` left, all again in `t` seconds.", *statuses),
        RETRY_AFTER,
    ]


# Of what a process that accepts leaves to others.
RELAYED = ("reports_unavailable", "reports_busy")
RETRY_AFTER = describe_header("Retry-After", "Seconds to wait before sending again.", 429, 503)

_TEXT = {"type": "string"}
_PROBLEM = {
    "type": "object",
    "description": "A refusal (RFC 9457).",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string", "example": "urn:analytics:problem:missing_field"},
        "title": _TEXT,
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "For people."},
        "code": {"type": "string", "description": "For programs."},
        "errors": {
            "type": "array",
            "description": "What is wrong with which field.",
            "items": {"$ref": "#/components/schemas/FieldError"},
        },
        "eventId": {"type": "string", "description": "The id to send the event again with."},
        "eventIds": {
            "type": "array",
            "description": "The ids to send the events of a batch again with.",
            "items": _TEXT,
        },
    },
}
_FIELD_ERROR = {
    "type": "object",
    "required": ["field", "code", "detail"],
    "properties": {
        "index": {"type": "integer", "description": "In a batch, from 0."},
        "field": {"type": ["string", "null"], "description": "null: the event as a whole."},
        "code": _TEXT,
        "detail": _TEXT,
    },
}
_KEYS = {
    "apiKey": {"type": "http", "scheme": "bearer", "description": "An API key."},
    "publicKey": {
        "type": "apiKey",
        "in": "query",
        "name": "key",
        "description": "A public API key, which sends events from web pages and apps.",
    },
}


def _describe_health(operation_id: str, summary: str, *extra: tuple[str, Any]) -> Json:
    def answer(description: str, status: str) -> Json:
        schema = {"$ref": "#/components/schemas/Health"}
        example = {"status": status}
        return {
            "description": description,
            "content": {"application/json": {"schema": schema, "example": example}},
        }

    responses = {"200": answer("Yes.", "ok")}
    if extra:
        responses["503"] = answer("No; `components` says why.", "unavailable")
        refusal = {"schema": {"$ref": "#/components/schemas/Problem"}}
        responses["503"]["content"]["application/problem+json"] = refusal
        responses["503"]["headers"] = {"Retry-After": {"schema": _TEXT}}
    operation = {
        "operationId": operation_id,
        "summary": summary,
        "tags": ["health"],
        **dict(extra),
        "responses": responses,
    }
    return {"get": operation}


_HEALTH = {
    "type": "object",
    "required": ["status"],
    "properties": {
        "status": {"type": "string", "enum": ["ok", "unavailable"]},
        "version": {"type": "string", "description": "Of the service; `/healthz` only."},
        "components": {
            "type": "object",
            "additionalProperties": {"type": "string", "enum": ["ok", "degraded"]},
        },
    },
}
_FOR = {
    "in": "query",
    "name": "for",
    "description": "`reporting`: also ask whether reports can be answered.",
    "schema": {"type": "string", "examples": ["reporting"]},
}
_HEALTH_PATHS = {
    "/healthz": _describe_health("getLiveness", "Does the process answer?"),
    "/readyz": _describe_health(
        "getReadiness", "Does the stream take events?", ("parameters", [_FOR])
    ),
}


def complete(result: Json, **_: Any) -> Json:
    """drf-spectacular's hook: what does not come from a view of its own."""
    components = result.setdefault("components", {})
    own = components.pop("responses", {})
    components["securitySchemes"] = {**_KEYS, **components.get("securitySchemes", {})}
    components.setdefault("schemas", {}).update(
        Problem=_PROBLEM, FieldError=_FIELD_ERROR, Health=_HEALTH
    )
    paths = {_to_camel(path): _amend(item) for path, item in result["paths"].items()}
    result["paths"] = dict(sorted((paths | _HEALTH_PATHS).items()))
    components["responses"] = dict(sorted((own | _share_responses(result["paths"])).items()))
    return result


def _share_responses(paths: Json) -> Json:
    """Take out of the operations the refusals that are the same in all of them."""
    shared: Json = {}
    for operation in [operation for item in paths.values() for operation in item.values()]:
        for status in _SAME_EVERYWHERE & operation["responses"].keys():
            name = f"Refused{status}"
            if "$ref" in operation["responses"][status]:
                continue
            if (
                shared.setdefault(name, operation["responses"][status])
                == operation["responses"][status]
            ):
                operation["responses"][status] = {"$ref": f"#/components/responses/{name}"}
    return shared


def _to_camel(path: str) -> str:
    """`/event/{event_id}` as `/event/{eventId}`, the name that the wire uses."""
    return re.sub(r"_([a-z])(?=\w*\})", lambda match: match[1].upper(), path)


def _amend(item: Json) -> Json:
    for operation in item.values():
        if "requestBody" in operation:
            operation["requestBody"]["required"] = True
        for parameter in operation.get("parameters", ()):
            if parameter["in"] == "path":
                parameter["name"] = _to_camel(f"{{{parameter['name']}}}")[1:-1]
    return item
