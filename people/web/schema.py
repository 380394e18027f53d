"""What the descriptions of the admin API have in common in the OpenAPI document."""

from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiRequest, OpenApiResponse, extend_schema

from analytics.web.openapi import (
    AUTH,
    KEYED,
    RELAYED,
    Codes,
    Json,
    describe_header,
    object_of,
    rate_headers,
    refusals,
)
from ingestion.accept.body import JSON

Method = TypeVar("Method", bound=Callable[..., Any])

TEXT: Json = {"type": "string"}
FLAG: Json = {"type": "boolean"}
NUMBER_OR_NULL: Json = {"type": ["integer", "null"], "minimum": 1}
NAME: Json = {"type": "string", "minLength": 1, "maxLength": 100}
TEXTS: Json = {"type": "array", "items": {"type": "string", "minLength": 1}}
MOMENT: Json = {"type": "string", "format": "date-time"}
MOMENT_OR_NULL: Json = {"type": ["string", "null"], "format": "date-time"}
TEXT_OR_NULL: Json = {"type": ["string", "null"]}

STORE: Codes = {
    400: ("unknown_parameter", "repeated_parameter", "too_many_parameters", "invalid_query"),
    429: ("rate_limited",),
    503: ("store_unavailable", "stream_unavailable", *RELAYED),
}
BODY: Codes = {
    400: (
        *("invalid_json", "truncated_body", "bad_content_length", "length_required"),
        "bad_compression",
        *("wrong_type", "unknown_field", "missing_field", "bad_value", "bad_timestamp"),
    ),
    408: ("request_timeout",),
    413: ("body_too_large",),
    415: ("unsupported_media_type", "unsupported_charset", "unsupported_encoding"),
}
THERE: Codes = {404: ("not_found",)}
_LISTED: Codes = {400: ("bad_limit", "bad_value")}
ONCE: Codes = {400: ("bad_idempotency_key",), 409: ("idempotency_conflict",)}
OF_SERVICE: Codes = {403: ("service_key_needed",)}

_PAGE = [
    OpenApiParameter("limit", int, description="How many, 1 to 200.", default=50),
    OpenApiParameter("after", str, description="The `after` of the answer before."),
]
IDEMPOTENT = OpenApiParameter(
    "Idempotency-Key",
    str,
    OpenApiParameter.HEADER,
    description="Of the client's making: what is sent again with it, within a day, is done once.",
)
REPLAYED = describe_header("Idempotency-Replayed", "`true`: it was made before.", 200)
LOCATION = describe_header("Location", "Where it is.", 201)


def id_in_path(name: str, description: str) -> OpenApiParameter:
    return OpenApiParameter(name, str, OpenApiParameter.PATH, description=description)


PROJECT_ID = id_in_path("project_id", "Its projectId.")


def one_of(names: Iterable[str]) -> Json:
    return {"type": "string", "enum": list(names)}


def body_of(properties: Json, *required: str) -> OpenApiRequest:
    schema: Json = {"type": "object", "properties": properties, "additionalProperties": False}
    if required:
        schema["required"] = list(required)
    return {JSON: OpenApiRequest(schema)}  # type: ignore[return-value]


def describe(
    operation_id: str,
    summary: str,
    *codes: Codes,
    answers: dict[int, tuple[Json | None, str]],
    parameters: list[OpenApiParameter],
    request: Any = None,
    description: str = "",
    tag: str = "admin",
) -> Callable[[Method], Method]:
    """An operation with a key and a rate."""

    def decorate(method: Method) -> Method:
        return extend_schema(
            operation_id=operation_id,
            summary=summary,
            description=description,
            tags=[tag],
            auth=AUTH,
            parameters=[*parameters, *rate_headers(*answers, 429)],
            request=request,
            responses={
                **{status: OpenApiResponse(*answer) for status, answer in answers.items()},
                **refusals(KEYED, STORE, *codes),
            },
        )(method)

    return decorate


def describe_list(
    operation_id: str,
    summary: str,
    name: str,
    items: Json,
    *codes: Codes,
    told: str = "By their ids.",
    parameters: Iterable[OpenApiParameter] = (PROJECT_ID,),
) -> Callable[[Method], Method]:
    """Of `items`, page by page; `name` is the list's in the answer."""
    page = object_of({name: {"type": "array", "items": items}, "after": TEXT_OR_NULL})
    return describe(
        operation_id,
        summary,
        _LISTED,
        *codes,
        answers={200: (page, told)},
        parameters=[*parameters, *_PAGE],
    )


def made(item: Json) -> dict[int, tuple[Json | None, str]]:
    """The answers of what is made once."""
    return {201: (item, "It is made."), 200: (item, "It was made before.")}
