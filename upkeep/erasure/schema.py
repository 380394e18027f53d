"""What the OpenAPI document says about erasures."""

from collections.abc import Callable
from typing import TypeVar

from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema

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
from upkeep.erasure.job import Erasure

Method = TypeVar("Method", bound=Callable[..., object])

_COUNT: Json = {"type": "integer", "minimum": 0}
_MEANINGS = {
    "events": "Events that are tombstones now.",
    "deadLetters": "Dead letters that were emptied.",
    "duplicates": "Records of duplicates that forgot which event they are of.",
    "buckets": "Buckets of 15 minutes that were rebuilt from the events that are left.",
    "exactSets": "Sets of users and visitors, of rollups whose events are gone, that forgot.",
    "sketchedBuckets": "Buckets whose events are gone and whose sketch may still count the user.",
    "segments": "Files of the columns that were written anew without the user.",
    "exports": "Finished exports that were removed because they might hold the user.",
}
_MOMENT = {"type": "string", "format": "date-time"}
_ERASURE = object_of(
    {
        "erasureId": {"type": "string"},
        "state": {
            "type": "string",
            "enum": list(dict.fromkeys(Erasure.STATES.values())),
            "description": (
                "waiting: for events accepted before the request to be stored. clearing: no "
                "answer shows the user any more; files that do are still there."
            ),
        },
        "requestedAt": _MOMENT,
        "finishedAt": _MOMENT,
        "counts": object_of(
            {name: {**_COUNT, "description": _MEANINGS[name]} for name in Erasure.COUNTS}
        ),
    },
    optional=("finishedAt",),
)
_DRY_RUN = object_of(
    {
        "dryRun": {"type": "boolean", "const": True},
        "events": _COUNT,
        "deadLetters": _COUNT,
    }
)
_RATE: Codes = {429: ("rate_limited",), 503: ("store_unavailable", *RELAYED)}
_USER: Codes = {
    400: (
        "too_short",
        "too_long",
        "control_character",
        "bad_encoding",
        "bad_dry_run",
        "unknown_parameter",
        "repeated_parameter",
        "query_timeout",
    ),
    503: ("stream_unavailable",),
}


def describe_erasing(method: Method) -> Method:
    return extend_schema(
        operation_id="deleteUser",
        summary="Erase a user",
        description=(
            "What was accepted of the user before is erased by a job; what is accepted later is "
            "kept. Percent-encode what is not plain in the id. Needs the scope admin."
        ),
        tags=["erasure"],
        auth=AUTH,
        parameters=[
            OpenApiParameter("user_id", str, OpenApiParameter.PATH, description="The userId."),
            OpenApiParameter(
                "dryRun", bool, description="Only count what there is.", default=False
            ),
            describe_header("Location", "Where to follow the job.", 202),
            *rate_headers(200, 202, 429),
        ],
        request=None,
        responses={
            200: OpenApiResponse(_DRY_RUN, "What there is; nothing was erased."),
            202: OpenApiResponse(_ERASURE, "It will be erased."),
            **refusals(KEYED, _RATE, _USER),
        },
    )(method)


def describe_erasure(method: Method) -> Method:
    return extend_schema(
        operation_id="getErasure",
        summary="How far an erasure is",
        description="Needs the scope admin.",
        tags=["erasure"],
        auth=AUTH,
        parameters=[
            OpenApiParameter(
                "erasure_id", str, OpenApiParameter.PATH, description="Its erasureId."
            ),
            *rate_headers(200, 429),
        ],
        responses={
            200: OpenApiResponse(_ERASURE, "Its state."),
            **refusals(KEYED, _RATE, {404: ("not_found",)}),
        },
    )(method)
