"""What the OpenAPI document says alike about exports and imports."""

from collections.abc import Callable
from typing import Any, Protocol, TypeVar

from drf_spectacular.utils import OpenApiResponse, extend_schema

from analytics.web.openapi import AUTH, KEYED, RELAYED, Codes, rate_headers, refusals

Method = TypeVar("Method", bound=Callable[..., Any])

NOT_THERE: Codes = {404: ("not_found",)}
STORE: Codes = {
    400: ("invalid_query", "repeated_parameter", "too_many_parameters", "unknown_parameter"),
    429: ("rate_limited",),
    503: ("store_unavailable", *RELAYED),
}


class Describe(Protocol):
    """Of an operation: its id, what it does, the status and shape of its answer, its refusals."""

    def __call__(
        self, name: str, summary: str, description: str, status: int, answer: Any, *codes: Codes,
        **more: Any,
    ) -> Callable[[Method], Method]: ...  # fmt: skip


def describe_as(tag: str, told: str) -> Describe:
    """How the operations of `tag` are described; `told` says what they answer."""

    def describe(
        name: str, summary: str, description: str, status: int, answer: Any, *codes: Codes,
        **more: Any,
    ) -> Callable[[Method], Method]:  # fmt: skip
        parameters = [*more.pop("parameters", ()), *rate_headers(200, 202, 429)]
        return extend_schema(
            operation_id=name,
            summary=summary,
            description=description,
            tags=[tag],
            auth=AUTH,
            parameters=parameters,
            responses={
                status: OpenApiResponse(answer, told),
                **refusals(KEYED, STORE, *codes),
            },
            **more,
        )

    return describe
