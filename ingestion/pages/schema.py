"""The OpenAPI text of what pages read here."""

from collections.abc import Callable
from typing import Any, TypeVar

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

from analytics.events import event as limits

Method = TypeVar("Method", bound=Callable[..., Any])

_OF_THE_PAGE = {
    "url": f"The address of the page, up to {limits.MAX_URL_CHARS:,} characters.",
    "path": "Its path, where there is no address. Goes before that of `url`.",
    "referrer": "Where its visitor came from.",
    "title": "Its title.",
}


def describe_pixel(method: Method) -> Method:
    return extend_schema(
        operation_id="getPixel",
        summary="Count a view by a picture",
        description=(
            "For what runs no script. A picture whatever happens; the header says what did. Other "
            "parameters are ignored. Without `url` and `path` it is the page that shows it."
        ),
        tags=["ingestion"],
        auth=[],
        parameters=[
            OpenApiParameter("key", str, description="A public key."),
            *(OpenApiParameter(name, str, description=text) for name, text in _OF_THE_PAGE.items()),
            OpenApiParameter(
                "X-Analytics",
                str,
                OpenApiParameter.HEADER,
                response=[200],
                description="`queued`, `excluded`, or the code of a refusal.",
            ),
        ],
        responses={
            (200, "image/gif"): OpenApiResponse(OpenApiTypes.BINARY, "One transparent point."),
        },
    )(method)
